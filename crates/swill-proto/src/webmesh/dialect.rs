use super::codec::{Codec, HexZlib, Json, Zlib};
use crate::{Capabilities, Format};
use std::{fmt, sync::Arc};

/// How the messages of a connection are written. It belongs to the connection: nothing in a message tells it.
///
/// | | WebSocket messages | encoding | key of the path |
/// |---|---|---|---|
/// | [`V0_1_2`](Self::V0_1_2) | text | MessagePack, zlib, hex digits | `path` |
/// | [`V0_1_2_JSON`](Self::V0_1_2_JSON) | text | JSON | `path` |
/// | [`HEAD`](Self::HEAD) | binary; text as 0.1.2 is taken, too | MessagePack, zlib | `target` |
/// | [`HEAD_JSON`](Self::HEAD_JSON) | text; binary is taken, too | JSON | `target` |
///
/// A dialect of one's own has a [`Codec`] of one's own.
///
/// ```
/// use std::borrow::Cow;
/// use swill_proto::{Format, Kind, Message, webmesh::{Codec, Dialect}};
///
/// /// MessagePack as it is, without compression.
/// struct Bare;
///
/// impl Codec for Bare {
///     fn format(&self) -> Format {
///         Format::MessagePack
///     }
///
///     fn kind(&self) -> Kind {
///         Kind::Binary
///     }
///
///     fn decode<'m>(&self, message: Message<'m>, _limit: usize) -> Option<Cow<'m, [u8]>> {
///         (message.kind == Kind::Binary).then_some(message.data.into())
///     }
///
///     fn encode<'o>(&self, object: &'o [u8]) -> Cow<'o, [u8]> {
///         object.into()
///     }
/// }
///
/// let dialect = Dialect::new("path", Bare);
/// assert_eq!(dialect.capabilities().format, Format::MessagePack);
/// ```
#[derive(Clone)]
pub struct Dialect {
    pub(super) key: &'static str,
    pub(super) tells_failures: bool,
    capabilities: &'static Capabilities,
    codec: Shared,
}

#[derive(Clone)]
enum Shared {
    Built(&'static dyn Codec),
    Own(Arc<dyn Codec>),
}

impl Dialect {
    /// What the released version 0.1.2 speaks.
    pub const V0_1_2: Self = Self {
        key: "path",
        tells_failures: true,
        capabilities: &capabilities("WebMesh 0.1.2", Format::MessagePack),
        codec: Shared::Built(&HexZlib),
    };

    /// Version 0.1.2 with its JSON serializer.
    pub const V0_1_2_JSON: Self = Self {
        key: "path",
        tells_failures: true,
        capabilities: &capabilities("WebMesh 0.1.2, JSON", Format::Json),
        codec: Shared::Built(&Json { binary: false }),
    };

    /// The unreleased version, as far as its messages are known.
    pub const HEAD: Self = Self {
        key: "target",
        tells_failures: false,
        capabilities: &capabilities("WebMesh HEAD", Format::MessagePack),
        codec: Shared::Built(&Zlib),
    };

    /// The unreleased version with its JSON serializer.
    pub const HEAD_JSON: Self = Self {
        key: "target",
        tells_failures: false,
        capabilities: &capabilities("WebMesh HEAD, JSON", Format::Json),
        codec: Shared::Built(&Json { binary: true }),
    };

    /// A dialect of one's own: the key that the path is under, and how messages are written. It tells failures, as
    /// 0.1.2 does.
    pub fn new(key: &'static str, codec: impl Codec + 'static) -> Self {
        let capabilities = match codec.format() {
            Format::MessagePack => const { &capabilities("WebMesh", Format::MessagePack) },
            Format::Json => const { &capabilities("WebMesh, JSON", Format::Json) },
        };
        Self { key, tells_failures: true, capabilities, codec: Shared::Own(Arc::new(codec)) }
    }

    /// Whether an unknown path and a failed call are answered with a text. Without it the caller hears nothing.
    #[must_use]
    pub fn tell_failures(mut self, tell: bool) -> Self {
        self.tells_failures = tell;
        self
    }

    /// What this dialect can say.
    pub fn capabilities(&self) -> &'static Capabilities {
        self.capabilities
    }

    pub(super) fn codec(&self) -> &dyn Codec {
        match &self.codec {
            Shared::Built(codec) => *codec,
            Shared::Own(codec) => &**codec,
        }
    }

    pub(super) fn format(&self) -> Format {
        self.capabilities.format
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialect")
            .field("name", &self.capabilities.name)
            .field("key", &self.key)
            .field("tells_failures", &self.tells_failures)
            .finish_non_exhaustive()
    }
}

const fn capabilities(name: &'static str, format: Format) -> Capabilities {
    Capabilities { notifies_peer: true, ..Capabilities::basic(name, format) }
}
