//! The services of `/ws` and `/ws-small` (services.md, chapter 2).

use crate::{
    common::{Common, pick},
    streams::{Streams, sum},
    trace::{Trace, TraceHook},
    validation::Validation,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;
use swill::{
    App, Context, Error, IntoModule, Metadata, Module, Protocol, Result, Stream, Streaming, Value, stream,
};

/// In the order of the table.
const ORDER: &[&str] = &[
    "add",
    "add_sync",
    "divide",
    "echo",
    "nothing",
    "fail",
    "error",
    "slow",
    "lines",
    "broken_lines",
    "ticks",
    "total",
    "first",
    "multiply",
    "metadata",
    "metadata_total",
    "meta",
    "meta_lines",
    "validate_limits",
    "validate_step",
    "validate_text",
    "validate_when",
    "validate_order",
    "validate_rules",
    "validate_all",
    "validate_optional",
    "validate_stream",
    "close",
    "trace",
    "trace_closed",
];

pub(crate) fn app() -> App {
    let trace = TraceHook::default();
    let closed = trace.closed();
    App::new().protocols([Protocol::swill()]).module(services(ORDER, closed)).hook(trace)
}

pub(crate) fn small() -> App {
    App::new()
        .protocols([Protocol::swill()])
        .module(services(&["add", "lines", "total", "multiply", "error"], Trace::default()))
}

fn services(names: &[&str], closed: Trace) -> Module {
    let own = Services { closed }.into_module();
    pick(names, &[Common.into_module(), Streams.into_module(), Validation.into_module(), own])
}

#[derive(Deserialize, JsonSchema)]
struct Problem {
    code: i64,
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct Goodbye {
    code: u16,
    reason: String,
}

struct Services {
    closed: Trace,
}

#[swill::module]
impl Services {
    /// Fails as it is told.
    async fn error(&self, problem: Problem) -> Result<()> {
        Err(Error::new(problem.code, problem.message))
    }

    /// The request's metadata.
    async fn metadata(&self, cx: &Context, _value: Value) -> Metadata {
        cx.metadata().cloned().unwrap_or_default()
    }

    /// The sum of the stream, and the request's metadata.
    async fn metadata_total(&self, cx: &Context, mut numbers: Streaming<i64>) -> Result<Value> {
        let total = sum(&mut numbers, Duration::ZERO).await?;
        let metadata = cx.metadata().cloned().unwrap_or_default();
        let metadata = metadata.iter().map(|(key, value)| (key.into(), value.clone())).collect();
        Ok(Value::Map(vec![("total".into(), total.into()), ("metadata".into(), Value::Map(metadata))]))
    }

    /// Sets metadata as the mode says.
    async fn meta(&self, cx: &Context, mode: String) -> Result<&'static str> {
        set(cx, &mode).await?;
        Ok("ok")
    }

    /// Sets metadata as the mode says, then yields two items.
    fn meta_lines(&self, cx: &Context, mode: String) -> impl Stream<Item = Result<&'static str>> {
        stream! {
            if let Err(error) = set(cx, &mode).await {
                yield Err(error);
                return;
            }
            if mode == "empty" {
                return;
            }
            yield Ok("one");
            if mode == "late" && let Err(error) = cx.send_leading(Metadata::from([("lead", "late")])).await {
                yield Err(error);
                return;
            }
            yield Ok("two");
        }
    }

    /// Closes the connection.
    async fn close(&self, goodbye: Goodbye) -> Result<()> {
        Err(Error::close_connection(goodbye.code, goodbye.reason))
    }

    /// Returns and empties the hook log of this connection.
    async fn trace(&self, trace: &Trace) -> Vec<(String, Value)> {
        trace.take()
    }

    /// The hook log of the connection that was closed last.
    async fn trace_closed(&self) -> Vec<(String, Value)> {
        self.closed.get()
    }
}

async fn set(cx: &Context, mode: &str) -> Result<()> {
    let lead = |value: &str| Metadata::from([("lead", value)]);
    match mode {
        "now" | "now_trail" | "twice" => cx.send_leading(lead("now")).await?,
        "first" | "both" | "replace" | "empty" => cx.set_leading(lead("first"))?,
        _ => {}
    }
    match mode {
        "twice" => cx.set_leading(lead("again"))?,
        "replace" => cx.set_leading(lead("second"))?,
        _ => {}
    }
    if matches!(mode, "trail" | "both" | "now_trail" | "empty") {
        cx.set_trailing(Metadata::from([("trail", 1)]));
    }
    Ok(())
}
