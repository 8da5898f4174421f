//! Locks, atomics and messages of what is handed over between tasks. `e2e/interleavings` compiles the same code against
//! others, which try every order.

pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
pub(crate) use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
