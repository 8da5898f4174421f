use swill_proto::{Capabilities, Format, Metadata, Parameters, jsonrpc, swill1};
use swill_proto::{Code, Error, Result, Shape};

/// What a client and its server speak. Set by [`Builder::protocol`](crate::Builder::protocol).
///
/// | | [`Swill`](Self::Swill) | [`JsonRpc`](Self::JsonRpc), [`JsonRpcMsgpack`](Self::JsonRpcMsgpack) |
/// |---|---|---|
/// | subprotocol that is offered | `swill/1` | none, so that any server takes it |
/// | calls, streams out, cancellation | yes | yes |
/// | streams in, metadata | yes | no: code 501, and nothing is sent |
/// | notifications | calls whose answers nobody reads | yes |
/// | batches | calls one after the other | one message, answered by one message |
/// | the server calls the client's [handlers](crate::Builder::handle) | never | at any time |
/// | errors | the codes of [`Code`] | also those of JSON-RPC: -32601 for an unknown method, -32602 for parameters that do not fit |
///
/// In JSON-RPC parameters are a list or a map. A tuple, list, map or struct is just that; any other value becomes a list
/// of one, and `()` is no parameters at all. A procedure whose single parameter is a list or a map takes it in a tuple:
/// `(numbers,)`.
///
/// A server that speaks several protocols under the same address chooses by the subprotocol, or takes its default if none
/// is offered: one of Swill is asked for JSON-RPC by `subprotocols(["jsonrpc"])`, for its other codec by
/// `subprotocols(["jsonrpc.msgpack"])`.
///
/// JSON-RPC has no word for streams out; what Swill's servers and clients say for them (a subscription, notifications
/// `$/stream`, and `$/cancelRequest`) is written down in the protocol document of Swill. A server that knows nothing of
/// that answers with something else, which the stream takes for the name of a subscription and then waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// `swill/1`, Swill's own.
    #[default]
    Swill,
    /// JSON-RPC 2.0, as JSON in text messages.
    JsonRpc,
    /// JSON-RPC 2.0, as MessagePack in binary messages.
    JsonRpcMsgpack,
}

impl Protocol {
    #[inline]
    fn capabilities(self) -> &'static Capabilities {
        match self {
            Self::Swill => &swill1::CAPABILITIES,
            Self::JsonRpc => &jsonrpc::CAPABILITIES,
            Self::JsonRpcMsgpack => &jsonrpc::MSGPACK_CAPABILITIES,
        }
    }

    /// How values are written.
    #[inline]
    pub(crate) fn format(self) -> Format {
        match self {
            Self::Swill | Self::JsonRpcMsgpack => Format::MessagePack,
            Self::JsonRpc => Format::Json,
        }
    }

    /// Whether parameters are always a list or a map.
    #[inline]
    pub(crate) fn lists_parameters(self) -> bool {
        self.capabilities().parameters == Parameters::Listed
    }

    /// Whether there are calls without an answer.
    #[inline]
    pub(crate) fn notifies(self) -> bool {
        self.capabilities().notifies_peer
    }

    /// Whether metadata travels.
    #[cfg(feature = "opentelemetry")]
    pub(crate) fn carries_metadata(self) -> bool {
        self.capabilities().metadata
    }

    /// The most that a message has around payload, name and metadata.
    pub(crate) fn envelope(self) -> usize {
        match self {
            Self::Swill => 32,
            Self::JsonRpc | Self::JsonRpcMsgpack => 80,
        }
    }

    /// The subprotocols that are offered if nobody says anything else.
    pub(crate) fn subprotocols(self) -> Vec<String> {
        match self {
            Self::Swill => vec!["swill/1".to_owned()],
            Self::JsonRpc | Self::JsonRpcMsgpack => Vec::new(),
        }
    }

    /// Whether a server has to choose one of the subprotocols.
    pub(crate) fn needs_subprotocol(self) -> bool {
        self == Self::Swill
    }

    /// Whether a call can be said.
    ///
    /// # Errors
    ///
    /// Code 501 if not.
    #[inline]
    pub(crate) fn carries(self, shape: Shape, metadata: Option<&Metadata>) -> Result<()> {
        match self {
            // Everything.
            Self::Swill => Ok(()),
            Self::JsonRpc | Self::JsonRpcMsgpack => self.capable(shape, metadata),
        }
    }

    fn capable(self, shape: Shape, metadata: Option<&Metadata>) -> Result<()> {
        let capabilities = self.capabilities();
        if !capabilities.carries(shape) {
            return Err(cannot(capabilities, if shape.streams_in { "a stream in" } else { "a stream out" }));
        }
        match metadata {
            Some(metadata) if !capabilities.metadata && !metadata.is_empty() => {
                Err(cannot(capabilities, "metadata"))
            }
            _ => Ok(()),
        }
    }
}

#[cold]
fn cannot(capabilities: &Capabilities, what: &str) -> Error {
    Error::new(Code::UNIMPLEMENTED, format!("{} cannot carry {what}; nothing was sent", capabilities.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_protocol_cannot_say_is_refused() {
        let metadata = Metadata::from([("language", "fr")]);
        for (protocol, shape, metadata, what) in [
            (Protocol::Swill, Shape::BOTH, Some(&metadata), None),
            (Protocol::JsonRpc, Shape::SINGLE, None, None),
            (Protocol::JsonRpc, Shape::SINGLE, Some(&Metadata::default()), None),
            (Protocol::JsonRpcMsgpack, Shape::STREAM_OUT, None, None),
            (Protocol::JsonRpc, Shape::STREAM_IN, None, Some("a stream in")),
            (Protocol::JsonRpcMsgpack, Shape::BOTH, None, Some("a stream in")),
            (Protocol::JsonRpc, Shape::SINGLE, Some(&metadata), Some("metadata")),
        ] {
            let result = protocol.carries(shape, metadata);
            match what {
                None => assert!(result.is_ok(), "{protocol:?} {shape}"),
                Some(what) => {
                    let error = result.unwrap_err();
                    assert_eq!(error.code(), Code::UNIMPLEMENTED);
                    assert!(error.message().contains(what), "{error}");
                }
            }
        }
    }
}
