//! The services of `/jsonrpc` and `/jsonrpc-msgpack` (services.md, chapter 3).

use crate::{
    common::{Common, pick},
    notes::{KeepNotes, NoteServices, Notes},
    streams::Streams,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use swill::{
    App, Call, Code, Context, Error, Finished, FromContext, FromWire, Input, IntoModule, Module, Payload,
    Peer, Procedure, Protocol, Reply, Result, Value,
};

pub(crate) fn app(protocol: Protocol) -> App {
    // Old clients break on errors with data.
    App::new().protocols([protocol]).plain_errors().module(services()).hook(KeepNotes)
}

fn services() -> Module {
    let common = pick(&["add", "divide", "echo", "nothing", "fail", "slow"], &[Common.into_module()]);
    let streams = ["lines", "broken_lines", "ticks", "total"];
    let services = Module::new()
        .module(common)
        .module(Services)
        .module(pick(&streams, &[Streams.into_module()]))
        .module(pick(&["notes"], &[NoteServices.into_module()]))
        .procedure(sum());
    ["update", "notify_hello", "notify_sum", "note"].into_iter().map(noting).fold(services, Module::procedure)
}

/// Parameters however many there are, by position or by name: the list or map that they come in.
struct All<T>(T);

impl<T: FromWire + Default> Input for All<T> {
    const STREAMS: bool = false;
    type Names = [&'static str; 1];

    fn take(_: &mut Context, payload: Option<Payload<'_>>, _: &Self::Names) -> Result<Self> {
        payload.map_or_else(|| Ok(T::default()), |payload| payload.decode()).map(Self)
    }

    fn schemas(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![generator.subschema_for::<T>()]
    }
}

/// Integers stay integers.
#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
enum Number {
    Integer(i64),
    Float(f64),
}

impl Number {
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) if a.checked_add(b).is_some() => Self::Integer(a + b),
            (a, b) => Self::Float(a.float() + b.float()),
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// The sum of any number of numbers, by position.
fn sum() -> Procedure {
    Procedure::new("sum", ["numbers"], |call: Call<All<Vec<Number>>>| async move {
        let (cx, All(numbers)) = call.into_parts();
        let sum = numbers.into_iter().fold(Number::Integer(0), Number::plus);
        let result = sum.send(&cx).await;
        Finished::new(cx, result)
    })
    .doc("The sum of any number of numbers.")
}

/// A procedure that notes its name and whatever parameters it gets.
fn noting(name: &'static str) -> Procedure {
    Procedure::new(name, ["anything"], |call: Call<All<Value>>| async move {
        let (cx, All(parameters)) = call.into_parts();
        let noted = Notes::from_context(&cx)
            .map(|notes| notes.add(Value::List(vec![cx.procedure().into(), parameters])));
        let result = noted.send(&cx).await;
        Finished::new(cx, result)
    })
    .doc("Notes its name and its parameters.")
}

/// What the client has answered.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Result(Value),
    Error { code: i64, message: String },
}

impl From<Result<Value>> for Answer {
    fn from(answer: Result<Value>) -> Self {
        match answer {
            Ok(value) => Self::Result(value),
            // The client has not answered in time.
            Err(error) if error.code() == Code::DEADLINE => {
                Self::Error { code: -32603, message: "Internal error".into() }
            }
            Err(error) => Self::Error { code: error.code().0, message: error.message().into() },
        }
    }
}

struct Services;

#[swill::module]
impl Services {
    /// The difference.
    async fn subtract(&self, minuend: i64, subtrahend: i64) -> Result<i64> {
        let difference = minuend.checked_sub(subtrahend);
        difference.ok_or_else(|| Error::new(400, "the difference does not fit into 64 bits"))
    }

    /// A list that is always the same.
    async fn get_data(&self) -> (&'static str, i64) {
        ("hello", 5)
    }

    /// Fails as it is told.
    async fn error(&self, code: i64, message: String) -> Result<()> {
        Err(Error::new(code, message).with_json_rpc_code(code))
    }

    /// Calls a method of the client, and tells what it answers.
    async fn call_me(
        &self,
        peer: &Peer,
        method: String,
        params: Option<Value>,
        #[swill(default = 10_000)] timeout_ms: u64,
    ) -> Answer {
        let within = Duration::from_millis(timeout_ms);
        peer.call_within::<Value>(within, &method, params).await.into()
    }

    /// Sends the client a notification.
    async fn notify_me(&self, peer: &Peer, method: String, params: Option<Value>) -> Result<&'static str> {
        peer.notify(&method, params).await?;
        Ok("sent")
    }

    /// Calls a method of the client several times in one batch, with a notification behind the calls.
    async fn batch_me(&self, peer: &Peer, method: String, list_of_params: Vec<Value>) -> Result<Vec<Answer>> {
        let calls = list_of_params.iter().fold(peer.batch(), |batch, params| batch.call(&method, params));
        let answers = calls.notify("batch_sent", (list_of_params.len(),)).send().await?;
        Ok(answers.into_iter().map(Answer::from).collect())
    }
}
