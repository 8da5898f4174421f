//! A server that tests put under pressure, and what they look at it with: raw sockets, and what the system knows of a
//! process.

pub mod cgroup;
pub mod process;
pub mod raw;
pub mod service;

/// What goes wrong, as text for people.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
