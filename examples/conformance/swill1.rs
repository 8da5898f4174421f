//! The services of `/ws` and `/ws-small` (services.md, chapter 2), but for those of validation, which the framework
//! does not have yet.

use crate::{
    common::Common,
    load::sum,
    trace::{Trace, TraceHook},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;
use swill::{App, Context, Error, IntoModule, Metadata, Module, Protocol, Result, Stream, Streaming, Value, stream};

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
    "close",
    "trace",
    "trace_closed",
];

pub(crate) fn app() -> App {
    let trace = TraceHook::default();
    let closed = trace.closed();
    App::new().protocols([Protocol::swill()]).module(in_order(ORDER, closed)).hook(trace)
}

pub(crate) fn small() -> App {
    App::new().protocols([Protocol::swill()]).module(in_order(&["add", "lines", "total", "multiply", "error"], Trace::default()))
}

fn in_order(order: &[&str], closed: Trace) -> Module {
    let modules = [Common.into_module(), Services { closed }.into_module()];
    let find = |name: &str| modules.iter().flat_map(Module::procedures).find(|it| it.name() == name);
    order.iter().filter_map(|name| find(name)).fold(Module::new(), |module, it| module.procedure(it.clone()))
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
    /// The sum, by a procedure that is not asynchronous.
    fn add_sync(&self, a: i64, b: i64) -> Result<i64> {
        a.checked_add(b).ok_or_else(|| Error::new(400, "the sum does not fit into 64 bits"))
    }

    /// Fails as it is told.
    async fn error(&self, problem: Problem) -> Result<()> {
        Err(Error::new(problem.code, problem.message))
    }

    /// So many lines.
    fn lines(&self, n: u32) -> impl Stream<Item = String> {
        stream::iter((1..=n).map(|n| format!("line {n}")))
    }

    /// So many lines, and then an error.
    fn broken_lines(&self, n: u32) -> impl Stream<Item = Result<String>> {
        let lines = (1..=n).map(|n| Ok(format!("line {n}")));
        stream::iter(lines.chain([Err(Error::new(409, "line broke"))]))
    }

    /// Counts for ever, waiting so many milliseconds after each number.
    fn ticks(&self, ms: u64) -> impl Stream<Item = u64> {
        stream! {
            for tick in 0.. {
                yield tick;
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
        }
    }

    /// The sum of the stream.
    async fn total(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        sum(&mut numbers, Duration::ZERO).await
    }

    /// The first item, without waiting for the end; 0 when there is none.
    async fn first(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        numbers.next().await.unwrap_or(Ok(0))
    }

    /// The product so far, after each item.
    fn multiply(&self, mut numbers: Streaming<i64>) -> impl Stream<Item = Result<i64>> {
        stream! {
            let mut product = 1_i64;
            while let Some(number) = numbers.next().await {
                let next = number.and_then(|number| {
                    product.checked_mul(number).ok_or_else(|| Error::new(400, "the product does not fit into 64 bits"))
                });
                if let Ok(next) = next {
                    product = next;
                }
                yield next;
            }
        }
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
