//! Messages of either kind, collected; procedures by name and by path.

use swill_proto::{
    CallId, Directory, Error, Format, Found, Frame, Head, Kind, Open, Outgoing, Payload, ProcedureId, Routed,
    Shape, Target, Value,
};

/// Collects messages of either kind.
#[derive(Default)]
pub(crate) struct Messages {
    bytes: Vec<u8>,
    begun: Option<(Kind, usize)>,
    pub(crate) all: Vec<(Kind, Vec<u8>)>,
}

impl Outgoing for Messages {
    fn begin(&mut self, kind: Kind, expected: usize) -> &mut Vec<u8> {
        assert!(self.begun.is_none(), "a message was begun in another");
        self.begun = Some((kind, expected));
        &mut self.bytes
    }

    fn finish(&mut self) {
        let (kind, expected) = self.begun.take().expect("a message was finished that was not begun");
        assert_eq!(self.bytes.len(), expected, "announced and written");
        if kind == Kind::Text {
            assert!(std::str::from_utf8(&self.bytes).is_ok());
        }
        self.all.push((kind, std::mem::take(&mut self.bytes)));
    }
}

impl Messages {
    /// What has come since the last time, all of it text.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        let text = |(kind, bytes)| {
            assert_eq!(kind, Kind::Text);
            String::from_utf8(bytes).unwrap()
        };
        std::mem::take(&mut self.all).into_iter().map(text).collect()
    }
}

/// Procedures: their names, patterns of paths, and parameters.
pub(crate) struct Table(pub(crate) &'static [(&'static str, &'static str, &'static [&'static str])]);

impl Directory for Table {
    fn find(&self, name: &str) -> Option<Found> {
        let at = self.0.iter().position(|(known, ..)| *known == name)?;
        Some(Found { id: ProcedureId(at as u32), shape: Shape::SINGLE })
    }

    fn route(&self, path: &str) -> Option<Routed> {
        self.0.iter().find_map(|(name, pattern, _)| {
            let (pattern, path): (Vec<&str>, Vec<&str>) =
                (pattern.split('/').collect(), path.split('/').collect());
            let mut arguments = Vec::new();
            for (pattern, part) in pattern.iter().zip(&path) {
                match pattern.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
                    Some(name) => arguments.push((name.to_owned(), argument(part))),
                    None if pattern == part => {}
                    None => return None,
                }
            }
            (pattern.len() == path.len()).then(|| Routed { found: self.find(name).unwrap(), arguments })
        })
    }

    fn parameters(&self, procedure: ProcedureId) -> Vec<&str> {
        self.0[procedure.0 as usize].2.to_vec()
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, ..)| *name).collect()
    }
}

fn argument(part: &str) -> Value {
    part.parse::<i64>().map_or_else(|_| Value::from(part), Value::from)
}

pub(crate) fn json(text: &str) -> Payload<'static> {
    Payload::shared(Format::Json, text.as_bytes().to_vec().into())
}

pub(crate) fn end(call: CallId, last: Payload<'_>) -> Frame<'_> {
    Frame::End { call, last: Some(last), leading: None, trailing: None }
}

pub(crate) fn fail(call: CallId, error: Error) -> Frame<'static> {
    Frame::Fail { call, error }
}

/// A call of this side, or a notification.
pub(crate) fn open(number: u64, name: &str, input: Option<Payload<'static>>, reply: bool) -> Frame<'static> {
    Frame::Open(Open {
        call: CallId::ours(number),
        target: Target::Named(name.to_owned().into()),
        shape: Shape::SINGLE,
        input,
        head: Head::default(),
        reply,
    })
}
