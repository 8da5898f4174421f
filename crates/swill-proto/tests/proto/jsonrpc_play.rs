//! Conversations in JSON-RPC as text, for both codecs.

use crate::support::{PROCEDURES, Procedures};
use serde_json::Value as Json;
use swill_proto::{
    CallId, CancelReason, Error, Format, Frame, Head, Kind, Message, Open, Outgoing, Payload, ProcedureId,
    Protocol, Received, Shape, Side, Target,
    jsonrpc::{Limits, Machine},
};

/// Collects messages; checks that each was announced with its size, or more, but not much.
#[derive(Default)]
pub(crate) struct Wire {
    bytes: Vec<u8>,
    begun: Option<(Kind, usize, usize)>,
    pub(crate) messages: Vec<(Kind, Vec<u8>)>,
}

impl Outgoing for Wire {
    fn begin(&mut self, kind: Kind, expected: usize) -> &mut Vec<u8> {
        let begun = (kind, self.bytes.len(), expected);
        assert!(self.begun.replace(begun).is_none(), "a message was begun in another");
        &mut self.bytes
    }

    fn finish(&mut self) {
        let (kind, start, expected) = self.begun.take().expect("a message was finished that was not begun");
        let message = self.bytes[start..].to_vec();
        let length = message.len();
        assert!((length..4 * length + 64).contains(&expected), "{expected} announced, {length} written");
        self.messages.push((kind, message));
    }
}

impl Wire {
    /// What was sent, as JSON; checks that it is in the kind of messages that the codec has.
    pub(crate) fn take(&mut self, codec: Format) -> Vec<Json> {
        self.bytes.clear();
        let messages = std::mem::take(&mut self.messages);
        messages.iter().map(|(kind, bytes)| read(codec, *kind, bytes)).collect()
    }
}

fn read(codec: Format, kind: Kind, bytes: &[u8]) -> Json {
    match codec {
        Format::Json => assert_eq!(kind, Kind::Text),
        Format::MessagePack => {
            assert_eq!(kind, Kind::Binary);
            swill_proto::scan::check(codec, bytes).unwrap();
        }
    }
    json(&Payload::new(codec, bytes))
}

pub(crate) fn json(payload: &Payload<'_>) -> Json {
    match payload.format() {
        Format::Json => serde_json::from_slice(payload.bytes()).unwrap(),
        Format::MessagePack => rmp_serde::from_slice(payload.bytes()).unwrap(),
    }
}

pub(crate) fn machine(side: Side, codec: Format) -> Machine {
    Machine::new(side, codec, Limits::default(), false)
}

/// A message in the way of its codec.
pub(crate) fn message(codec: Format, text: &str) -> (Kind, Vec<u8>) {
    match codec {
        Format::Json => (Kind::Text, text.as_bytes().to_vec()),
        Format::MessagePack => {
            let value: Json = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            (Kind::Binary, rmp_serde::to_vec(&value).unwrap())
        }
    }
}

/// Plays a conversation in both codecs, line by line:
///
/// * `> {"jsonrpc": …}`: the peer sends this message; what lacks `jsonrpc` gets it, unless it begins with `>>`;
/// * `< end 1 5`: the driver sends this frame, see [`frame`];
/// * `= 1 0`: so many calls and bytes are held;
/// * everything else is what the line before led to, in order: frames that the driver got, then messages to the peer
///   (without their `jsonrpc`, which is checked).
#[track_caller]
pub(crate) fn play(side: Side, script: &str) {
    play_with(side, Limits::default(), false, script);
}

#[track_caller]
pub(crate) fn play_with(side: Side, limits: Limits, plain_errors: bool, script: &str) {
    for codec in [Format::Json, Format::MessagePack] {
        play_in(codec, &mut Machine::new(side, codec, limits, plain_errors), script);
    }
}

#[track_caller]
fn play_in(codec: Format, machine: &mut Machine, script: &str) {
    let mut wire = Wire::default();
    let mut got: Vec<String> = Vec::new();
    let mut after = "the beginning";
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let mark = ["> ", ">> ", "< ", "= "].into_iter().find(|mark| line.starts_with(mark));
        let Some(mark) = mark else {
            assert!(!got.is_empty(), "{codec}: after {after}\nexpected {line}\ngot nothing\nin {script}");
            let expected = match serde_json::from_str::<Json>(line) {
                Ok(expected) => versioned(expected).to_string(),
                Err(_) => line.to_owned(),
            };
            assert_eq!(got.remove(0), expected, "{codec}: after {after} in {script}");
            continue;
        };
        let rest = &line[mark.len()..];
        assert!(got.is_empty(), "{codec}: after {after}\nexpected nothing more, got {got:?}\nin {script}");
        after = line;
        match mark {
            "= " => {
                let held = machine.held();
                assert_eq!(
                    format!("{} {}", held.calls, u8::from(held.bytes > 0)),
                    rest,
                    "{codec}: held in {script}"
                );
            }
            "< " => machine.send(frame(codec, rest), &mut wire).unwrap(),
            _ => {
                let text = match mark {
                    "> " => versioned(serde_json::from_str(rest).unwrap()).to_string(),
                    _ => rest.to_owned(),
                };
                let (kind, data) = message(codec, &text);
                match machine.receive(Message { kind, data: &data }, &Procedures, &mut wire) {
                    Received::Nothing => {}
                    Received::One(frame) => got.push(show(&frame)),
                    Received::Many(frames) => got.extend(frames.iter().map(show)),
                    Received::Close(close) => got.push(format!("close {}", close.code)),
                }
            }
        }
        got.extend(wire.take(codec).iter().map(Json::to_string));
    }
    assert!(got.is_empty(), "{codec}: after {after}\nexpected nothing more, got {got:?}\nin {script}");
}

/// The message with `jsonrpc` in each of its objects.
fn versioned(message: Json) -> Json {
    match message {
        Json::Object(mut object) => {
            // In the order in which messages are written.
            let mut versioned = serde_json::Map::from_iter([("jsonrpc".into(), "2.0".into())]);
            versioned.append(&mut object);
            Json::Object(versioned)
        }
        Json::Array(elements) => elements.into_iter().map(versioned).collect(),
        other => other,
    }
}

pub(crate) fn show(frame: &Frame<'_>) -> String {
    let call = frame.call();
    let number = call.number();
    let whose = if call.is_ours() { "our " } else { "" };
    match frame {
        Frame::Open(open) => {
            let Target::Known(ProcedureId(id)) = &open.target else { panic!("{open:?}") };
            let (name, shape) = PROCEDURES[*id as usize];
            assert_eq!(open.shape, shape);
            assert!(!call.is_ours() && open.head.metadata.is_none() && open.head.deadline.is_none());
            let input = open.input.as_ref().map_or_else(|| "-".into(), |input| json(input).to_string());
            format!("open {number} {name} {input}{}", if open.reply { "" } else { " for nothing" })
        }
        Frame::Item { payload, .. } => format!("{whose}item {number} {}", json(payload)),
        Frame::End { last, .. } => {
            let last = last.as_ref().map_or_else(String::new, |last| format!(" {}", json(last)));
            format!("{whose}end {number}{last}")
        }
        Frame::Fail { error, .. } => {
            let data = error
                .data()
                .map_or_else(String::new, |data| format!(" {}", serde_json::to_string(data).unwrap()));
            format!("{whose}fail {number} {error}{data}")
        }
        Frame::Cancel { reason, .. } => {
            assert_eq!(*reason, CancelReason::Client);
            format!("{whose}cancel {number}")
        }
        other => panic!("{other:?} is only ever sent"),
    }
}

/// Reads `end 1 DATA`, `item 1 DATA`, `accepted 1`, `fail 1 CODE MESSAGE`, `cancelled 1`, `drop 1`; and for calls of this side
/// `call 0 NAME PARAMS`, `notify NAME PARAMS`, `stream 0 NAME PARAMS`, `cancel 0`.
pub(crate) fn frame(codec: Format, text: &str) -> Frame<'static> {
    let words: Vec<&str> = text.splitn(4, ' ').collect();
    let number = words[1].parse().unwrap_or(0);
    let payload = |at: usize| {
        let value: Json = serde_json::from_str(words.get(at)?).unwrap();
        Some(Payload::encode(codec, &value).unwrap())
    };
    let call = CallId::theirs(number);
    match words[0] {
        "end" => Frame::End { call, last: payload(2), leading: None, trailing: None },
        "item" => Frame::Item { call, payload: payload(2).unwrap(), leading: None },
        "accepted" => Frame::Accepted { call },
        "cancelled" => Frame::Fail { call, error: Error::cancelled(CancelReason::Client) },
        "fail" => {
            Frame::Fail { call, error: Error::new(words[2].parse::<i64>().unwrap(), words[3].to_owned()) }
        }
        "drop" => Frame::Cancel { call, reason: CancelReason::Shutdown },
        "cancel" => Frame::Cancel { call: CallId::ours(number), reason: CancelReason::Client },
        "call" => Frame::Open(open(number, words[2], Shape::SINGLE, payload(3), true)),
        "stream" => Frame::Open(open(number, words[2], Shape::STREAM_OUT, payload(3), true)),
        "notify" => Frame::Open(open(number, words[1], Shape::SINGLE, payload(2), false)),
        word => panic!("no frame: {word}"),
    }
}

pub(crate) fn open(
    number: u64,
    name: &str,
    shape: Shape,
    input: Option<Payload<'static>>,
    reply: bool,
) -> Open<'static> {
    let target = Target::Named(name.to_owned().into());
    Open { call: CallId::ours(number), target, shape, input, head: Head::default(), reply }
}
