//! Typed errors, and what an app makes of errors before callers are told.

mod common;

use common::{Answer, serve};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::{io, num::ParseIntError, sync::atomic::AtomicUsize};
use swill::{
    App, Code, Error, ErrorsOf, Failure, Module, Peer, Protocol, Result, Stream, Undescribed,
    schemars::SchemaGenerator,
    stream,
    testing::{Raw, TestPeer},
};

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct Place {
    row: u32,
}

#[derive(Debug, swill::Error)]
enum SeatError {
    /// Somebody sits there.
    #[error(code = 409, message = "seat {seat} is taken", parameter = "seat")]
    Taken { seat: u32 },
    #[error(code = Code::NOT_FOUND, message = "there is no such seat", jsonrpc_code = -32001)]
    Unknown,
    #[error(code = 400, message = "{{{0}}} is no seat")]
    Odd(String),
    #[error(code = 400, message = "{1} after {0}")]
    Order(u32, u32),
    #[error(code = 403, message = "not in row {place:?}")]
    Row {
        place: Place,
        #[error(skip)]
        secret: u32,
    },
    #[error(code = 503, message = "the plan of the house cannot be read")]
    Plan(#[error(source)] io::Error),
    #[error(code = 503, message = "the house is closed")]
    Closed {
        #[error(source)]
        why: Option<Box<dyn std::error::Error + Send + Sync>>,
        until: u32,
    },
}

#[derive(Debug, swill::Error)]
#[error(code = 418, message = "no {what} here")]
struct Teapot {
    what: &'static str,
}

/// Hides the type of the error from the macro.
type Hidden<T> = std::result::Result<T, Teapot>;

struct House;

#[swill::module]
impl House {
    async fn sit(&self, seat: u32) -> Result<u32, SeatError> {
        Err(match seat {
            1 => SeatError::Taken { seat },
            2 => SeatError::Unknown,
            3 => SeatError::Odd("3½".into()),
            4 => SeatError::Order(4, 3),
            5 => SeatError::Row { place: Place { row: 7 }, secret: 42 },
            6 => SeatError::Plan(io::Error::other("disk on fire")),
            7 => SeatError::Closed { why: Some("secret party".into()), until: 9 },
            8 => SeatError::Closed { why: None, until: 9 },
            seat => return Ok(seat),
        })
    }

    /// Waits before it fails, so that it fails in a task of its own.
    async fn later(&self, seat: u32) -> Result<u32, SeatError> {
        tokio::task::yield_now().await;
        self.sit(seat).await
    }

    fn rows(&self) -> impl Stream<Item = Result<u32, Teapot>> {
        stream::iter([Ok(1), Err(Teapot { what: "tea" })])
    }

    fn doors(&self) -> Result<impl Stream<Item = Result<u32, Teapot>>, SeatError> {
        Ok(stream::iter([Err(Teapot { what: "door" })]))
    }

    async fn hidden(&self) -> Hidden<u32> {
        Err(Teapot { what: "coffee" })
    }

    async fn parse(&self, text: String) -> Result<u8> {
        Ok(text.parse()?)
    }

    async fn panic(&self) -> Result<u8> {
        panic!("at the door")
    }

    async fn plain(&self, code: i64) -> Result<u8> {
        Err(Error::new(code, "plain"))
    }
}

fn data(answer: &Answer) -> serde_json::Value {
    serde_json::to_value(&answer.data).unwrap()
}

/// What a call fails with.
async fn failure(app: App, rpc: &str, argument: impl Serialize) -> serde_json::Value {
    let server = serve(app).await;
    let mut client = server.connect().await;
    client.request(1, rpc, argument).await;
    let mut answer = client.answer().await;
    while answer.kind != common::ERROR {
        answer = client.answer().await;
    }
    let data = data(&answer);
    client.goodbye().await;
    server.stop().await;
    data
}

#[tokio::test]
async fn callers_get_code_message_and_data() {
    let table = [
        (1, json!({ "code": 409, "message": "seat 1 is taken", "data": { "seat": 1 } })),
        (2, json!({ "code": 404, "message": "there is no such seat" })),
        (3, json!({ "code": 400, "message": "{3½} is no seat", "data": "3½" })),
        (4, json!({ "code": 400, "message": "3 after 4", "data": [4, 3] })),
        (
            5,
            json!({ "code": 403, "message": "not in row Place { row: 7 }", "data": { "place": { "row": 7 } } }),
        ),
        (6, json!({ "code": 503, "message": "the plan of the house cannot be read" })),
        (7, json!({ "code": 503, "message": "the house is closed", "data": { "until": 9 } })),
    ];
    for rpc in ["sit", "later"] {
        for (seat, told) in &table {
            assert_eq!(&failure(App::new().module(House), rpc, seat).await, told, "{rpc} {seat}");
        }
    }
    assert_eq!(
        failure(App::new().module(House), "rows", ()).await,
        json!({ "code": 418, "message": "no tea here", "data": { "what": "tea" } })
    );
}

#[tokio::test]
async fn in_debug_mode_sources_are_told() {
    let app = || App::new().module(House).debug(true);
    let message = |told: serde_json::Value| told["message"].as_str().unwrap().to_owned();
    assert_eq!(message(failure(app(), "sit", 6).await), "the plan of the house cannot be read: disk on fire");
    assert_eq!(message(failure(app(), "sit", 7).await), "the house is closed: secret party");
    assert_eq!(message(failure(app(), "sit", 8).await), "the house is closed");
}

#[test]
fn the_typed_value_can_be_had_back() {
    let error = Error::from(SeatError::Row { place: Place { row: 7 }, secret: 42 });
    assert!(matches!(error.downcast_ref(), Some(SeatError::Row { secret: 42, .. })));
    assert!(error.downcast_ref::<Teapot>().is_none());
    assert!(error.told(true).downcast_ref::<SeatError>().is_none());
    let error = Error::from(SeatError::Unknown);
    assert_eq!((error.json_rpc_code(), error.parameter()), (Some(-32001), None));
    let error = Error::from(SeatError::Taken { seat: 1 });
    assert_eq!((error.json_rpc_code(), error.parameter()), (None, Some("seat")));
    assert!(!error.is_unexpected());
    assert_eq!(SeatError::Odd("x".into()).to_string(), "{x} is no seat");
}

#[test]
fn errors_are_in_the_description_of_their_procedures() {
    let spec = App::new().module(House).spec().unwrap();
    let names = |procedure: &str| -> Vec<_> {
        spec.procedure(procedure).unwrap().errors.iter().map(|error| error.name.clone()).collect()
    };
    let seat = ["Taken", "Unknown", "Odd", "Order", "Row", "Plan", "Closed"];
    assert_eq!(names("sit"), seat);
    assert_eq!(names("rows"), ["Teapot"]);
    assert_eq!(names("doors"), [&seat[..], &["Teapot"]].concat());
    assert_eq!(names("hidden"), [""; 0]);
    assert_eq!(names("parse"), [""; 0]);

    let errors = serde_json::to_value(&spec.procedure("sit").unwrap().errors).unwrap();
    let number = || json!({ "type": "integer", "format": "uint32", "minimum": 0 });
    assert_eq!(
        errors[0],
        json!({
            "name": "Taken",
            "code": 409,
            "message": "seat {seat} is taken",
            "parameter": "seat",
            "doc": "Somebody sits there.",
            "data": { "type": "object", "properties": { "seat": number() }, "required": ["seat"] },
        })
    );
    assert_eq!(
        errors[1],
        json!({ "name": "Unknown", "code": 404, "json_rpc_code": -32001, "message": "there is no such seat" })
    );
    assert_eq!(errors[2]["data"], json!({ "type": "string" }));
    assert_eq!(errors[3]["data"]["prefixItems"], json!([number(), number()]));
    assert_eq!(errors[4]["data"]["properties"], json!({ "place": { "$ref": "#/$defs/Place" } }));
    assert_eq!(errors[5].get("data"), None);
    assert!(spec.definitions.contains_key("Place"));
}

#[test]
fn the_type_of_an_error_decides_whether_it_is_described() {
    let generator = &mut SchemaGenerator::default();
    assert_eq!(ErrorsOf::<SeatError>::DESCRIBE(generator).len(), 7);
    assert_eq!(ErrorsOf::<Teapot>::DESCRIBE(generator).len(), 1);
    assert_eq!(ErrorsOf::<Error>::DESCRIBE(generator).len(), 0);
    assert_eq!(ErrorsOf::<io::Error>::DESCRIBE(generator).len(), 0);
}

#[tokio::test]
async fn handlers_decide_what_callers_are_told() {
    let app = || {
        App::new()
            .module(House)
            .on_error(|error: &SeatError, call: &Failure<'_>| match error {
                SeatError::Taken { seat } => Error::new(410, format!("{}: {seat}", call.procedure())),
                other => Error::new(400, other.to_string()),
            })
            .on_error(|_: &ParseIntError, _: &Failure<'_>| Error::new(500, "first"))
            .on_error(|error: &ParseIntError, _: &Failure<'_>| Error::new(422, error.to_string()))
            .on_code(410, |error: Error, _: &Failure<'_>| error.with_data("gone"))
            .on_code(Code::INTERNAL, |error: Error, _: &Failure<'_>| error.with_message("Sorry"))
    };
    let table = [
        ("sit", json!(1), json!({ "code": 410, "message": "sit: 1", "data": "gone" })),
        ("later", json!(1), json!({ "code": 410, "message": "later: 1", "data": "gone" })),
        ("sit", json!(2), json!({ "code": 400, "message": "there is no such seat" })),
        ("parse", json!("x"), json!({ "code": 422, "message": "invalid digit found in string" })),
        ("panic", json!(null), json!({ "code": 500, "message": "Sorry" })),
        ("plain", json!(410), json!({ "code": 410, "message": "plain", "data": "gone" })),
        ("plain", json!(411), json!({ "code": 411, "message": "plain" })),
        ("rows", json!(null), json!({ "code": 418, "message": "no tea here", "data": { "what": "tea" } })),
    ];
    for (rpc, argument, told) in table {
        assert_eq!(failure(app(), rpc, argument).await, told, "{rpc}");
    }
}

#[tokio::test]
async fn handlers_see_who_called() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let app = App::new().module(House).on_error(|_: &SeatError, call: &Failure<'_>| {
        let peer: &Peer = call.peer();
        let count = CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Error::new(400, format!("{} {} {count}", peer.request().path(), call.procedure()))
    });
    assert_eq!(failure(app, "sit", 1).await["message"], "/ sit 0");
}

#[tokio::test]
async fn a_handler_that_panics_ends_nothing_but_the_call() {
    let app = App::new().module(House).on_code(411, |_: Error, _: &Failure<'_>| panic!("oh"));
    let server = serve(app).await;
    let mut client = server.connect().await;
    assert_eq!(client.refused(1, "plain", 411).await, 500);
    assert_eq!(client.refused(2, "plain", 412).await, 412);
}

#[test]
fn closures_say_their_errors() {
    use swill::Handler;
    let pour = async || -> Result<u8, Teapot> { Err(Teapot { what: "milk" }) };
    let pour = pour.procedure("pour".into(), []).errors::<Teapot>().errors::<Teapot>();
    let spec = App::new().module(Module::new().procedure(pour)).spec().unwrap();
    assert_eq!(spec.procedure("pour").unwrap().errors.len(), 1);
}

#[tokio::test]
async fn every_protocol_tells_them_in_its_own_way() {
    let connect = |protocol: fn() -> Protocol| {
        TestPeer::builder(App::new().module(House).protocols([protocol()])).over(protocol()).connect()
    };
    let table: [(fn() -> Protocol, _, _); 3] = [
        (Protocol::swill, 404, "there is no such seat"),
        (Protocol::json_rpc, -32001, "there is no such seat"),
        (Protocol::json_rpc_msgpack, -32001, "there is no such seat"),
    ];
    for (protocol, code, message) in table {
        let peer = connect(protocol).await.unwrap();
        let error = peer.call::<u32>("sit", 2).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code(code), message));
        let error = peer.call::<u32>("sit", 1).await.unwrap_err();
        assert_eq!(error.data().map(|data| serde_json::to_value(data).unwrap()), Some(json!({ "seat": 1 })));
    }
    let peer = connect(Protocol::events).await.unwrap();
    peer.send_text(r#"{"type":"sit","seat":1}"#).await.unwrap();
    let Raw::Text(told) = peer.receive_raw().await.unwrap() else { panic!("events are text") };
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["errors"][0]["loc"], json!(["seat"]));
    assert_eq!(told["errors"][0]["msg"], "seat 1 is taken");
}
