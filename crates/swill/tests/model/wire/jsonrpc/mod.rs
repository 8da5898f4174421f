//! JSON-RPC 2.0: `conformance/PROTOCOLS.md`, 2.

mod objects;

use super::{
    super::{
        calls::{Model, kind},
        said::Said,
    },
    Reply, Wire, Word,
};
use objects::{
    Element, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, failed, id, told, written,
};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use tokio::time::Instant;

#[derive(Clone, Debug)]
pub(in super::super) enum Message {
    One(Element),
    Batch(Vec<Element>),
    Garbage,
}

/// A request that has not been answered.
#[derive(Debug)]
struct Known {
    seq: i64,
    streams: bool,
    /// The client does not want it any more.
    cancelled: bool,
}

/// Where in which batch an answer belongs.
type Place = (usize, usize);

#[derive(Debug)]
pub(in super::super) struct Call {
    /// How many there were before it, notifications included. A stream is known to the client by that.
    number: u64,
    /// `None` for a notification.
    seq: Option<i64>,
    place: Option<Place>,
    accepted: Accepted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accepted {
    No,
    /// It was on its way when the client cancelled the call.
    Perhaps,
    Yes,
}

/// What an element asks for, after all elements of its message have been looked at.
enum Action {
    Open { rpc: usize, value: Option<i64>, call: Call },
    Cancel(u64),
    Reply { question: i64, reply: Reply },
}

#[derive(Default)]
pub(in super::super) struct JsonRpc {
    /// MessagePack instead of JSON.
    msgpack: bool,
    known: HashMap<u64, Known>,
    /// The latest request with this id.
    latest: HashMap<i64, u64>,
    opened: u64,
    batches: Vec<Vec<Option<Value>>>,
    /// What the server calls its questions, as far as they were heard.
    questions: HashMap<i64, u64>,
    asked: HashSet<u64>,
    /// Streams that the client knows to be open, and all that it has ever known.
    open: HashSet<u64>,
    known_streams: HashSet<u64>,
}

impl Wire for JsonRpc {
    type Message = Message;
    type Call = Call;

    const STREAMS_OUT: bool = true;
    const CALLS_PEER: bool = true;
    const KINDS: [u32; 5] = [24, 4, 2, 6, 1];

    fn message(model: &Model<Self>, seq: i64, rpc: usize, kind: u8, value: Option<i64>) -> Message {
        Message::One(match (kind, value) {
            (0, value) => Element::Request { seq, rpc, value },
            (1, value) => Element::Notification { rpc, value },
            (2, _) => {
                let mut streams = model.calls.iter().rev().filter(|call| call.kind.streams_out());
                let stream = streams.find(|call| call.wire.seq == Some(seq));
                let subscription = stream.map_or(model.wire.opened, |call| call.wire.number);
                Element::CancelStream { subscription }
            }
            (3, _) => Element::Cancel { seq },
            (_, Some(_)) => Element::NoRequest { seq },
            (_, None) => Element::Scalar { seq, rpc },
        })
    }

    fn batch(messages: Vec<Message>) -> Result<Message, Vec<Message>> {
        let element = |message| match message {
            Message::One(element) => element,
            other => panic!("batches are not nested: {other:?}"),
        };
        Ok(Message::Batch(messages.into_iter().map(element).collect()))
    }

    fn garbage() -> Option<Message> {
        Some(Message::Garbage)
    }

    fn wrong() -> Option<Message> {
        None
    }

    fn questions(&self) -> Vec<i64> {
        let mut questions: Vec<i64> = self.questions.keys().copied().collect();
        questions.sort_unstable();
        questions
    }

    fn reply(&self, question: i64, reply: Reply) -> Option<Message> {
        let id = self.questions[&question];
        Some(Message::One(Element::Reply { question, id, reply }))
    }

    fn frame(&self, message: &Message) -> (u8, Vec<u8>) {
        let value = match message {
            Message::Garbage if self.msgpack => return (0x82, vec![0xc1]),
            Message::Garbage => return (0x81, b"{\"jsonrpc\"".into()),
            Message::One(element) => written(element),
            Message::Batch(elements) => elements.iter().map(written).collect(),
        };
        match self.msgpack {
            true => (0x82, rmp_serde::to_vec_named(&value).expect("JSON can be MessagePack")),
            false => (0x81, value.to_string().into_bytes()),
        }
    }

    fn heard(&mut self, kind: swill_proto::Kind, data: &[u8]) -> Said {
        let value = match self.msgpack {
            true => rmp_serde::from_slice(data).expect("MessagePack"),
            false => serde_json::from_slice(data).expect("JSON"),
        };
        assert_eq!(kind == swill_proto::Kind::Binary, self.msgpack, "the kind belongs to the codec");
        Said::Json(match value {
            Value::Array(elements) => elements.iter().map(|it| self.element(it)).collect(),
            one => self.element(&one),
        })
    }

    fn receive(model: &mut Model<Self>, message: Message, now: Instant) {
        match message {
            Message::Garbage => model.stray(failed(&Value::Null, PARSE_ERROR)),
            Message::One(element) => {
                let action = model.look_at(element, None);
                model.act(action, now);
            }
            Message::Batch(elements) if elements.is_empty() => {
                model.stray(failed(&Value::Null, INVALID_REQUEST));
            }
            Message::Batch(elements) => {
                let batch = model.wire.batches.len();
                model.wire.batches.push(Vec::new());
                let actions: Vec<_> = elements.into_iter().map(|it| model.look_at(it, Some(batch))).collect();
                model.complete(batch);
                actions.into_iter().for_each(|action| model.act(action, now));
            }
        }
    }

    fn opened(_: &mut Model<Self>, _: usize) {}

    fn says(model: &mut Model<Self>, at: usize, word: Word) {
        let call = &mut model.calls[at];
        let (number, accepted) = (call.wire.number, call.wire.accepted);
        let said = match word {
            Word::Question(number) => json!({"question": number}),
            Word::Note(number) => json!({"note": number}),
            _ if call.wire.seq.is_none() => return,
            Word::Metadata => return,
            Word::Accepted => {
                call.wire.accepted = Accepted::Yes;
                return model.answer(at, "result", &number.into());
            }
            Word::Item { data, .. } => json!({"subscription": number, "result": data}),
            Word::End { .. } if call.kind.streams_out() => json!({"subscription": number, "end": true}),
            Word::End { data, .. } => return model.answer(at, "result", &data.into()),
            Word::Fail(code) => {
                let code = told(code);
                let stream = json!({"subscription": number, "error": code});
                let answer = json!({"id": id(call.wire.seq.unwrap_or_default()), "error": code});
                match accepted {
                    Accepted::No => return model.answer(at, "error", &code.into()),
                    Accepted::Yes => stream,
                    Accepted::Perhaps => {
                        let either = Box::new([Said::Json(stream), Said::Json(answer)]);
                        return model.said.push((at, Said::Either(either)));
                    }
                }
            }
        };
        model.said.push((at, Said::Json(said)));
    }

    fn finished(model: &mut Model<Self>, at: usize) {
        let number = model.calls[at].wire.number;
        if let Some(known) = model.wire.known.remove(&number)
            && model.wire.latest.get(&known.seq) == Some(&number)
        {
            model.wire.latest.remove(&known.seq);
        }
    }

    /// Answers to what is asked.
    fn unended(model: &Model<Self>) -> Vec<Message> {
        let asking = model.calls.iter().filter(|call| call.runs && !call.cancelled);
        let questions = asking.filter_map(|call| call.asking.map(|(question, _)| question));
        questions.filter_map(|question| model.wire.reply(question, Reply::Answer(7))).collect()
    }
}

/// What comes from the client.
impl Model<JsonRpc> {
    /// Answers what needs nobody, and says what is to be done for the rest.
    fn look_at(&mut self, element: Element, batch: Option<usize>) -> Option<Action> {
        let (seq, rpc, value) = match element {
            Element::Request { seq, rpc, value } => (Some(seq), rpc, value),
            Element::Notification { rpc, value } => (None, rpc, value),
            Element::Cancel { seq } => {
                let number = *self.wire.latest.get(&seq)?;
                let known = self.wire.known.get_mut(&number)?;
                let before = std::mem::replace(&mut known.cancelled, true);
                return (!before).then_some(Action::Cancel(number));
            }
            Element::CancelStream { subscription } => {
                let known = self.wire.known.get_mut(&subscription).filter(|known| known.streams)?;
                let before = std::mem::replace(&mut known.cancelled, true);
                return (!before).then_some(Action::Cancel(subscription));
            }
            Element::NoRequest { seq } => return self.refuse(seq, INVALID_REQUEST, batch),
            Element::Scalar { seq, rpc } => {
                let code = if kind(rpc).is_some() { INVALID_PARAMS } else { METHOD_NOT_FOUND };
                return self.refuse(seq, code, batch);
            }
            Element::Reply { question, reply, .. } => return Some(Action::Reply { question, reply }),
        };
        let streams = kind(rpc).is_some_and(|kind| kind.streams_out());
        match (seq, kind(rpc)) {
            (None, None) => return None,
            (Some(seq), None) => return self.refuse(seq, METHOD_NOT_FOUND, batch),
            (None, _) if streams => return None,
            (Some(seq), _) if streams && batch.is_some() => return self.refuse(seq, 501, batch),
            _ => {}
        }
        self.wire.opened += 1;
        let number = self.wire.opened;
        if let Some(seq) = seq {
            self.wire.known.insert(number, Known { seq, streams, cancelled: false });
            self.wire.latest.insert(seq, number);
        }
        let place = seq.and(batch).map(|batch| (batch, self.wire.announce(batch)));
        Some(Action::Open { rpc, value, call: Call { number, seq, place, accepted: Accepted::No } })
    }

    fn act(&mut self, action: Option<Action>, now: Instant) {
        match action {
            // A close leaves the rest of a batch alone.
            _ if self.closed => {}
            None => {}
            Some(Action::Open { rpc, value, call }) => {
                self.open(rpc, value, call, now);
            }
            Some(Action::Cancel(number)) => {
                let at = self.calls.iter().position(|call| call.wire.number == number);
                let at = at.expect("what is known was opened");
                if self.may_cancel() && !self.calls[at].over && !self.calls[at].cancelled {
                    self.cancels(at);
                }
            }
            Some(Action::Reply { question, reply }) => {
                let asks = |call: &&mut super::super::calls::Call<JsonRpc>| {
                    call.runs && !call.cancelled && call.asking.is_some_and(|(asked, _)| asked == question)
                };
                if reply != Reply::Astray
                    && let Some(call) = self.calls.iter_mut().find(asks)
                {
                    call.replied.get_or_insert(reply);
                }
            }
        }
    }

    fn cancels(&mut self, at: usize) {
        self.calls[at].cancelled = true;
        if self.hooked {
            // That a stream is open is said when hooks have let it pass.
            for (_, said) in self.said.iter_mut().filter(|(call, _)| *call == at) {
                *said = Said::Perhaps(Box::new(said.clone()));
                self.calls[at].wire.accepted = Accepted::Perhaps;
            }
        }
        self.fails_behind_hooks(at, 499);
    }

    fn refuse(&mut self, seq: i64, code: i64, batch: Option<usize>) -> Option<Action> {
        let answer = json!({"id": id(seq), "error": code});
        match batch {
            None => self.stray(Said::Json(answer)),
            Some(batch) => {
                let at = self.wire.announce(batch);
                self.wire.batches[batch][at] = Some(answer);
            }
        }
        None
    }
}

/// What goes to the client.
impl Model<JsonRpc> {
    fn answer(&mut self, at: usize, member: &str, content: &Value) {
        let call = &self.calls[at].wire;
        let answer = json!({"id": id(call.seq.unwrap_or_default()), member: content});
        match call.place {
            None => self.said.push((at, Said::Json(answer))),
            Some((batch, place)) => {
                self.wire.batches[batch][place] = Some(answer);
                self.complete(batch);
            }
        }
    }

    /// Sends the answers of a batch if all of them are there.
    fn complete(&mut self, batch: usize) {
        let answers = &mut self.wire.batches[batch];
        if !answers.is_empty() && answers.iter().all(Option::is_some) {
            let answers = std::mem::take(answers).into_iter().flatten().collect();
            self.stray(Said::Json(answers));
        }
    }
}

impl JsonRpc {
    /// With its objects in MessagePack.
    pub(in super::super) fn msgpack() -> Self {
        Self { msgpack: true, ..Self::default() }
    }

    fn announce(&mut self, batch: usize) -> usize {
        self.batches[batch].push(None);
        self.batches[batch].len() - 1
    }

    /// An object of the server, in short. What may not come at any time is found here.
    fn element(&mut self, element: &Value) -> Value {
        assert_eq!(element["jsonrpc"], "2.0", "{element}");
        let params = &element["params"];
        if element["method"] == "$/stream" {
            let stream = params["subscription"].as_u64().expect("a number");
            assert!(self.open.contains(&stream), "a word about a stream that is not open: {element}");
            if params.get("error").is_some() || params.get("end").is_some() {
                self.open.remove(&stream);
            }
            return match params["error"].get("code") {
                Some(code) => json!({"subscription": stream, "error": code}),
                None => params.clone(),
            };
        }
        if let Some(method) = element["method"].as_str() {
            let number = params[0].as_i64().expect("a number");
            if method == "question" {
                let id = element["id"].as_u64().expect("an id");
                assert!(self.asked.insert(id), "two questions with one id: {element}");
                self.questions.insert(number, id);
            }
            return json!({method: number});
        }
        if let Some(number) = element["result"].as_u64()
            && self.known_streams.insert(number)
        {
            // Perhaps it is no stream: then nothing is ever said about it.
            self.open.insert(number);
        }
        match element["error"].get("code") {
            Some(code) => json!({"id": element["id"], "error": code}),
            None => json!({"id": element["id"], "result": element["result"]}),
        }
    }
}
