//! Traces across processes: what OpenTelemetry's SDK keeps of a client and of the server that it calls.

use opentelemetry::{
    Value,
    trace::{SpanContext, SpanId, SpanKind, Status, TracerProvider},
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use std::time::Duration;
use swill::{App, Context};
use swill_client::{Client, Metadata, Protocol, Result};
use tracing::{Instrument, Span, info_span, subscriber::DefaultGuard};
use tracing_subscriber::layer::SubscriberExt;

/// Keeps what is traced on this thread, as long as the guard lives.
struct Traces {
    exporter: InMemorySpanExporter,
    _provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Traces {
    fn start() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        Self { exporter, _provider: provider, _guard: guard }
    }

    /// The ended spans of a name, as soon as there are so many.
    async fn named(&self, name: &str, count: usize) -> Vec<SpanData> {
        let waiting = async {
            loop {
                let mut spans = self.exporter.get_finished_spans().expect("they are kept");
                spans.retain(|span| span.name == name);
                if spans.len() >= count {
                    assert_eq!(spans.len(), count, "{spans:#?}");
                    return spans;
                }
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        waited.unwrap_or_else(|_| panic!("no span `{name}` in {:#?}", self.exporter.get_finished_spans()))
    }

    async fn one(&self, name: &str) -> SpanData {
        self.named(name, 1).await.remove(0)
    }
}

fn is_child(span: &SpanData, parent: &SpanContext) -> bool {
    span.span_context.trace_id() == parent.trace_id() && span.parent_span_id == parent.span_id()
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key)?;
    Some(match &found.value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    })
}

struct Calc {
    /// Another server, to be asked.
    next: Option<Client>,
}

#[swill::module]
impl Calc {
    async fn add(&self, a: i64, b: i64) -> i64 {
        info_span!("adding").in_scope(|| a + b)
    }

    async fn relay(&self, a: i64, b: i64) -> Result<i64> {
        match &self.next {
            Some(next) => next.call("add", (a, b)).await,
            None => Err(swill::Error::internal("there is no other server")),
        }
    }

    async fn trace(&self, cx: &Context) -> Option<String> {
        cx.trace_context().map(|context| context.to_string())
    }

    async fn fail(&self, code: i64) -> Result<()> {
        Err(swill::Error::new(code, "on purpose"))
    }
}

async fn serve(next: Option<Client>) -> String {
    let server = App::new().module(Calc { next }).bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}/", server.local_addr());
    // Outside of whatever span the test is in.
    tokio::spawn(server.run().instrument(Span::none()));
    url
}

#[tokio::test]
async fn a_call_of_the_server_is_the_child_of_the_span_that_made_it() {
    let traces = Traces::start();
    let client = Client::connect(&serve(None).await).await.expect("it connects");
    let calling = info_span!("calling");
    let sum: i64 = client.call("add", (1, 2)).instrument(calling).await.expect("an answer");
    assert_eq!(sum, 3);
    let (calling, add, adding) =
        (traces.one("calling").await, traces.one("add").await, traces.one("adding").await);
    assert!(is_child(&add, &calling.span_context), "{add:#?}");
    assert!(add.parent_span_is_remote);
    assert_eq!(add.span_kind, SpanKind::Server);
    assert!(is_child(&adding, &add.span_context), "what the procedure does is inside of the call");
    for (key, value) in [
        ("rpc.system.name", "swill"),
        ("rpc.method", "add"),
        ("rpc.response.status_code", "0"),
        ("network.peer.address", "127.0.0.1"),
    ] {
        assert_eq!(attribute(&add, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!((attribute(&add, "error.type"), &add.status), (None, &Status::Unset));
    client.close().await;
    let connection = traces.one("connection").await;
    assert_eq!(connection.span_kind, SpanKind::Server);
    assert_eq!(connection.parent_span_id, SpanId::INVALID);
    let links: Vec<_> = add.links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(links, [connection.span_context.span_id()]);
}

#[tokio::test]
async fn a_trace_goes_through_servers() {
    let traces = Traces::start();
    let last = Client::connect(&serve(None).await).await.expect("it connects");
    let first = Client::connect(&serve(Some(last)).await).await.expect("it connects");
    let calling = info_span!("calling");
    let sum: i64 = first.call("relay", (1, 2)).instrument(calling).await.expect("an answer");
    assert_eq!(sum, 3);
    let (calling, relay, add) =
        (traces.one("calling").await, traces.one("relay").await, traces.one("add").await);
    assert!(is_child(&relay, &calling.span_context));
    assert!(is_child(&add, &relay.span_context));
}

#[tokio::test]
async fn calls_without_a_trace_begin_one_each() {
    let traces = Traces::start();
    let client = Client::connect(&serve(None).await).await.expect("it connects");
    for _ in 0..2 {
        let _: i64 = client.call("add", (1, 2)).await.expect("an answer");
    }
    client.close().await;
    let (calls, connection) = (traces.named("add", 2).await, traces.one("connection").await);
    let ids = [&calls[0], &calls[1], &connection].map(|span| span.span_context.trace_id());
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    for call in &calls {
        assert_eq!(call.parent_span_id, SpanId::INVALID);
        assert_eq!(call.links[0].span_context.span_id(), connection.span_context.span_id());
    }
}

#[tokio::test]
async fn every_way_to_call_carries_the_trace_on() {
    let traces = Traces::start();
    let client = Client::connect(&serve(None).await).await.expect("it connects");
    let calling = info_span!("calling");
    async {
        let answers = client.batch().call("add", (1, 2)).call("add", (3, 4)).send().await;
        assert_eq!(answers.expect("answers").len(), 2);
        client.notify("add", (5, 6)).await.expect("it is sent");
        let request = client.request("add").metadata([("user", "ann")]);
        let _: i64 = request.call((7, 8)).await.expect("an answer");
    }
    .instrument(calling)
    .await;
    let (calling, calls) = (traces.one("calling").await, traces.named("add", 4).await);
    assert!(calls.iter().all(|call| is_child(call, &calling.span_context)), "{calls:#?}");
}

#[tokio::test]
async fn what_the_program_says_itself_stays() {
    let _traces = Traces::start();
    let client = Client::connect(&serve(None).await).await.expect("it connects");
    let said = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = client.request("trace").metadata(Metadata::from([("traceparent", said)]));
    let trace: Option<String> = request.call(()).instrument(info_span!("calling")).await.expect("an answer");
    assert_eq!(trace.as_deref(), Some(said));
}

/// No metadata travels there: the trace in which the client was made is that of its calls.
#[tokio::test]
async fn over_json_rpc_the_handshake_carries_the_trace_on() {
    let traces = Traces::start();
    let builder = Client::builder(&serve(None).await).protocol(Protocol::JsonRpc);
    let client = builder.connect().instrument(info_span!("connecting")).await.expect("it connects");
    let _: i64 = client.call("add", (1, 2)).instrument(info_span!("calling")).await.expect("an answer");
    client.close().await;
    let (connecting, connection, add) =
        (traces.one("connecting").await, traces.one("connection").await, traces.one("add").await);
    assert!(is_child(&connection, &connecting.span_context));
    assert!(is_child(&add, &connecting.span_context));
    assert_eq!(attribute(&add, "rpc.system.name").as_deref(), Some("jsonrpc"));
}

#[tokio::test]
async fn errors_of_the_server_are_errors_of_its_spans() {
    let traces = Traces::start();
    let client = Client::connect(&serve(None).await).await.expect("it connects");
    for (count, (code, is_error)) in
        [(500, true), (403, false), (503, true), (1234, true)].into_iter().enumerate()
    {
        let failed = client.call::<()>("fail", code).await.expect_err("it fails");
        assert_eq!(failed.code().0, code);
        let call = traces.named("fail", count + 1).await.remove(count);
        let code = code.to_string();
        assert_eq!(attribute(&call, "rpc.response.status_code"), Some(code.clone()));
        assert_eq!(attribute(&call, "error.type"), Some(code));
        assert_eq!(matches!(call.status, Status::Error { .. }), is_error, "{call:?}");
    }
}
