//! Procedures, a place to write to, and conversations as text.

use proptest::test_runner::{Config, RngSeed};
use serde_json::Value as Json;
use swill_proto::{
    CallId, CancelReason, Code, Directory, Error, Format, Found, Frame, Head, Kind, Message, Metadata, Open,
    Outgoing, Payload, ProcedureId, Protocol, Received, Shape, Side, Target,
};

/// Four procedures, one of each shape, and another single one.
pub(crate) const PROCEDURES: [(&str, Shape); 5] = [
    ("add", Shape::SINGLE),
    ("lines", Shape::STREAM_OUT),
    ("total", Shape::STREAM_IN),
    ("multiply", Shape::BOTH),
    ("slow", Shape::SINGLE),
];

pub(crate) struct Procedures;

impl Directory for Procedures {
    fn find(&self, name: &str) -> Option<Found> {
        let at = PROCEDURES.iter().position(|(known, _)| *known == name)?;
        Some(Found { id: ProcedureId(at as u32), shape: PROCEDURES[at].1 })
    }
}

/// Collects messages; checks that each was announced with its size, or a little more.
#[derive(Default)]
pub(crate) struct Wire {
    bytes: Vec<u8>,
    begun: Option<(usize, usize)>,
    pub(crate) messages: Vec<Vec<u8>>,
}

impl Outgoing for Wire {
    fn begin(&mut self, kind: Kind, expected: usize) -> &mut Vec<u8> {
        assert_eq!(kind, Kind::Binary);
        assert!(self.begun.is_none(), "a message was begun in another");
        self.begun = Some((self.bytes.len(), expected));
        &mut self.bytes
    }

    fn finish(&mut self) {
        let (start, expected) = self.begun.take().expect("a message was finished that was not begun");
        let message = self.bytes[start..].to_vec();
        assert!(
            (message.len()..message.len() + 16).contains(&expected),
            "{expected} announced, {}",
            message.len()
        );
        self.messages.push(message);
    }
}

impl Wire {
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.messages)
    }
}

/// Proptest, the same in every run; `PROPTEST_CASES` sets how long it searches.
pub(crate) fn config() -> Config {
    Config { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Config::default() }
}

pub(crate) fn binary(data: &[u8]) -> Message<'_> {
    Message { kind: Kind::Binary, data }
}

pub(crate) fn msgpack(value: &Json) -> Vec<u8> {
    rmp_serde::to_vec(value).unwrap()
}

pub(crate) fn json(bytes: &[u8]) -> Json {
    swill_proto::scan::check(Format::MessagePack, bytes).unwrap();
    rmp_serde::from_slice(bytes).unwrap()
}

pub(crate) fn payload(value: &Json) -> Payload<'static> {
    Payload::encode(Format::MessagePack, value).unwrap()
}

/// Plays a conversation, line by line:
///
/// * `> [1, [2, 3], "add"]`: the peer sends this message (`>hex 93…`: these bytes, `>text`: text);
/// * `< end 1 5`: the driver sends this frame;
/// * `= 1`: so many calls are held;
/// * everything else is what the line before led to: the frame that the driver got, or a message to the peer.
///
/// Frames are `open CALL PROCEDURE INPUT [| METADATA]`, `item CALL DATA [| LEADING]`, `metadata CALL LEADING`,
/// `end CALL [DATA] [| LEADING | TRAILING]`, `fail CALL CODE MESSAGE [| DATA]`, `cancel CALL`, `close CODE`.
#[track_caller]
pub(crate) fn play(machine: &mut dyn Protocol, side: Side, script: &str) {
    let mut wire = Wire::default();
    let mut got: Vec<String> = Vec::new();
    let mut after = "the beginning";
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let Some((mark, rest)) = ["> ", ">hex", ">text", "< ", "= "]
            .iter()
            .find_map(|mark| Some((*mark, line.strip_prefix(mark)?)))
        else {
            if got.is_empty() {
                panic!("after {after}\nexpected {line}\ngot nothing\nin {script}");
            }
            let one = got.remove(0);
            assert_eq!(one, line, "after {after} in {script}");
            continue;
        };
        assert!(got.is_empty(), "after {after}\nexpected nothing more, got {got:?}\nin {script}");
        after = line;
        let data = match mark {
            "= " => {
                assert_eq!(machine.held().calls.to_string(), rest, "held in {script}");
                continue;
            }
            "< " => {
                if let Err(close) = machine.send(frame(rest, side), &mut wire) {
                    got.push(format!("close {}", close.code));
                }
                got.extend(wire.take().iter().map(|bytes| json(bytes).to_string()));
                continue;
            }
            ">hex" => unhex(rest.trim()),
            ">text" => Vec::new(),
            _ => msgpack(&serde_json::from_str(rest).unwrap_or_else(|error| panic!("{line}: {error}"))),
        };
        let kind = if mark == ">text" { Kind::Text } else { Kind::Binary };
        match machine.receive(Message { kind, data: &data }, &Procedures, &mut wire) {
            Received::Nothing => {}
            Received::One(frame) => got.push(show(&frame)),
            Received::Many(_) => panic!("swill/1 has no batches"),
            Received::Close(close) => got.push(format!("close {}", close.code)),
        }
        got.extend(wire.take().iter().map(|bytes| json(bytes).to_string()));
    }
    assert!(got.is_empty(), "after {after}\nexpected nothing more, got {got:?}\nin {script}");
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub(crate) fn show(frame: &Frame<'_>) -> String {
    fn data(payload: &Payload<'_>) -> String {
        json(payload.bytes()).to_string()
    }
    fn meta(metadata: &Metadata) -> String {
        serde_json::to_string(metadata).unwrap()
    }
    fn also(metadata: Option<&Metadata>) -> String {
        metadata.map_or(String::new(), |metadata| format!(" | {}", meta(metadata)))
    }
    match frame {
        Frame::Open(open) => {
            let name = match &open.target {
                Target::Known(ProcedureId(id)) => PROCEDURES[*id as usize].0,
                Target::Named(name) => name,
            };
            assert_eq!(Some(open.shape), Procedures.find(name).map(|found| found.shape));
            assert!(open.reply && open.head.deadline.is_none());
            let input = open.input.as_ref().map_or_else(|| "-".into(), data);
            format!("open {} {name} {input}{}", open.call.number(), also(open.head.metadata.as_deref()))
        }
        Frame::Item { call, payload, leading } => {
            format!("item {} {}{}", call.number(), data(payload), also(leading.as_deref()))
        }
        Frame::Metadata { call, metadata } => format!("metadata {} {}", call.number(), meta(metadata)),
        Frame::End { call, last, leading, trailing } => {
            let last = last.as_ref().map_or(String::new(), |last| format!(" {}", data(last)));
            let metadata = match (leading, trailing) {
                (None, None) => String::new(),
                (leading, trailing) => {
                    let [leading, trailing] = [leading, trailing]
                        .map(|one| one.as_ref().map_or_else(|| "null".into(), |one| meta(one)));
                    format!(" | {leading} | {trailing}")
                }
            };
            format!("end {}{last}{metadata}", call.number())
        }
        Frame::Fail { call, error } => {
            let data = error
                .data()
                .map_or(String::new(), |data| format!(" | {}", serde_json::to_string(data).unwrap()));
            format!("fail {} {}{data}", call.number(), error)
        }
        Frame::Cancel { call, reason } => {
            assert_eq!(*reason, CancelReason::Client);
            format!("cancel {}", call.number())
        }
        Frame::Batch(_) | Frame::Accepted { .. } => panic!("only ever sent"),
    }
}

fn frame(text: &str, side: Side) -> Frame<'static> {
    let mut parts = text.split(" | ");
    let mut words = parts.next().unwrap().splitn(4, ' ');
    let (word, number) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
    let call = match side {
        Side::Server => CallId::theirs(number),
        Side::Client => CallId::ours(number),
    };
    let mut metadata = || -> Option<Box<Metadata>> { serde_json::from_str(parts.next()?).unwrap() };
    let mut value = || words.next().map(|word| payload(&serde_json::from_str(word).unwrap()));
    match word {
        "open" => {
            let name = words.next().unwrap();
            let shape = Procedures.find(name).map_or(Shape::SINGLE, |found| found.shape);
            let input = words.next().filter(|input| *input != "-");
            Frame::Open(Open {
                call,
                target: Target::Named(name.to_owned().into()),
                shape,
                input: input.map(|input| payload(&serde_json::from_str(input).unwrap())),
                head: Head { metadata: metadata(), deadline: None },
                reply: true,
            })
        }
        "item" => Frame::Item { call, payload: value().unwrap(), leading: metadata() },
        "metadata" => {
            Frame::Metadata { call, metadata: serde_json::from_str(words.next().unwrap()).unwrap() }
        }
        "end" => Frame::End { call, last: value(), leading: metadata(), trailing: metadata() },
        "fail" => {
            let code: i64 = words.next().unwrap().parse().unwrap();
            let error = Error::new(Code(code), words.next().unwrap_or_default().to_owned());
            let error = match parts.next() {
                Some(data) => error.with_data(serde_json::from_str::<Json>(data).unwrap()),
                None => error,
            };
            Frame::Fail { call, error }
        }
        "cancel" => Frame::Cancel { call, reason: CancelReason::Client },
        _ => panic!("no frame: {text}"),
    }
}
