use std::fmt;

/// How a value is written.
///
/// Every value that Swill carries can be written in either format; which one is used belongs to the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// MessagePack. Structs are maps with their field names as keys; enums, options and tuples as serde writes them.
    MessagePack,
    /// JSON (RFC 8259).
    Json,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MessagePack => "MessagePack",
            Self::Json => "JSON",
        })
    }
}
