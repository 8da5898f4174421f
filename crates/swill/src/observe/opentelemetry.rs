//! What OpenTelemetry is told of spans: their parents in other processes, and their attributes.
//!
//! Names and attributes follow the semantic conventions for RPC (opentelemetry.io/docs/specs/semconv/rpc), release
//! candidate of 1.40.

use crate::{Request, TraceContext, negotiate::rpc_system, peer::Shared};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// A connection has been asked for.
pub(super) fn connection_begins(span: &Span, request: &Request, remote: Option<&TraceContext>) {
    if span.is_disabled() {
        return;
    }
    // In another server, its span of the request is the parent already.
    if remote.is_some() && !Span::current().context().span().span_context().is_valid() {
        adopt(span, remote);
    }
    peer_of(span, request);
    span.set_attribute("network.protocol.name", "websocket");
    span.set_attribute("url.path", request.path().to_owned());
}

/// A call begins, in the span of its connection.
///
/// Without a trace of its caller's it begins a new one: connections live for long, and nobody could read a trace with all
/// the calls of one. Both know of each other by a link.
pub(super) fn call_begins(span: &Span, procedure: &str, shared: &Shared, remote: Option<&TraceContext>) {
    if span.is_disabled() {
        return;
    }
    adopt(span, remote);
    let connection = Span::current().context();
    span.add_link(connection.span().span_context().clone());
    span.set_attribute("rpc.system.name", rpc_system(shared.capabilities));
    span.set_attribute("rpc.method", procedure.to_owned());
    peer_of(span, &shared.request);
}

/// A call has ended. It is an error unless it is the caller's own (codes 400 to 499), as with gRPC and HTTP.
pub(super) fn call_ended(span: &Span, code: i64) {
    span.set_attribute("rpc.response.status_code", code.to_string());
    if code == 0 {
        return;
    }
    span.set_attribute("error.type", code.to_string());
    if !(400..500).contains(&code) {
        span.set_status(Status::error(""));
    }
}

/// Makes a span the child of one in another process, or the first of its trace.
fn adopt(span: &Span, remote: Option<&TraceContext>) {
    let parent = match remote {
        Some(remote) => Context::new().with_remote_span_context(span_context(remote)),
        None => Context::new(),
    };
    // Fails where nobody collects spans for OpenTelemetry, and there is nothing to tell then.
    let _ = span.set_parent(parent);
}

fn span_context(remote: &TraceContext) -> SpanContext {
    let state = remote.tracestate().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    SpanContext::new(
        TraceId::from(remote.trace_id()),
        SpanId::from(remote.parent_id()),
        TraceFlags::new(remote.flags()),
        true,
        state,
    )
}

fn peer_of(span: &Span, request: &Request) {
    if let Some(remote) = request.remote_addr() {
        span.set_attribute("network.peer.address", remote.ip().to_string());
        span.set_attribute("network.peer.port", i64::from(remote.port()));
    }
}
