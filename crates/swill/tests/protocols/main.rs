//! Every protocol over the same procedures: what is the same, and what is told apart.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod choice;
mod hooks;
mod kit;
mod limits;
mod order;
mod peers;
mod sayings;
mod streams;
