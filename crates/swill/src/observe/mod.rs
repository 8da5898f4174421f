//! What a server tells those who look after it.

mod trace_context;

pub use trace_context::{InvalidTraceContext, TraceContext};
