//! The machines of WebMesh, message by message.

use crate::wire::{Messages, Table, end, fail, json, open};
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use swill_proto::{
    CallId, CancelReason, Code, Error, Format, Frame, Kind, Message, Parameters, Payload, ProcedureId,
    Protocol, Received, Rule, Step, Target, Violation,
    webmesh::{Client, Codec, Dialect, Limits, Server},
};

pub(crate) const PATHS: Table = Table(&[
    ("echo", "/", &["value"]),
    ("math.add", "-", &["a", "b"]),
    ("now", "-", &[]),
    ("rooms.enter", "/rooms/{room}", &["room"]),
    ("rooms.say", "/rooms/{room}/say", &["room", "text"]),
    ("rooms.place", "/rooms/{room}/place", &["x", "room", "y"]),
    ("rooms.seat", "/seats/{room}/{seat}", &["room"]),
]);

pub(crate) fn dialects() -> [Dialect; 5] {
    let own = Dialect::new("call", Bare(Format::MessagePack));
    [Dialect::V0_1_2, Dialect::V0_1_2_JSON, Dialect::HEAD, Dialect::HEAD_JSON, own]
}

/// The format as it is.
pub(crate) struct Bare(pub(crate) Format);

impl Codec for Bare {
    fn format(&self) -> Format {
        self.0
    }

    fn kind(&self) -> Kind {
        Kind::Binary
    }

    fn decode<'m>(&self, message: Message<'m>, limit: usize) -> Option<Cow<'m, [u8]>> {
        (message.kind == Kind::Binary && message.data.len() <= limit).then_some(message.data.into())
    }

    fn encode<'o>(&self, object: &'o [u8]) -> Cow<'o, [u8]> {
        object.into()
    }
}

/// The dialect in which tests are readable.
fn server() -> Server {
    Server::new(Dialect::V0_1_2_JSON, Limits::default())
}

/// What the server gets out of a message: the call's procedure and parameters, or its answer.
fn hear(server: &mut Server, kind: Kind, message: &[u8]) -> String {
    let mut wire = Messages::default();
    match server.receive(Message { kind, data: message }, &PATHS, &mut wire) {
        Received::One(Frame::Open(open)) => {
            assert!(wire.all.is_empty() && open.reply && !open.call.is_ours());
            let Target::Known(ProcedureId(id)) = open.target else { panic!("{open:?}") };
            format!("{} {}", PATHS.0[id as usize].0, show(&open.input.unwrap()))
        }
        Received::Nothing => wire.texts().concat(),
        received => panic!("{received:?}"),
    }
}

fn hear_json(message: &str) -> String {
    hear(&mut server(), Kind::Text, message.as_bytes())
}

fn show(payload: &Payload<'_>) -> String {
    match payload.format() {
        Format::Json => str::from_utf8(payload.bytes()).unwrap().to_owned(),
        Format::MessagePack => crate::support::json(payload.bytes()).to_string(),
    }
}

/// A message with this path and data, as a dialect writes it.
pub(crate) fn message(dialect: &Dialect, path: &str, data: &Json) -> (Kind, Vec<u8>) {
    let mut wire = Messages::default();
    let input = Payload::encode(dialect.capabilities().format, data).unwrap();
    Server::new(dialect.clone(), Limits::default())
        .send(open(0, path, Some(input), false), &mut wire)
        .unwrap();
    wire.all.remove(0)
}

#[test]
fn paths_are_names_and_data_is_the_input() {
    for (message, expected) in [
        (r#"{"path":"/math/add","data":[1, 2]}"#, "math.add [1, 2]"),
        (r#"{"path":"/math.add","data":1.50}"#, "math.add 1.50"),
        (r#"{"path": "/math/add", "data": 21}"#, "math.add 21"),
        (r#" { "data" : {"a":1} , "other": [], "path" : "\/echo" } "#, r#"echo {"a":1}"#),
        (r#"{"path":"/","data":5}"#, "echo 5"),
        (r#"{"path":"/echo"}"#, "echo null"),
        (r#"{"path":"/echo","data":null}"#, "echo null"),
        (r#"{"path":"/now"}"#, "now null"),
        (r#"{"path":"/now","data":1}"#, "now null"),
        (r#"{"path":"/nope","path":"/echo","data":1,"data":2}"#, "echo 2"),
        (r#"{"path":"/nope","data":1}"#, r#"{"path":"/nope","data":"Path not found"}"#),
        (r#"{"path":"echo"}"#, r#"{"path":"echo","data":"Path not found"}"#),
        (r#"{"path":""}"#, r#"{"path":"","data":"Path not found"}"#),
        (r#"{"path":"/math//add"}"#, r#"{"path":"/math//add","data":"Path not found"}"#),
        (r#"{"path":"/math/add/"}"#, r#"{"path":"/math/add/","data":"Path not found"}"#),
        (r#"{"path":5}"#, r#"{"path":5,"data":"Path not found"}"#),
        (r#"{"path":null}"#, r#"{"path":null,"data":"Path not found"}"#),
        (r#"{"path":"\ud800"}"#, r#"{"path":"\ud800","data":"Path not found"}"#),
        (r#"{"target":"/echo","data":1}"#, ""),
        (r#"{"data":1}"#, ""),
        ("{}", ""),
        ("[]", ""),
        ("5", ""),
        ("hello", ""),
        ("", ""),
        (r#"{"path":"/echo","data":1}}"#, ""),
    ] {
        assert_eq!(hear_json(message), expected, "{message}");
    }
    let nested = |levels: usize| {
        format!(r#"{{"path":"/echo","data":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1))
    };
    assert!(hear_json(&nested(64)).starts_with("echo"));
    assert_eq!(hear_json(&nested(65)), "");
}

#[test]
fn arguments_of_the_path_and_data_come_together() {
    let refused = |path: &str, why: &str| format!(r#"{{"path":"{path}","data":"{why}"}}"#);
    let no_data = "every parameter is in the path: there can be no data";
    for (path, data, expected) in [
        // The path has the only parameter, which is the whole value.
        ("/rooms/7", "null", Ok("rooms.enter 7")),
        ("/rooms/red", "{}", Ok(r#"rooms.enter "red""#)),
        ("/rooms/7", "[]", Ok("rooms.enter 7")),
        ("/rooms/7", r#"{"room":8}"#, Ok("rooms.enter 7")),
        ("/rooms/7", r#"{"other":8}"#, Err(no_data)),
        ("/rooms/7", "1", Err(no_data)),
        ("/rooms/7", "[1]", Err(no_data)),
        // One remains.
        ("/rooms/7/say", "null", Ok(r#"rooms.say {"room":7}"#)),
        ("/rooms/7/say", r#""hi""#, Ok(r#"rooms.say {"room":7,"text":"hi"}"#)),
        ("/rooms/7/say", "[1, 2]", Ok(r#"rooms.say {"room":7,"text":[1, 2]}"#)),
        ("/rooms/7/say", r#"{"text":"hi","x":1}"#, Ok(r#"rooms.say {"room":7,"text":"hi","x":1}"#)),
        ("/rooms/7/say", r#"{"room":8,"text":1,"text":2}"#, Ok(r#"rooms.say {"room":7,"text":2}"#)),
        // Two remain.
        ("/rooms/7/place", "[1, 2]", Ok(r#"rooms.place {"room":7,"x":1,"y":2}"#)),
        ("/rooms/7/place", "[1]", Ok(r#"rooms.place {"room":7,"x":1}"#)),
        ("/rooms/7/place", "[1,2,3]", Err("there are more values than parameters")),
        ("/rooms/7/place", "5", Err("several parameters are a list or a map")),
        ("/rooms/7/place", r#"{"y":2,"x":1}"#, Ok(r#"rooms.place {"room":7,"y":2,"x":1}"#)),
        // The path names more than the procedure has: its decoder says so.
        ("/seats/7/8", "null", Ok(r#"rooms.seat {"room":7,"seat":8}"#)),
        ("/seats/7/8", "{}", Ok(r#"rooms.seat {"room":7,"seat":8}"#)),
        ("/seats/7/8", "[9]", Err(no_data)),
    ] {
        let expected = expected.map_or_else(|why| refused(path, why), str::to_owned);
        assert_eq!(hear_json(&format!(r#"{{"path":"{path}","data":{data}}}"#)), expected, "{path} {data}");
        // The same in MessagePack, where equal keys stay for the decoder.
        if !data.contains("\"text\":1,") {
            let (kind, packed) = message(&Dialect::V0_1_2, path, &serde_json::from_str(data).unwrap());
            let mut server = Server::new(Dialect::V0_1_2, Limits::default());
            let same = |text: &str| -> (String, Json) {
                let (name, data) = text.split_once(' ').unwrap_or_default();
                (name.to_owned(), serde_json::from_str(data).unwrap_or_default())
            };
            let heard = if expected.starts_with('{') {
                let mut wire = Messages::default();
                let received = server.receive(Message { kind, data: &packed }, &PATHS, &mut wire);
                assert!(matches!(received, Received::Nothing) && wire.all.len() == 1);
                expected.clone()
            } else {
                hear(&mut server, kind, &packed)
            };
            assert_eq!(same(&heard), same(&expected), "{path} {data}");
        }
    }
}

#[test]
fn answers_go_to_the_path_as_it_was_written() {
    for (path, answer, expected) in [
        ("/math/add", "3", Some(r#"{"path":"/math/add","data":3}"#)),
        ("\\/math\\u002fadd", "false", Some(r#"{"path":"\/math\u002fadd","data":false}"#)),
        ("/rooms/x%20y", "\"\"", Some(r#"{"path":"/rooms/x%20y","data":""}"#)),
        ("/", "[]", Some(r#"{"path":"/","data":[]}"#)),
        ("/echo", "null", None),
    ] {
        let mut server = server();
        hear(&mut server, Kind::Text, format!(r#"{{"path":"{path}"}}"#).as_bytes());
        let mut wire = Messages::default();
        for expected in [expected, None] {
            server.send(end(CallId::theirs(1), json(answer)), &mut wire).unwrap();
            assert_eq!(wire.texts(), Vec::from_iter(expected), "{path}");
        }
        assert_eq!(server.held().calls, 0);
    }
}

#[test]
fn calls_end_in_any_order() {
    let mut server = server();
    let mut wire = Messages::default();
    for path in ["/echo", "/math/add", "/rooms/1"] {
        hear(&mut server, Kind::Text, format!(r#"{{"path":"{path}"}}"#).as_bytes());
    }
    hear(&mut server, Kind::Text, b"nonsense");
    assert_eq!(server.held().calls, 3);
    let cancel = Frame::Cancel { call: CallId::theirs(2), reason: CancelReason::Deadline };
    server.send(cancel, &mut wire).unwrap();
    for number in [3, 2, 1, 1, 4] {
        server.send(end(CallId::theirs(number), json("0")), &mut wire).unwrap();
    }
    assert_eq!(wire.texts(), [r#"{"path":"/rooms/1","data":0}"#, r#"{"path":"/echo","data":0}"#]);
    assert_eq!(server.held().calls, 0);
}

#[test]
fn failures_are_texts_where_the_dialect_tells_them() {
    let name = |name: &str| vec![Step::Name(name.into())];
    let many = vec![Violation::new(name("a"), Rule::Missing); 20];
    let as_many = many[..16].to_vec();
    let sixteen = ["parameter `a`: is missing"; 16].join("; ");
    for (error, text) in [
        (Error::new(400, "division by zero"), "division by zero".to_owned()),
        (Error::internal("boom"), "An internal server error occurred".into()),
        (Error::cancelled(CancelReason::Deadline), "the deadline of the call has passed".into()),
        (
            Error::violations_of(vec![
                Violation::new(name("a"), Rule::Missing),
                Violation::new(name("b"), Rule::Unknown),
            ]),
            "parameter `a`: is missing; parameter `b`: is unknown".into(),
        ),
        (Error::violations_of(as_many), sixteen.clone()),
        (Error::violations_of(many), format!("{sixteen}; and 4 more")),
    ] {
        for dialect in dialects() {
            let tells = !dialect.capabilities().name.contains("HEAD");
            for (dialect, tells) in
                [(dialect.clone(), tells), (dialect.clone().tell_failures(!tells), !tells)]
            {
                let mut server = Server::new(dialect.clone(), Limits::default());
                let mut wire = Messages::default();
                let (kind, call) = message(&dialect, "/echo", &json!(1));
                server.receive(Message { kind, data: &call }, &PATHS, &mut wire);
                server.send(fail(CallId::theirs(1), error.told(false)), &mut wire).unwrap();
                let (kind, call) = message(&dialect, "/nope", &json!(1));
                server.receive(Message { kind, data: &call }, &PATHS, &mut wire);
                let expected = [
                    message(&dialect, "/echo", &json!(text)),
                    message(&dialect, "/nope", &json!("Path not found")),
                ];
                assert_eq!(wire.all, if tells { &expected[..] } else { &[] });
                assert_eq!(server.held().calls, 0);
            }
        }
    }
}

#[test]
fn each_dialect_takes_its_own_kinds_of_messages() {
    for dialect in dialects() {
        for other in dialects() {
            for flipped in [false, true] {
                let (kind, call) = message(&other, "/echo", &json!({"a": [1, "x"]}));
                let kind = match (kind, flipped) {
                    (kind, false) => kind,
                    (Kind::Text, true) => Kind::Binary,
                    (Kind::Binary, true) => Kind::Text,
                };
                if kind == Kind::Text && str::from_utf8(&call).is_err() {
                    continue;
                }
                let mut server = Server::new(dialect.clone(), Limits::default());
                let heard = hear(&mut server, kind, &call);
                let (one, two) = (dialect.capabilities().name, other.capabilities().name);
                let taken = one == two && (!flipped || one == "WebMesh HEAD, JSON");
                assert_eq!(heard, if taken { r#"echo {"a":[1,"x"]}"# } else { "" }, "{two} in {one}");
            }
        }
    }
    // The unreleased version takes the digits of the released one, under its own key.
    let (_, call) = message(&Dialect::HEAD, "/echo", &json!(5));
    let digits: String = call.iter().map(|byte| format!("{byte:02X} ")).collect();
    let mut server = Server::new(Dialect::HEAD, Limits::default());
    assert_eq!(hear(&mut server, Kind::Text, digits.as_bytes()), "echo 5");
    // Binary JSON has to be text all the same.
    let mut server = Server::new(Dialect::HEAD_JSON, Limits::default());
    assert_eq!(hear(&mut server, Kind::Binary, b"{\"target\":\"/echo\",\"data\":\"\xff\"}"), "");
}

#[test]
fn messagepack_keys_are_text_or_bytes() {
    let bare = || Server::new(Dialect::new("path", Bare(Format::MessagePack)), Limits::default());
    for (message, expected) in [
        (&b"\x82\xa4path\xa5/echo\xa4data\x05"[..], "echo 5"),
        (b"\x82\xc4\x04path\xa5/echo\xc4\x04data\x05", "echo 5"),
        (b"\xde\x00\x03\x01\x02\xd9\x04path\xd9\x05/echo\xda\x00\x04data\x05", "echo 5"),
        (b"\xdf\x00\x00\x00\x01\xa4path\xa5/echo", "echo null"),
        (b"\x81\xa4path\xc4\x05/echo", "?"),
        (b"\x81\xa4path\xa1\xff", "?"),
        (b"\x82\xa4path\xa5/echo\xa4data\x05\x00", ""),
        (b"\x82\xa4path\xa5/echo\xa4data", ""),
        (b"\x81\xa4data\x05", ""),
        (b"\x92\xa4path\xa5/echo", ""),
        (b"\xc1", ""),
        (b"", ""),
    ] {
        let mut wire = Messages::default();
        if expected == "?" {
            let message = Message { kind: Kind::Binary, data: message };
            assert!(matches!(bare().receive(message, &PATHS, &mut wire), Received::Nothing));
            assert!(wire.all[0].1.ends_with(b"\xa4data\xaePath not found"));
        } else {
            assert_eq!(hear(&mut bare(), Kind::Binary, message), expected, "{message:02x?}");
        }
    }
}

#[test]
fn long_paths_are_unknown_and_not_kept() {
    let mut server = server();
    let (fits, long) = ("x".repeat(1024 - 7), "x".repeat(1024 - 6));
    assert!(
        hear(&mut server, Kind::Text, format!(r#"{{"path":"/rooms/{fits}"}}"#).as_bytes())
            .starts_with("rooms")
    );
    assert!(
        hear(&mut server, Kind::Text, format!(r#"{{"path":"/rooms/{long}"}}"#).as_bytes())
            .contains("not found")
    );
    assert_eq!(server.held().calls, 1);
}

#[test]
fn bombs_are_dropped_and_what_comes_after_is_heard() {
    for dialect in [Dialect::V0_1_2, Dialect::HEAD] {
        let mut server = Server::new(dialect.clone(), Limits { inflated: 10_000 });
        let (kind, bomb) = message(&dialect, "/echo", &json!("x".repeat(1 << 20)));
        assert!(bomb.len() < 5000);
        assert_eq!(hear(&mut server, kind, &bomb), "");
        let (kind, call) = message(&dialect, "/echo", &json!("x".repeat(9000)));
        assert!(hear(&mut server, kind, &call).starts_with("echo \"xx"));
    }
}

#[test]
fn the_peer_is_told_by_path() {
    for (name, input, expected) in [
        ("news.item", Some("{\"a\":1}"), r#"{"path":"/news/item","data":{"a":1}}"#),
        ("/as/it.is", Some("1"), r#"{"path":"/as/it.is","data":1}"#),
        ("bell", None, r#"{"path":"/bell","data":null}"#),
    ] {
        let mut wire = Messages::default();
        server().send(open(0, name, input.map(json), false), &mut wire).unwrap();
        assert_eq!(wire.texts(), [expected]);
    }
}

#[test]
fn capabilities_say_what_each_dialect_is() {
    for (dialect, name, format) in [
        (Dialect::V0_1_2, "WebMesh 0.1.2", Format::MessagePack),
        (Dialect::V0_1_2_JSON, "WebMesh 0.1.2, JSON", Format::Json),
        (Dialect::HEAD, "WebMesh HEAD", Format::MessagePack),
        (Dialect::HEAD_JSON, "WebMesh HEAD, JSON", Format::Json),
        (Dialect::new("p", Bare(Format::MessagePack)), "WebMesh", Format::MessagePack),
        (Dialect::new("p", Bare(Format::Json)), "WebMesh, JSON", Format::Json),
    ] {
        let capabilities = Server::new(dialect, Limits::default()).capabilities();
        assert_eq!((capabilities.name, capabilities.format), (name, format));
        assert_eq!(capabilities.parameters, Parameters::WholeIfSingle);
        assert!(capabilities.notifies_peer && !capabilities.calls_peer && !capabilities.serial);
    }
}

#[test]
fn client_and_server_understand_each_other_in_every_dialect() {
    for dialect in dialects() {
        let format = dialect.capabilities().format;
        let mut server = Server::new(dialect.clone(), Limits::default());
        let mut client = Client::new(dialect.clone(), Limits::default());
        let value = |value: &Json| Payload::encode(format, value).unwrap();
        let mut wire = Messages::default();
        let mut answers = Messages::default();
        let large = "long ".repeat(1000);
        for (number, (name, data)) in [
            ("math.add", json!([1, 2])),
            ("echo", json!(large)),
            ("math.add", json!({"a": 1})),
            ("nope", json!(1)),
        ]
        .into_iter()
        .enumerate()
        {
            client.send(open(number as u64, name, Some(value(&data)), true), &mut wire).unwrap();
            let (kind, call) = wire.all.remove(0);
            if let Received::One(Frame::Open(open)) =
                server.receive(Message { kind, data: &call }, &PATHS, &mut answers)
            {
                assert_eq!(open.input.unwrap().decode::<Json>().unwrap(), data);
            }
        }
        for number in [2, 3, 1] {
            let answer = value(&json!({"for": number, "large": large}));
            server.send(end(CallId::theirs(number), answer), &mut answers).unwrap();
        }
        server.send(open(0, "news.item", Some(value(&json!([5]))), false), &mut answers).unwrap();
        let heard: Vec<String> = answers
            .all
            .iter()
            .map(|(kind, data)| match client.receive(Message { kind: *kind, data }, &PATHS, &mut wire) {
                Received::One(Frame::End { call, last, .. }) => {
                    format!("{} for {}", call.number(), last.unwrap().decode::<Json>().unwrap()["for"])
                }
                Received::One(Frame::Fail { call, error }) => {
                    assert_eq!(error.code(), Code::NOT_FOUND);
                    format!("{} failed", call.number())
                }
                Received::One(Frame::Open(open)) => {
                    assert!(!open.reply);
                    let Target::Named(name) = open.target else { panic!() };
                    format!("{name} {}", show(&open.input.unwrap()))
                }
                received => panic!("{received:?}"),
            })
            .collect();
        let told = !dialect.capabilities().name.contains("HEAD");
        // Answers of one path are told apart by their order alone.
        let expected = ["3 failed", "1 for 2", "0 for 3", "2 for 1", "news.item [5]"];
        assert_eq!(heard, if told { &expected[..] } else { &expected[1..] });
        assert_eq!(client.held().calls, usize::from(!told));
        let cancel = Frame::Cancel { call: CallId::ours(3), reason: CancelReason::Client };
        client.send(cancel, &mut wire).unwrap();
        assert_eq!((client.held().calls, wire.all.len()), (0, 0));
    }
}

#[test]
fn what_the_server_tells_has_an_id_of_its_own_each_time() {
    let mut client = Client::new(Dialect::V0_1_2_JSON, Limits::default());
    for number in 1..=3 {
        let news = Message { kind: Kind::Text, data: br#"{"path":"/news","data":1}"# };
        let received = client.receive(news, &PATHS, &mut Messages::default());
        assert!(matches!(received, Received::One(Frame::Open(open)) if open.call == CallId::theirs(number)));
    }
}
