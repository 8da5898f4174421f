//! The server from outside: real sockets, a client made by hand.

#[path = "../common/mod.rs"]
mod common;

mod cancel;
mod hooks;
mod misbehaviour;
mod panics;
mod threads;
