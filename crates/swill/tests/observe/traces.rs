//! W3C Trace Context: what a procedure and the spans know of their caller's trace.

use crate::common::*;
use swill::{App, Context, Metadata};
use tracing::Level;

const CALL: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// Nothing is known of a trace.
const EMPTY: &[&str] = &[];
const CONNECTION: &str = "00-11111111111111111111111111111111-2222222222222222-00";

struct Traced;

#[swill::module]
impl Traced {
    /// The trace of the call, as it is passed on.
    async fn trace(&self, cx: &Context) -> Vec<String> {
        let context = cx.trace_context();
        let state = context.as_ref().and_then(|it| it.tracestate()).map(str::to_owned);
        context.iter().map(ToString::to_string).chain(state).collect()
    }
}

fn ids(span: &Span) -> (Option<&str>, Option<&str>) {
    let field = |name| span.fields.get(name).map(String::as_str);
    (field("trace_id"), field("parent_id"))
}

every_protocol! {
    async fn the_handshake_tells_the_trace_of_its_calls(speaks: &Speaks) {
        let (collector, _guard) = Collector::start(Level::TRACE);
        let app = || App::new().module(Traced);
        let peer = speaks.connect(app()).await;
        assert_eq!(peer.call::<Vec<String>>("trace", ()).await.expect("an answer"), EMPTY);
        let connect = speaks.peer(app()).header("traceparent", CONNECTION).header("tracestate", "a=1");
        let peer = connect.connect().await.expect("it connects");
        assert_eq!(peer.call::<Vec<String>>("trace", ()).await.expect("an answer"), &[CONNECTION, "a=1"]);
        let connect = speaks.peer(app()).header("traceparent", "00-nonsense");
        let peer = connect.connect().await.expect("nobody minds");
        assert_eq!(peer.call::<Vec<String>>("trace", ()).await.expect("an answer"), EMPTY);
        let spans = [collector.spans("connection"), collector.spans("call")].concat();
        let known = (Some("11111111111111111111111111111111"), Some("2222222222222222"));
        let nothing = (None, None);
        let expected = [nothing, known, nothing, nothing, known, nothing];
        assert_eq!(spans.iter().map(ids).collect::<Vec<_>>(), expected);
    }
}

/// Over every protocol that carries metadata.
#[tokio::test]
async fn the_metadata_of_a_call_tells_its_trace() {
    let carrying: Vec<_> = ALL.iter().filter(|speaks| (speaks.capabilities)().metadata).collect();
    assert_eq!(carrying.iter().map(|speaks| speaks.name).collect::<Vec<_>>(), ["SWILL"]);
    for speaks in carrying {
        let (collector, _guard) = Collector::start(Level::TRACE);
        let connect = speaks.peer(App::new().module(Traced)).header("traceparent", CONNECTION);
        let peer = connect.connect().await.expect("it connects");
        let metadata: [(_, &[&str]); 5] = [
            (Metadata::from([("traceparent", CALL), ("tracestate", "a=1,b=2")]), &[CALL, "a=1,b=2"]),
            (Metadata::from([("traceparent", CALL)]), &[CALL]),
            (Metadata::from([("traceparent", "nonsense")]), &[CONNECTION]),
            (Metadata::from([("traceparent", 7)]), &[CONNECTION]),
            (Metadata::from([("user", "ann")]), &[CONNECTION]),
        ];
        for (metadata, expected) in metadata {
            let trace = peer.request("trace").metadata(metadata.clone()).call::<Vec<String>>(()).await;
            assert_eq!(trace.expect("an answer"), expected, "{metadata:?} over {speaks}");
        }
        let call = &collector.spans("call")[0];
        assert_eq!(ids(call), (Some("0af7651916cd43dd8448eb211c80319c"), Some("b7ad6b7169203331")));
    }
}
