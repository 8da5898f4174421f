//! The server from outside: real sockets, a client made by hand.

#[path = "../common/mod.rs"]
mod common;

mod app;
mod cancel;
mod health;
mod hook_times;
mod hooks;
mod limits;
mod misbehaviour;
mod panics;
mod shutdown;
mod threads;
