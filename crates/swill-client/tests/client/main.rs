//! The client against a scripted server in memory. Time is paused: it moves when nothing else can happen.

mod calls;
mod cancelling;
mod closing;
mod handshake;
mod hostile;
mod json_rpc;
mod metadata;
mod pressure;
mod reconnecting;
mod support;
