//! The command, run as a user runs it, against servers in this process.

mod bench;
mod call;
mod docs;
mod inspect;
mod support;
mod tap;
