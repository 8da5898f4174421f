use crate::{call::End, request::decode_last};
use serde::de::DeserializeOwned;
use swill_proto::{Format, Metadata, Result};

/// An answer with the metadata around it.
///
/// Made by [`Request::call_with_metadata`](crate::Request::call_with_metadata) and
/// [`Sender::finish_with_metadata`](crate::Sender::finish_with_metadata).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Response<R> {
    /// The answer.
    pub value: R,
    /// What the server said ahead of the answer or with it; empty if nothing.
    pub leading: Metadata,
    /// What the server said at the end; empty if nothing.
    pub trailing: Metadata,
}

impl<R: DeserializeOwned> Response<R> {
    pub(crate) fn new(format: Format, end: End, leading: Option<Box<Metadata>>) -> Result<Self> {
        Ok(Self {
            value: decode_last(format, &end)?,
            leading: leading.map(|metadata| *metadata).unwrap_or_default(),
            trailing: end.trailing.map(|metadata| *metadata).unwrap_or_default(),
        })
    }
}
