//! Which trace a call belongs to, told to the server in the words of W3C Trace Context.

use crate::Protocol;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags};
use swill_proto::Metadata;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The metadata of a call that is made in the current span, if the protocol carries metadata. What the caller says of a
/// trace stays.
pub(crate) fn of_call(protocol: Protocol, metadata: Option<Box<Metadata>>) -> Option<Box<Metadata>> {
    let said = metadata.as_ref().is_some_and(|metadata| metadata.get(TRACEPARENT).is_some());
    if said || !protocol.carries_metadata() {
        return metadata;
    }
    let Some((parent, state)) = current() else { return metadata };
    let mut metadata = metadata.unwrap_or_default();
    metadata.insert(TRACEPARENT, parent);
    match state {
        Some(state) => metadata.insert(TRACESTATE, state),
        // One that is left over would belong to another parent.
        None => drop(metadata.remove(TRACESTATE)),
    }
    Some(metadata)
}

/// Adds the headers of a connection that is asked for in the current span, unless the program has said some.
pub(crate) fn of_connection(headers: &mut HeaderMap) {
    let (parent, state) = (HeaderName::from_static(TRACEPARENT), HeaderName::from_static(TRACESTATE));
    if headers.contains_key(&parent) {
        return;
    }
    let Some((text, of_systems)) = current() else { return };
    headers.remove(&state);
    let named = [(parent, Some(text)), (state, of_systems)];
    for (name, text) in named {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    }
}

/// The current span as `traceparent` and `tracestate`, if it is one that OpenTelemetry knows.
fn current() -> Option<(String, Option<String>)> {
    let context = Span::current().context();
    let span = context.span();
    match span.span_context() {
        known if known.is_valid() => Some(written(known)),
        // Of programs that use OpenTelemetry without `tracing`.
        _ => opentelemetry::Context::map_current(|context| {
            let span = context.span();
            let known = span.span_context();
            known.is_valid().then(|| written(known))
        }),
    }
}

fn written(span: &SpanContext) -> (String, Option<String>) {
    let flags = span.trace_flags() & TraceFlags::SAMPLED;
    let parent = format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), flags.to_u8());
    let state = span.trace_state().header();
    (parent, (!state.is_empty()).then_some(state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::{
        Context,
        trace::{SpanId, TraceId, TraceState},
    };

    fn in_a_span<T>(state: &str, run: impl FnOnce() -> T) -> T {
        let state: TraceState = state.parse().unwrap();
        let (trace, span) = (TraceId::from(0xab_u128), SpanId::from(0xcd_u64));
        let span = SpanContext::new(trace, span, TraceFlags::SAMPLED, false, state);
        let _guard = Context::new().with_remote_span_context(span).attach();
        run()
    }

    const PARENT: &str = "00-000000000000000000000000000000ab-00000000000000cd-01";

    fn told(protocol: Protocol, metadata: &[(&str, &str)]) -> Option<Metadata> {
        let metadata = (!metadata.is_empty()).then(|| Box::new(metadata.iter().copied().collect()));
        of_call(protocol, metadata).map(|metadata| *metadata)
    }

    #[test]
    fn calls_tell_their_trace_where_metadata_travels() {
        assert_eq!(told(Protocol::Swill, &[]), None, "there is no span");
        in_a_span("", || {
            assert_eq!(told(Protocol::Swill, &[]), Some(Metadata::from([("traceparent", PARENT)])));
            assert_eq!(told(Protocol::JsonRpc, &[]), None);
            let both = Metadata::from([("user", "ann"), ("traceparent", PARENT)]);
            assert_eq!(told(Protocol::Swill, &[("user", "ann"), ("tracestate", "old=1")]), Some(both));
            let said = [("traceparent", "said"), ("tracestate", "by=hand")];
            assert_eq!(told(Protocol::Swill, &said), Some(Metadata::from(said)));
        });
        in_a_span("a=1,b=2", || {
            let both = Metadata::from([("traceparent", PARENT), ("tracestate", "a=1,b=2")]);
            assert_eq!(told(Protocol::Swill, &[]), Some(both));
        });
    }

    #[test]
    fn connections_tell_their_trace_unless_the_program_does() {
        let mut headers = HeaderMap::new();
        of_connection(&mut headers);
        assert!(headers.is_empty(), "there is no span");
        in_a_span("a=1", || of_connection(&mut headers));
        assert_eq!(
            (&headers["traceparent"], &headers["tracestate"]),
            (&PARENT.parse().unwrap(), &"a=1".parse().unwrap())
        );
        headers.insert("traceparent", "said".parse().unwrap());
        in_a_span("", || of_connection(&mut headers));
        assert_eq!(headers["traceparent"], "said");
    }
}
