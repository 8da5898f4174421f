use crate::scan::Malformed;

/// A limit that a machine holds messages against.
///
/// A machine that refuses something because of one tells whoever looks after this side
/// ([`Outgoing::exceeded`](crate::Outgoing::exceeded)); the peer hears of it in the words of its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Bytes of answers that are held back.
    Answers,
    /// Calls and notifications in one message.
    Batch,
    /// Calls that were answered while their streams in go on.
    Draining,
    /// Bytes of a call's id.
    Id,
    /// Bytes of a message that was inflated.
    Message,
    /// Bytes of metadata.
    MetadataBytes,
    /// Keys of metadata.
    MetadataKeys,
    /// Bytes of a procedure's name.
    Name,
    /// How deep data is nested.
    Nesting,
    /// Bytes of a path by which a procedure is called.
    Path,
}

impl Limit {
    /// The limit that bytes exceed which are malformed like this.
    pub(crate) fn of(malformed: Malformed) -> Option<Self> {
        (malformed == Malformed::TooDeep).then_some(Self::Nesting)
    }
}
