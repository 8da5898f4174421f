//! The services of the endpoints that speak events (services.md, chapter 4), but for the chat.

use crate::common::{Common, pick};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use swill::{
    App, FromContext, Handler, Handshake, Hook, IntoModule, Module, Peer, Procedure, Protocol, Result, Value,
};

/// In the order of the table: it is the order in which an error lists them.
const ORDER: &[&str] = &[
    "add", "add_sync", "divide", "echo", "nothing", "fail", "slow", "greet", "stripped", "it", "renamed",
    "kinds", "profile", "stamp", "plain", "bare", "goodbye",
];

/// `/events`.
pub(crate) fn app() -> App {
    speaking(pick(ORDER, &[Services.into_module(), Common.into_module()]))
}

/// `/decorators`.
pub(crate) fn decorators() -> App {
    speaking(hello())
}

/// `/app2` and `/app3`.
pub(crate) fn overwritten() -> App {
    speaking(overwritten_hello())
}

/// `/app4`.
pub(crate) fn overwritten_again() -> App {
    speaking(overwritten_hello().replace(saying("decorator_without_parantheses", "foobar")))
}

/// `/random`.
pub(crate) fn random() -> App {
    speaking(RandomServices.into_module()).hook(DrawRandom)
}

/// `/response_model`.
pub(crate) fn response_model() -> App {
    speaking(ResponseModels.into_module())
}

fn speaking(services: Module) -> App {
    App::new().protocols([Protocol::events()]).module(services)
}

/// An answer that is an object: its members are those of the message.
#[derive(Serialize, JsonSchema)]
struct Echoed {
    value: Value,
}

/// An answer with a type of its own, in place of the event's name.
#[derive(Serialize, JsonSchema)]
struct Greeting {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Kinds {
    i: i64,
    f: f64,
    b: bool,
    s: String,
    l: Vec<i64>,
    d: BTreeMap<String, i64>,
    o: Option<i64>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Profile {
    name: String,
    age: i64,
    #[serde(default = "nowhere")]
    city: String,
}

fn nowhere() -> String {
    "nowhere".into()
}

#[derive(Serialize, JsonSchema)]
struct Stamp {
    #[serde(rename = "type")]
    kind: &'static str,
    number: i64,
}

#[derive(Serialize, JsonSchema)]
struct Plain {
    number: i64,
}

/// Members by name.
type Object = BTreeMap<String, Value>;

/// Holds what an answer was made of against the type that is declared for it. What is wrong lies below `response`.
fn checked<T: DeserializeOwned>(answer: &Value) -> Result<T> {
    answer.deserialize().map_err(|error| error.within("response"))
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

struct Services;

#[swill::module]
impl Services {
    /// The value itself, as a member of the answer.
    async fn echo(&self, value: Value) -> Echoed {
        Echoed { value }
    }

    /// Says hello, several times if it is asked to.
    async fn greet(&self, name: String, #[swill(default = 1)] times: i64) -> Greeting {
        let hello = format!("hello {name}");
        let text = (0..times).map(|_| hello.as_str()).collect::<Vec<_>>().join(" ");
        Greeting { kind: "greeting", text }
    }

    /// What handles an event may be called otherwise than the event.
    #[swill(name = "stripped")]
    async fn on_stripped(&self) -> &'static str {
        "on"
    }

    /// The same.
    #[swill(name = "it")]
    async fn handle_it(&self) -> &'static str {
        "handle"
    }

    /// The same.
    #[swill(name = "renamed")]
    async fn some_function(&self) -> &'static str {
        "renamed"
    }

    /// Parameters of every kind, as they came.
    #[expect(clippy::too_many_arguments, reason = "one of each kind")]
    async fn kinds(
        &self,
        i: i64,
        f: f64,
        b: bool,
        s: String,
        l: Vec<i64>,
        d: BTreeMap<String, i64>,
        o: Option<i64>,
    ) -> Kinds {
        Kinds { i, f, b, s, l, d, o }
    }

    /// An answer made of what the caller says, which fits its type or does not.
    async fn profile(&self, age: Value) -> Result<Profile> {
        checked(&object([("name", "ann".into()), ("age", age)]))
    }

    /// An answer with a type of its own.
    async fn stamp(&self, number: i64) -> Stamp {
        Stamp { kind: "stamped", number }
    }

    /// An answer without one.
    async fn plain(&self, number: i64) -> Plain {
        Plain { number }
    }

    /// An answer that should be an object, and is none.
    async fn bare(&self) -> Result<Object> {
        checked(&"just text".into())
    }

    /// Sends a message of its own, and closes the connection.
    async fn goodbye(&self, peer: &Peer) -> Result<()> {
        peer.notify("goodbye", ()).await?;
        peer.close(1000, "");
        Ok(())
    }
}

/// An answer that is nothing but a type.
#[derive(Serialize, JsonSchema)]
struct Said {
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What `async_with_arg` and `with_arg` answer.
#[derive(Serialize, JsonSchema)]
struct Replied {
    reply: String,
}

fn saying(name: &'static str, kind: &'static str) -> Procedure {
    (async move || Said { kind }).procedure(name.into(), [])
}

fn hello() -> Module {
    let says_hello = |module, names: &[&'static str]| {
        names.iter().fold(module, |it: Module, name| it.procedure(saying(name, "hello_world")))
    };
    let first = [
        "decorator_without_parantheses",
        "decorator_with_parantheses",
        "decorator_with_parentheses_event",
        "static_async_method",
        "static_method",
    ];
    let last = [
        "class_decorator_without_parantheses",
        "class_decorator_with_parantheses",
        "class_decorator_with_parentheses_event",
        "decorator_outside_class_attached",
        "function_without_decorator",
        "function_without_decorator_event",
    ];
    let module = says_hello(Module::new(), &first)
        .handle("async_with_arg", ["msg"], async |reply: String| Replied { reply })
        .handle("with_arg", ["msg"], |reply: String| std::future::ready(Replied { reply }));
    says_hello(module, &last)
}

fn overwritten_hello() -> Module {
    let overwritten = ["decorator_without_parantheses", "decorator_with_parentheses_event"];
    overwritten.into_iter().fold(hello(), |module, name| module.replace(saying(name, "overwritten")))
}

/// The number of a connection.
struct Random(u64);

impl FromContext for Random {}

struct DrawRandom;

impl Hook for DrawRandom {
    /// It only looks at connections: their calls take the short way.
    fn sees_calls(&self) -> bool {
        false
    }

    async fn before_connection(&self, handshake: &mut Handshake) -> Result<()> {
        // Readers of JSON that know no integers but floats take 53 bits as they are.
        handshake.insert(Random(fastrand::u64(..1 << 53)));
        Ok(())
    }
}

#[derive(Serialize, JsonSchema)]
struct Drawn {
    value: u64,
}

struct RandomServices;

#[swill::module]
impl RandomServices {
    /// The number that was drawn for this connection.
    async fn rand(&self, random: &Random) -> Drawn {
        Drawn { value: random.0 }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Typed {
    #[serde(rename = "type", default = "custom_type")]
    kind: String,
}

fn custom_type() -> String {
    "custom_type".into()
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct TypedData {
    #[serde(rename = "type", default = "custom_type2")]
    kind: String,
    data: Object,
    #[serde(default = "forty_two")]
    extra_val: i64,
}

fn custom_type2() -> String {
    "custom_type2".into()
}

fn forty_two() -> i64 {
    42
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Nested {
    foo: Foo,
    bars: Vec<Bar>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Foo {
    count: i64,
    size: Option<f64>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Bar {
    #[serde(default = "apple")]
    apple: String,
    #[serde(default = "banana")]
    banana: String,
}

fn apple() -> String {
    "x".into()
}

fn banana() -> String {
    "y".into()
}

#[derive(Serialize, JsonSchema)]
struct Told {
    message: &'static str,
}

fn foobar() -> Value {
    object([("foobar", 13.into())])
}

/// Answers that are checked against the types that are declared for them.
struct ResponseModels;

#[swill::module]
impl ResponseModels {
    async fn default_response_model(&self) -> Told {
        Told { message: "hello world" }
    }

    async fn response_model_with_type(&self) -> Result<Typed> {
        checked(&object([]))
    }

    async fn response_model_with_type_and_data(&self) -> Result<TypedData> {
        checked(&object([("data", foobar())]))
    }

    async fn response_model_with_type_and_data_without_data(&self) -> Result<TypedData> {
        checked(&object([]))
    }

    async fn response_model_with_type_and_data_override_type(&self) -> Result<TypedData> {
        checked(&object([("type", "foobar".into()), ("data", foobar())]))
    }

    async fn response_model_with_submodel(&self) -> Result<Nested> {
        let bar = |apple: &str| object([("apple", apple.into())]);
        let bars = Value::List(vec![bar("x1"), bar("x2")]);
        checked(&object([("foo", object([("count", 4.into())])), ("bars", bars)]))
    }
}
