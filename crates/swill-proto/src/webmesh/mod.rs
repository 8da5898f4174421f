//! WebMesh: calls by path, one object per message, in one of several dialects.
//!
//! | | |
//! |---|---|
//! | call | `{"path": "/math/add", "data": [1, 2]}`; without `data` it is null |
//! | answer | the same path, with the answer as `data`; null is said by silence |
//! | unknown path | the same path with the text `Path not found`, in the dialects of 0.1.2 |
//! | failed call | the same path with the text of the error, in the dialects of 0.1.2 |
//!
//! A [`Dialect`] says which key the path is under, how the object is written and what a WebSocket message holds. There
//! are no ids: nothing but the path says which call an answer belongs to. The calls of a connection run at the same time.
//!
//! A path is looked up as a procedure's name first: `/math/add` is `math.add`. Then it is a pattern's turn, see
//! [`Directory::route`](crate::Directory::route).
//!
//! [`Server`] and [`Client`] are the two machines.

mod arguments;
mod client;
mod codec;
mod dialect;
mod message;
mod pack;
mod server;
mod zlib;

pub use client::Client;
pub use codec::{Codec, Undecodable};
pub use dialect::Dialect;
pub use server::Server;

use std::borrow::Cow;

/// What a peer may make a machine of WebMesh keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a message when it is decompressed: 1 MiB by default. One that has more is dropped like any other that
    /// cannot be decoded; no more than this is ever reserved for it.
    pub inflated: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { inflated: 1 << 20 }
    }
}

/// The longest path that is looked up, in bytes.
const LONGEST_PATH: usize = 1024;

/// What the dialects of 0.1.2 say of an unknown path.
const NOT_FOUND: &str = "Path not found";

/// The name that a path stands for, if it begins as a path does and is not the bare slash.
fn name(path: &str) -> Option<Cow<'_, str>> {
    let name = path.strip_prefix('/').filter(|name| !name.is_empty())?;
    Some(if name.contains('/') { name.replace('/', ".").into() } else { name.into() })
}

/// The path that a name stands for. A name that is a path already stays as it is.
fn path(name: &str) -> Cow<'_, str> {
    if name.starts_with('/') { name.into() } else { format!("/{}", name.replace('.', "/")).into() }
}
