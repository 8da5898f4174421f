//! Locks and atomics of what is handed over between tasks. `e2e/interleavings` compiles the same code against others, which
//! try every order.

pub(crate) use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};
