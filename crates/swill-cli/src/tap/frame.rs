use crate::json::Marked;
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use swill_proto::Value;

/// Who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

impl Side {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// Where it goes, if the server is on the right.
    pub(super) fn arrow(self) -> &'static str {
        match self {
            Self::Client => "→",
            Self::Server => "←",
        }
    }
}

/// One thing that was said: in a message, of which one may say several, or by the connection itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) kind: &'static str,
    /// The number or id of the call.
    pub(super) call: Option<Value>,
    pub(super) procedure: Option<String>,
    pub(super) payload: Option<Value>,
    /// Metadata, under the name of its place.
    pub(super) metadata: Vec<(&'static str, Value)>,
    pub(super) note: Option<String>,
}

impl Frame {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, call: None, procedure: None, payload: None, metadata: Vec::new(), note: None }
    }

    pub(super) fn call(mut self, call: Value) -> Self {
        self.call = Some(call);
        self
    }

    pub(super) fn procedure(mut self, name: impl Into<Option<String>>) -> Self {
        self.procedure = name.into();
        self
    }

    pub(super) fn payload(mut self, payload: impl Into<Option<Value>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Adds metadata, unless there is none.
    pub(super) fn metadata(mut self, place: &'static str, metadata: Option<Value>) -> Self {
        self.metadata.extend(metadata.filter(|it| !it.is_nil()).map(|metadata| (place, metadata)));
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// A frame, and where it was seen. As JSON, it is a line of a capture.
#[derive(Debug)]
pub(super) struct Entry<'e> {
    pub(super) at: SystemTime,
    /// Nothing for the tap itself.
    pub(super) connection: Option<u64>,
    pub(super) side: Option<Side>,
    pub(super) frame: Frame,
    /// The message that says it.
    pub(super) message: Option<&'e [u8]>,
}

impl Entry<'_> {
    /// What the tap itself has to say.
    pub(super) fn of_tap(frame: Frame) -> Self {
        Self { at: SystemTime::now(), connection: None, side: None, frame, message: None }
    }

    /// The time since the beginning of 1970.
    pub(super) fn since_epoch(&self) -> Duration {
        self.at.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// An entry with its bytes, if they are wanted.
pub(super) struct Captured<'e>(pub(super) &'e Entry<'e>, pub(super) bool);

impl Serialize for Captured<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(entry, hex) = self;
        let Frame { kind, call, procedure, payload, metadata, note } = &entry.frame;
        let mut map = serializer.serialize_map(None)?;
        let micros = entry.since_epoch().as_micros() as f64;
        map.serialize_entry("at", &(micros / 1e6))?;
        if let Some(connection) = entry.connection {
            map.serialize_entry("connection", &connection)?;
        }
        if let Some(side) = entry.side {
            map.serialize_entry("from", side.name())?;
        }
        map.serialize_entry("kind", kind)?;
        if let Some(call) = call {
            map.serialize_entry("call", &Marked(call))?;
        }
        if let Some(procedure) = procedure {
            map.serialize_entry("procedure", procedure)?;
        }
        if let Some(payload) = payload {
            map.serialize_entry("payload", &Marked(payload))?;
        }
        for (place, metadata) in metadata {
            map.serialize_entry(place, &Marked(metadata))?;
        }
        if let Some(note) = note {
            map.serialize_entry("note", note)?;
        }
        if let Some(message) = entry.message {
            map.serialize_entry("size", &message.len())?;
            if *hex {
                map.serialize_entry("hex", &Hex(message).to_string())?;
            }
        }
        map.end()
    }
}

/// Bytes as digits.
struct Hex<'b>(&'b [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
