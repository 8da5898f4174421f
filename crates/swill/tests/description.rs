//! An app's description of itself: in code, over HTTP, over a socket, and in the forms of others.

mod common;

use common::{END, exchange, serve};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use swill::{
    App, BuildError, Context, Error, Handler, Hook, Limits, Module, Result, Stream, Streaming,
    spec::{Info, Spec},
    stream,
};

/// A place on the map.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Point {
    /// To the east.
    x: i32,
    #[serde(default)]
    y: i32,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Tree<T> {
    value: T,
    branches: Vec<Tree<T>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Named<T> {
    name: String,
    it: T,
}

#[derive(Debug, swill::Error)]
enum MapError {
    /// Nobody has been there.
    #[error(code = 404, message = "nothing is known of {x}", jsonrpc_code = -32044, parameter = "at")]
    Unknown { x: i32 },
}

struct Map;

/// What lies where.
#[swill::module(name = "map")]
impl Map {
    /// The name of a place.
    ///
    /// In the language of those who live there.
    #[swill(deadline = "5s", client_metadata("trace", "The id that logs have."))]
    #[swill(leading_metadata("age", "Seconds since somebody was there."), trailing_metadata("cost", ""))]
    async fn name(
        &self,
        /// Where it is.
        at: Point,
        language: Option<String>,
    ) -> Result<String, MapError> {
        match (at.x, language) {
            (0, None) => Ok("origin".into()),
            (x, _) => Err(MapError::Unknown { x }),
        }
    }

    /// All places.
    fn places(&self) -> impl Stream<Item = Result<Point, MapError>> {
        stream::iter([Ok(Point { x: 0, y: 0 })])
    }

    /// How long a way is.
    async fn measure(
        &self,
        /// One after the other.
        mut way: Streaming<Point>,
    ) -> f64 {
        let mut length = 0.0;
        while let Some(Ok(point)) = way.next().await {
            length += f64::from(point.x).hypot(f64::from(point.y));
        }
        length
    }

    fn mirror(&self, way: Streaming<Point>) -> impl Stream<Item = Result<Point>> {
        way
    }
}

struct Wood;

#[swill::module]
impl Wood {
    async fn grow(&self, tree: Tree<Point>) -> Tree<Named<Tree<u8>>> {
        let value = Named { name: "root".into(), it: Tree { value: tree.value.x as u8, branches: vec![] } };
        Tree { value, branches: vec![] }
    }

    async fn count(&self, by_name: BTreeMap<String, (u8, bool)>, _any: swill::Value) {
        drop(by_name);
    }
}

fn app() -> App {
    let outer = Module::named("world").doc("Everything.").module(Map).nest("wood", Wood);
    App::new()
        .info(Info::new("World", "1.2").description("All there is."))
        .limits(Limits::default().message(1000).deadline(Duration::from_secs(1)))
        .module(outer)
        .module(Module::new().handle("ping", [], async || ()))
}

fn spec() -> Spec {
    app().spec().unwrap()
}

#[test]
fn the_description_is_complete() {
    let mut written = serde_json::to_value(spec()).unwrap();
    let hash = written["hash"].take();
    // What the framework speaks is not what is tested here.
    assert!(written["protocols"].as_array().is_some_and(|protocols| !protocols.is_empty()));
    written["protocols"] = json!([]);
    let golden = include_str!("description.json");
    let mut expected: Value = serde_json::from_str(golden).unwrap();
    assert_eq!(expected["hash"].take(), hash, "is the change one that clients have to know of?");
    assert_eq!(written, expected, "if it is meant to be so:\n{written:#}");
}

#[test]
fn a_description_can_be_read_back() {
    let spec = spec();
    let text = serde_json::to_string(&spec).unwrap();
    let read: Spec = serde_json::from_str(&text).unwrap();
    assert_eq!(read, spec);
    assert_eq!(read.contract_hash(), spec.hash);
}

#[test]
fn every_reference_leads_somewhere() {
    fn each(value: &Value, spec: &Spec) {
        match value {
            Value::Array(list) => list.iter().for_each(|value| each(value, spec)),
            Value::Object(map) => {
                if map.contains_key("$ref") {
                    assert_ne!(spec.resolve(value), value, "{value}");
                }
                map.values().for_each(|value| each(value, spec));
            }
            _ => {}
        }
    }
    let spec = spec();
    each(&serde_json::to_value(&spec).unwrap(), &spec);
}

#[test]
fn protocols_say_what_they_cannot_carry() {
    let spec = app().protocols([swill::Protocol::json_rpc(), swill::Protocol::swill()]).spec().unwrap();
    let [json_rpc, swill] = &spec.protocols[..] else { panic!("two protocols: {:?}", spec.protocols) };
    assert_eq!(json_rpc.cannot_carry, ["world.map.measure", "world.map.mirror"]);
    assert!(json_rpc.default && !swill.default && swill.cannot_carry.is_empty());
    assert_eq!(swill.tokens, ["swill/1", "swill.1"]);
}

#[test]
fn an_app_that_cannot_be_served_has_no_description() {
    let twice = || Module::new().handle("a", [], async || ());
    let table = [
        (App::new().module(twice()).module(twice()), BuildError::DuplicateProcedure("a".into())),
        (App::new().nest("swill", twice()), BuildError::ReservedName("swill.a".into())),
        (
            App::new().module(Module::new().handle("swill.introspect", [], async || ())),
            BuildError::ReservedName("swill.introspect".into()),
        ),
    ];
    for (app, error) in table {
        assert_eq!(app.spec().unwrap_err(), error);
        assert!(app.into_router().is_err());
    }
}

#[test]
fn what_may_be_left_out_is_not_required() {
    let run = async |_a: u8, _b: swill::Given<u8>, _c: Option<u8>, _d: (), _e: swill::Value| ();
    let procedure = run.procedure("run".into(), ["a", "b", "c", "d", "e"]).path("/runs/{a}");
    let spec = App::new().module(Module::new().procedure(procedure)).spec().unwrap();
    let required: Vec<_> = spec.procedures[0].parameters.iter().map(|it| it.required).collect();
    assert_eq!(required, [true, false, false, true, true]);
    assert_eq!(spec.procedures[0].paths, ["/runs/{a}"]);
}

/// The validator of an official schema, which may refer to another one.
fn validator(schema: &str, others: &[(&str, &str)]) -> jsonschema::Validator {
    let read = |text: &str| {
        let mut schema: Value = serde_json::from_str(text).unwrap();
        // They are draft 7, under names that only their own tools know.
        let keywords = schema.as_object_mut().unwrap();
        keywords.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
        schema
    };
    let mut registry = jsonschema::Registry::new();
    for (name, text) in others {
        registry = registry.add(*name, read(text)).unwrap();
    }
    let registry = registry.prepare().unwrap();
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .with_registry(&registry)
        .build(&read(schema))
        .unwrap()
}

fn assert_valid(validator: &jsonschema::Validator, document: &Value) {
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

#[test]
fn the_openrpc_document_is_valid() {
    let tools = include_str!("../../../conformance/schemas/json-schema-tools-1.8.0.json");
    let validator = validator(
        include_str!("../../../conformance/schemas/openrpc-1.3.2.json"),
        &[("https://meta.json-schema.tools", tools), ("https://meta.json-schema.tools/", tools)],
    );
    let mut document = spec().openrpc();
    assert_valid(&validator, &document);
    assert_valid(&validator, &App::new().spec().unwrap().openrpc());

    let names: Vec<_> = document["methods"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["world.map.name", "world.map.places", "world.wood.grow", "world.wood.count", "ping"]);
    assert_eq!(document["x-swill-left-out"], json!(["world.map.measure", "world.map.mirror"]));
    let name = &document["methods"][0];
    assert_eq!(name["params"][0]["schema"], json!({ "$ref": "#/components/schemas/Point" }));
    assert_eq!(name["errors"], json!([{ "code": -32044, "message": "nothing is known of {x}" }]));
    assert_eq!(name["summary"], "The name of a place.");
    assert!(document["methods"][1]["x-swill-stream"]["items"].is_object());

    document["methods"][0]["params"] = json!({});
    assert!(!validator.is_valid(&document), "the schema finds mistakes");
}

#[test]
fn the_asyncapi_document_is_valid() {
    let validator = validator(include_str!("../../../conformance/schemas/asyncapi-3.0.0.json"), &[]);
    use swill::Protocol;
    let app = app().protocols([
        Protocol::json_rpc(),
        Protocol::json_rpc_msgpack(),
        Protocol::swill(),
        Protocol::events(),
    ]);
    let mut document = app.paths(["/rooms/{room}"]).spec().unwrap().asyncapi();
    assert_valid(&validator, &document);
    assert_valid(&validator, &App::new().spec().unwrap().asyncapi());

    // Every protocol has its channel, and every reference in operations leads to a message of it.
    assert_eq!(document["channels"].as_object().unwrap().len(), 4);
    let operations = document["operations"].as_object().unwrap();
    assert!(operations.contains_key("swill_1.world.map.mirror"));
    for operation in operations.values() {
        let replies = operation["reply"]["messages"].as_array().unwrap();
        for reference in operation["messages"].as_array().unwrap().iter().chain(replies) {
            let pointer = reference["$ref"].as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
    // What the messages say is what really is on the wire.
    let mut message =
        document["channels"]["JSON-RPC_2.0"]["messages"]["world.map.name.call"]["payload"].take();
    message["components"] = document["components"].clone();
    let message = jsonschema::draft7::new(&message).unwrap();
    let call =
        |params: Value| json!({ "jsonrpc": "2.0", "method": "world.map.name", "params": params, "id": 1 });
    for params in
        [json!([{ "x": 1 }]), json!([{ "x": 1 }, "de"]), json!({ "at": { "x": 1 }, "language": null })]
    {
        assert!(message.is_valid(&call(params.clone())), "{params}");
    }
    for params in [
        json!([]),
        json!([{ "x": "1" }]),
        json!({ "at": { "x": 1 }, "zoom": 1 }),
        json!([{ "x": 1 }, "de", 1]),
    ] {
        assert!(!message.is_valid(&call(params.clone())), "{params}");
    }

    document["operations"]["swill_1.ping"]["action"] = json!("sleep");
    assert!(!validator.is_valid(&document), "the schema finds mistakes");
}

/// Asks for a file.
async fn get(server: &common::Server, path: &str, headers: &[(&str, &str)]) -> common::Response {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: swill.example\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    exchange(server.address, &request).await.1
}

fn json_of(response: &common::Response) -> Value {
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    serde_json::from_slice(&response.body).unwrap()
}

#[tokio::test]
async fn the_description_is_served_over_http() {
    let inner = App::new().module(Module::new().handle("inner", [], async || ()));
    let hidden = App::new().module(Module::new().handle("hidden", [], async || ())).description(false);
    let server = serve(app().mount("/inner", inner).mount("/hidden", hidden)).await;
    let spec = spec();
    let response = get(&server, "/swill.json", &[]).await;
    assert_eq!(json_of(&response), serde_json::to_value(&spec).unwrap());
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    assert_eq!(json_of(&get(&server, "/openrpc.json", &[]).await), spec.openrpc());
    assert_eq!(json_of(&get(&server, "/asyncapi.json", &[]).await), spec.asyncapi());
    assert_eq!(json_of(&get(&server, "/inner/swill.json", &[]).await)["procedures"][0]["name"], "inner");
    assert_eq!(get(&server, "/hidden/swill.json", &[]).await.status, 404);

    let tag = response.header("etag").unwrap();
    let known = format!("\"0\", W/{tag}");
    for (tags, status) in [(tag, 304), (known.as_str(), 304), ("*", 304), ("\"0\"", 200)] {
        let response = get(&server, "/swill.json", &[("If-None-Match", tags)]).await;
        assert_eq!(response.status, status, "{tags}");
        assert_eq!(response.header("etag"), Some(tag));
    }
}

#[tokio::test]
async fn pages_that_may_connect_may_read() {
    let server = serve(app().allow_origin("https://a.example").host("swill.example")).await;
    for (origin, allowed) in [("https://a.example", true), ("https://b.example", false)] {
        let response = get(&server, "/swill.json", &[("Origin", origin)]).await;
        assert_eq!(response.header("access-control-allow-origin"), allowed.then_some(origin));
    }
    let request = "GET /swill.json HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(server.status(request).await, 421);
}

#[tokio::test]
async fn what_the_application_has_put_there_stays() {
    let other = App::new().module(Module::new().handle("other", [], async || ()));
    let server = serve(app().mount("/openrpc.json", other)).await;
    assert_eq!(get(&server, "/openrpc.json", &[]).await.status, 426);
    assert_eq!(get(&server, "/asyncapi.json", &[]).await.status, 200);
    let request = "POST /asyncapi.json HTTP/1.1\r\nHost: swill.example\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(server.status(request).await, 405);
    let elsewhere = serve(app().paths(["/rpc/", "/other"])).await;
    assert_eq!(get(&elsewhere, "/rpc/swill.json", &[]).await.status, 200);
    assert_eq!(get(&elsewhere, "/swill.json", &[]).await.status, 404);
}

#[tokio::test]
async fn peers_can_ask_on_their_connection() {
    let server = serve(app()).await;
    let mut client = server.connect().await;
    let described = client.call(1, "swill.describe", ()).await.unwrap();
    assert_eq!(serde_json::to_value(&described).unwrap(), serde_json::to_value(spec()).unwrap());

    client.request(2, "swill.introspect", ()).await;
    let mut items = vec![];
    let end = loop {
        let answer = client.answer().await;
        if answer.kind == END {
            break answer;
        }
        items.push(serde_json::to_value(&answer.data).unwrap());
    };
    assert_eq!(end.data, swill::Value::Nil);
    assert_eq!(items.len(), spec().procedures.len());
    let point =
        || json!({ "type": "Point", "arguments": { "x": { "type": "int" }, "y": { "type": "int" } } });
    assert_eq!(items[0]["name"], "world.map.name");
    assert_eq!(items[0]["request"]["type"]["type"], "tuple");
    assert_eq!(items[0]["request"]["type"]["arguments"]["0"], point());
    assert_eq!(items[0]["request"]["type"]["arguments"]["1"], json!({ "type": "Any" }));
    assert_eq!(items[2]["request"], json!({ "streams": true, "type": point() }));
    assert_eq!(items[2]["response"], json!({ "streams": false, "type": { "type": "float" } }));
    let nothing = || json!({ "streams": false, "type": { "type": "None" } });
    assert_eq!(items[6], json!({ "name": "ping", "request": nothing(), "response": nothing() }));
    assert_eq!(app().procedures().last().unwrap(), "ping");
}

#[tokio::test]
async fn who_may_not_call_may_not_ask() {
    struct Closed;
    impl Hook for Closed {
        async fn before_request(&self, _: &mut Context) -> Result<()> {
            Err(Error::new(401, "who are you?"))
        }
    }
    let server = serve(app().hook(Closed)).await;
    let mut client = server.connect().await;
    assert_eq!(client.refused(1, "swill.describe", ()).await, 401);
    assert_eq!(client.refused(2, "swill.introspect", ()).await, 401);

    let server = serve(app().description(false)).await;
    let mut client = server.connect().await;
    assert_eq!(client.refused(1, "swill.describe", ()).await, 404);
    assert_eq!(client.refused(2, "swill.introspect", ()).await, 404);
}

#[tokio::test]
async fn every_protocol_can_ask() {
    use swill::{Protocol, testing::TestPeer};
    let protocols: [fn() -> Protocol; 4] =
        [Protocol::swill, Protocol::json_rpc, Protocol::json_rpc_msgpack, Protocol::events];
    for protocol in protocols {
        let name = format!("{:?}", protocol());
        let served = app().protocols([protocol()]);
        let peer = TestPeer::builder(served).over(protocol()).connect().await.unwrap();
        let described: Value = peer.call("swill.describe", ()).await.unwrap();
        assert_eq!(described["hash"], json!(spec().hash), "{name}");
        assert_eq!(described["procedures"].as_array().unwrap().len(), spec().procedures.len(), "{name}");
    }
}
