//! The recorded conversations of `conformance/vectors/events.jsonl`, with the services that they call. What is about
//! several connections, paths or time is not the machine's.

use crate::wire::{Messages, end, fail, open};
use serde_json::{Value as Json, json};
use swill_proto::{
    Directory, Error, Expected, Format, Found, Frame, Kind, Message, Payload, ProcedureId, Protocol,
    Received, Rule, Shape, Step, Target, Violation, events::Server,
};

/// What a parameter takes.
#[derive(Clone, Copy)]
enum Takes {
    Any,
    Integer,
    Float,
    Bool,
    Text,
    Integers,
    IntegerMap,
    /// May be left out; then it is this.
    Default(fn() -> Json),
    IntegerOrNull,
}

type Event = (&'static str, &'static [(&'static str, Takes)], fn(&Json) -> Answer);

enum Answer {
    Value(Json),
    Error(Error),
    /// Tells the peer an event of this name, and closes.
    Goodbye,
}

use Answer::Value;

const TWO: &[(&str, Takes)] = &[("a", Takes::Integer), ("b", Takes::Integer)];

fn integer(json: &Json, key: &str) -> i64 {
    json[key].as_i64().unwrap()
}

const EVENTS: &[Event] = &[
    ("add", TWO, |it| result(json!(integer(it, "a") + integer(it, "b")))),
    ("add_sync", TWO, |it| result(json!(integer(it, "a") + integer(it, "b")))),
    ("divide", TWO, |it| match integer(it, "b") {
        0 => Answer::Error(Error::new(400, "division by zero").with_parameter("b")),
        b => result(json!(integer(it, "a") as f64 / b as f64)),
    }),
    ("echo", &[("value", Takes::Any)], |it| Value(it.clone())),
    ("nothing", &[], |_| result(Json::Null)),
    ("fail", &[], |_| Answer::Error(Error::internal("boom"))),
    ("slow", &[("ms", Takes::Integer)], |_| result(json!("slept"))),
    ("greet", &[("name", Takes::Text), ("times", Takes::Default(|| json!(1)))], |it| {
        let times = vec![format!("hello {}", it["name"].as_str().unwrap()); integer(it, "times") as usize];
        Value(json!({"type": "greeting", "text": times.join(" ")}))
    }),
    ("stripped", &[], |_| result(json!("on"))),
    ("it", &[], |_| result(json!("handle"))),
    ("renamed", &[], |_| result(json!("renamed"))),
    (
        "kinds",
        &[
            ("i", Takes::Integer),
            ("f", Takes::Float),
            ("b", Takes::Bool),
            ("s", Takes::Text),
            ("l", Takes::Integers),
            ("d", Takes::IntegerMap),
            ("o", Takes::IntegerOrNull),
        ],
        |it| Value(it.clone()),
    ),
    ("profile", &[("age", Takes::Any)], |it| {
        let mut wrong = Vec::new();
        check(Takes::Integer, &it["age"], &mut vec![Step::Name("age".into())], &mut wrong);
        match wrong.is_empty() {
            true => Value(json!({"name": "ann", "age": it["age"], "city": "nowhere"})),
            false => Answer::Error(Error::violations_of(wrong).within("response")),
        }
    }),
    ("stamp", &[("number", Takes::Integer)], |it| Value(json!({"type": "stamped", "number": it["number"]}))),
    ("plain", &[("number", Takes::Integer)], |it| Value(it.clone())),
    ("bare", &[], |_| {
        let wrong = Violation::new(vec![], Rule::Type(Expected::Map));
        Answer::Error(Error::violations_of(vec![wrong]).within("response"))
    }),
    ("goodbye", &[], |_| Answer::Goodbye),
];

/// An answer that is no object.
fn result(answer: Json) -> Answer {
    Value(answer)
}

const fn hello(name: &'static str) -> Event {
    (name, &[], |_| Value(json!({"type": "hello_world"})))
}

const fn reply(name: &'static str) -> Event {
    (name, &[("msg", Takes::Text)], |it| Value(json!({"reply": it["msg"]})))
}

const DECORATORS: &[Event] = &[
    hello("decorator_without_parantheses"),
    hello("decorator_with_parantheses"),
    hello("decorator_with_parentheses_event"),
    hello("static_async_method"),
    hello("static_method"),
    reply("async_with_arg"),
    reply("with_arg"),
    hello("class_decorator_without_parantheses"),
    hello("class_decorator_with_parantheses"),
    hello("class_decorator_with_parentheses_event"),
    hello("decorator_outside_class_attached"),
    hello("function_without_decorator"),
    hello("function_without_decorator_event"),
];

const RESPONSES: &[Event] = &[
    ("default_response_model", &[], |_| Value(json!({"message": "hello world"}))),
    ("response_model_with_type", &[], |_| Value(json!({"type": "custom_type"}))),
    ("response_model_with_type_and_data", &[], |_| {
        Value(json!({"type": "custom_type2", "data": {"foobar": 13}, "extra_val": 42}))
    }),
    ("response_model_with_type_and_data_without_data", &[], |_| {
        let wrong = Violation::new(vec![Step::Name("data".into())], Rule::Missing);
        Answer::Error(Error::violations_of(vec![wrong]).within("response"))
    }),
    ("response_model_with_type_and_data_override_type", &[], |_| {
        Value(json!({"type": "foobar", "data": {"foobar": 13}, "extra_val": 42}))
    }),
    ("response_model_with_submodel", &[], |_| {
        let bars = json!([{"apple": "x1", "banana": "y"}, {"apple": "x2", "banana": "y"}]);
        Value(json!({"foo": {"count": 4, "size": null}, "bars": bars}))
    }),
];

struct Services(&'static [Event]);

impl Directory for Services {
    fn find(&self, name: &str) -> Option<Found> {
        let at = self.0.iter().position(|(known, ..)| *known == name)?;
        Some(Found { id: ProcedureId(at as u32), shape: Shape::SINGLE })
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, ..)| *name).collect()
    }
}

/// Collects what is wrong with a value.
fn check(takes: Takes, value: &Json, path: &mut Vec<Step>, wrong: &mut Vec<Violation>) {
    let (expected, fits) = match takes {
        Takes::Any => return,
        Takes::IntegerOrNull if value.is_null() => return,
        Takes::Integer | Takes::Default(_) | Takes::IntegerOrNull => (Expected::Integer, value.is_i64()),
        Takes::Float => (Expected::Float, value.is_number()),
        Takes::Bool => (Expected::Bool, value.is_boolean()),
        Takes::Text => (Expected::Text, value.is_string()),
        Takes::Integers => (Expected::List, value.is_array()),
        Takes::IntegerMap => (Expected::Map, value.is_object()),
    };
    if !fits {
        let rule = if value.is_null() { Rule::NotNull(expected) } else { Rule::Type(expected) };
        return wrong.push(Violation::new(path.clone(), rule));
    }
    let mut inside = |step, value| {
        path.push(step);
        check(Takes::Integer, value, path, wrong);
        path.pop();
    };
    for (at, element) in value.as_array().into_iter().flatten().enumerate() {
        inside(Step::Index(at), element);
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        inside(Step::Key(key.as_str().into()), value);
    }
}

/// The parameters as the service wants them, or everything that is wrong with them.
fn take(input: &Payload<'_>, parameters: &[(&str, Takes)]) -> Result<Json, Error> {
    let mut input: Json = serde_json::from_slice(input.bytes()).unwrap();
    let mut wrong = Vec::new();
    let given = input.as_object_mut().unwrap();
    for (name, takes) in parameters {
        let mut path = vec![Step::Name((*name).into())];
        match (given.get(*name), takes) {
            (Some(value), takes) => check(*takes, value, &mut path, &mut wrong),
            (None, Takes::Default(default)) => drop(given.insert((*name).to_owned(), default())),
            (None, Takes::IntegerOrNull) => drop(given.insert((*name).to_owned(), Json::Null)),
            (None, _) => wrong.push(Violation::new(path, Rule::Missing)),
        }
    }
    for name in given.keys().filter(|name| !parameters.iter().any(|(known, _)| known == name)) {
        wrong.push(Violation::new(vec![Step::Name(name.as_str().into())], Rule::Unknown));
    }
    if wrong.is_empty() { Ok(input) } else { Err(Error::violations_of(wrong)) }
}

/// One connection, whose calls are answered at once.
struct Connection {
    services: Services,
    server: Server,
    wire: Messages,
    told: std::collections::VecDeque<String>,
    closed: Option<u16>,
}

impl Connection {
    fn receive(&mut self, kind: Kind, data: &[u8]) {
        if self.closed.is_some() {
            return;
        }
        match self.server.receive(Message { kind, data }, &self.services, &mut self.wire) {
            Received::Nothing => {}
            Received::One(Frame::Open(open)) => self.run(&open),
            Received::Close(close) => self.closed = Some(close.code),
            received => panic!("{received:?}"),
        }
        self.told.extend(self.wire.texts());
    }

    fn run(&mut self, open: &swill_proto::Open<'_>) {
        let Target::Known(ProcedureId(id)) = open.target else { panic!("{open:?}") };
        let (_, parameters, service) = self.services.0[id as usize];
        let answer = match take(open.input.as_ref().unwrap(), parameters) {
            Ok(input) => service(&input),
            Err(error) => Answer::Error(error),
        };
        let frame = match answer {
            Answer::Value(answer) => end(open.call, Payload::encode(Format::Json, &answer).unwrap()),
            Answer::Error(error) => fail(open.call, error.told(false)),
            Answer::Goodbye => {
                self.closed = Some(1000);
                self::open(0, "goodbye", None, false)
            }
        };
        if let Err(close) = self.server.send(frame, &mut self.wire) {
            self.closed = Some(close.code);
        }
    }
}

fn is_expected(expected: &Json, value: &Json, subset: bool) -> bool {
    match (expected, value) {
        (Json::String(text), Json::String(_)) if text == "$any:string" => true,
        (Json::Object(expected), Json::Object(entries)) => {
            (subset || expected.len() == entries.len())
                && expected.iter().all(|(key, expected)| {
                    entries.get(key).is_some_and(|value| is_expected(expected, value, subset))
                })
        }
        (Json::Array(expected), Json::Array(values)) => {
            expected.len() == values.len()
                && expected.iter().zip(values).all(|(expected, value)| is_expected(expected, value, subset))
        }
        // An integer and a float of the same value are equal.
        (Json::Number(_), Json::Number(_)) => expected.as_f64() == value.as_f64(),
        (expected, value) => expected == value,
    }
}

/// Plays one case to its end; `None` if it is about something that is not the machine's.
fn play(case: &Json) -> Option<()> {
    let name = case["name"].as_str()?;
    let mut overwritten = DECORATORS.to_vec();
    let services = match case["connect"]["path"].as_str().unwrap_or("/events") {
        "/events" => EVENTS,
        "/decorators" => DECORATORS,
        "/app2" | "/app3" => {
            overwritten[0].2 = |_| Value(json!({"type": "overwritten"}));
            overwritten[2].2 = overwritten[0].2;
            overwritten.leak()
        }
        "/app4" => {
            overwritten[0].2 = |_| Value(json!({"type": "foobar"}));
            overwritten[2].2 = |_| Value(json!({"type": "overwritten"}));
            overwritten.leak()
        }
        "/response_model" => RESPONSES,
        _ => return None,
    };
    let steps = case["steps"].as_array()?;
    let several = ["open", "crowd", "drop", "close"];
    // These services convert nothing, as a strict server may.
    if steps.iter().any(|step| several.iter().any(|word| step.get(word).is_some()))
        || name.starts_with("types/lax")
        || name == "types/whole-float"
    {
        return None;
    }
    let mut connection = Connection {
        services: Services(services),
        server: Server::new(),
        wire: Messages::default(),
        told: Default::default(),
        closed: None,
    };
    for step in steps {
        let burst = step["burst"].as_array().map_or(&[][..], Vec::as_slice);
        for send in burst.iter().chain(step.get("send")) {
            match send["hex"].as_str() {
                Some(hex) => connection.receive(Kind::Binary, &crate::support::unhex(hex)),
                None => connection.receive(Kind::Text, send["text"].as_str()?.as_bytes()),
            }
        }
        if let Some(expect) = step.get("expect") {
            let told = connection.told.pop_front().unwrap_or_else(|| panic!("{name}: nothing for {expect}"));
            let value: Json = serde_json::from_str(&told).unwrap();
            assert!(
                is_expected(&expect["json"], &value, expect["match"] == "subset"),
                "{name}: {told} for {expect}"
            );
        }
        if let Some(close) = step.get("expect_close") {
            assert_eq!(close["code"].as_u64(), connection.closed.map(u64::from), "{name}");
        }
        assert!(step.get("silence").is_none() || connection.told.is_empty(), "{name}: {step}");
    }
    assert!(connection.told.is_empty(), "{name}: {:?} at the end", connection.told);
    let then = connection.closed.map_or_else(|| "open".to_owned(), |code| format!("closed:{code}"));
    assert_eq!(case["then"], then, "{name}");
    Some(())
}

#[test]
fn recorded_conversations_go_as_they_should() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/vectors/events.jsonl");
    let lines = std::fs::read_to_string(path).expect("the vectors are part of the repository");
    let cases: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let left: Vec<&str> =
        cases.iter().filter(|case| play(case).is_none()).map(|case| case["name"].as_str().unwrap()).collect();
    // What several connections do, and paths, and conversions that this service does not do.
    let apart = |name: &&str| name.starts_with("chat/") || name.starts_with("types/");
    let others: Vec<&str> = left.iter().copied().filter(|name| !apart(name)).collect();
    assert_eq!(others, ["call/connections-are-parallel", "frame/unknown-path", "suite/instance"]);
    assert!(cases.len() - left.len() >= 59, "only {} of {} cases", cases.len() - left.len(), cases.len());
}
