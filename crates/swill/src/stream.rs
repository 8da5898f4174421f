//! Makes streams for procedures that stream out.
//!
//! [`stream!`](crate::stream!) writes one like a loop; [`iter`] and [`unfold`] make one of values. Every other
//! [`Stream`](crate::Stream) will do as well.

pub use futures_util::stream::{empty, iter, once, unfold};
