//! What can be seen of calls from outside: spans, the log of calls, traces.

#[path = "../common/mod.rs"]
mod common;

mod call_log;
mod spans;
mod traces;
