//! Spans of connections and calls.

use super::call_log::Logged;
use crate::{Request, TraceContext, peer::Shared, state::CallState};
use std::sync::Arc;
use swill_proto::{CallId, Metadata, ProcedureId};
use tracing::{Span, field::Empty, level_filters::LevelFilter, span::Entered};

/// What spans and events of calls are filtered by.
pub(crate) const CALL: &str = "swill::call";

/// A span of calls or connections, with what OpenTelemetry wants to know if it is asked for.
macro_rules! span {
    ($level:ident, $target:literal, $kind:literal, $name:expr, $($fields:tt)*) => {{
        #[cfg(feature = "opentelemetry")]
        let span = tracing::span!(
            target: $target,
            tracing::Level::$level,
            $kind,
            otel.name = $name,
            otel.kind = "server",
            $($fields)*
        );
        #[cfg(not(feature = "opentelemetry"))]
        let span = tracing::span!(target: $target, tracing::Level::$level, $kind, $($fields)*);
        span
    }};
}

/// The span of a connection, which begins with its handshake. Its number is told when there is one.
pub(crate) fn connection(request: &Request, protocol: &'static str) -> Span {
    let trace = TraceContext::from_headers(request);
    let span = span!(
        INFO,
        "swill::connection",
        "connection",
        "connection",
        peer = Empty,
        remote = request.remote_addr().map(display),
        protocol,
        path = request.path(),
        trace_id = trace.as_ref().map(|it| display(format!("{:032x}", it.trace_id()))),
        parent_id = trace.as_ref().map(|it| display(format!("{:016x}", it.parent_id()))),
    );
    #[cfg(feature = "opentelemetry")]
    super::opentelemetry::connection_begins(&span, request, trace.as_ref());
    span
}

/// What follows a call to its end, for those who listen. If nobody does it is nothing, and costs next to nothing.
#[derive(Default)]
pub(crate) struct Watch(Option<Box<Watched>>);

/// What follows one call.
pub(crate) struct Watched {
    /// Where the events of the call belong: in a span of its own, or in that of its connection.
    span: Span,
    own: bool,
    logged: Option<Logged>,
}

/// A call that begins.
pub(crate) struct Beginning<'c> {
    pub(crate) shared: &'c Shared,
    pub(crate) call: CallId,
    pub(crate) procedure: ProcedureId,
    pub(crate) metadata: Option<&'c Metadata>,
    /// Bytes of its parameters.
    pub(crate) received: usize,
}

impl Watch {
    /// Nobody follows the call.
    pub(crate) const NOBODY: Self = Self(None);

    /// Whether calls may have to be followed: they are logged, or somebody collects spans of calls.
    #[inline(always)]
    pub(crate) fn is_wanted(logged: bool) -> bool {
        logged || LevelFilter::current() >= LevelFilter::DEBUG
    }

    /// Begins to follow a call.
    #[cold]
    pub(crate) fn begin(logged: bool, call: &Beginning<'_>) -> Self {
        let span = span_of(call);
        let logged = logged.then(|| Logged::begin(call)).flatten();
        if span.is_disabled() && logged.is_none() {
            return Self(None);
        }
        let own = !span.is_disabled();
        Self(Some(Box::new(Watched { span, own, logged })))
    }

    /// What happens until the guard is dropped belongs to the call.
    #[inline]
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        self.0.as_ref().map(|watched| watched.span.enter())
    }

    /// The call goes on in a task of its own: what happens there belongs to it, or else to its connection, whose span is
    /// the current one.
    #[inline]
    pub(crate) fn in_a_task(self) -> Self {
        match LevelFilter::current() {
            LevelFilter::OFF => self,
            _ => self.or_current(),
        }
    }

    #[cold]
    fn or_current(mut self) -> Self {
        let current = Span::current();
        match &mut self.0 {
            Some(watched) if !watched.own => watched.span = current,
            None if !current.is_disabled() => {
                self.0 = Some(Box::new(Watched { span: current, own: false, logged: None }));
            }
            _ => {}
        }
        self
    }

    /// What follows the call, if anything does.
    #[inline(always)]
    pub(crate) fn watched(&self) -> Option<&Watched> {
        self.0.as_deref()
    }
}

impl Watched {
    /// The call has ended with a code, 0 for success, and an answer of so many bytes.
    #[cold]
    pub(crate) fn ended(
        &self,
        shared: &Shared,
        procedure: ProcedureId,
        code: i64,
        state: Option<&Arc<CallState>>,
        answer: usize,
    ) {
        if self.own {
            self.span.record("code", code);
            #[cfg(feature = "opentelemetry")]
            super::opentelemetry::call_ended(&self.span, code);
        }
        if let Some(logged) = &self.logged {
            logged.end(shared, procedure, code, state, answer);
        }
    }
}

fn span_of(call: &Beginning<'_>) -> Span {
    // Asked first, since reading the context of the trace is the larger part of the work.
    if !tracing::span_enabled!(target: CALL, tracing::Level::DEBUG) {
        return Span::none();
    }
    let shared = call.shared;
    let trace = TraceContext::of(call.metadata, &shared.request);
    let procedure = shared.service.name(call.procedure);
    let span = span!(
        DEBUG,
        "swill::call",
        "call",
        procedure,
        procedure,
        protocol = shared.capabilities.name,
        call = call.call.number(),
        trace_id = trace.as_ref().map(|it| display(format!("{:032x}", it.trace_id()))),
        parent_id = trace.as_ref().map(|it| display(format!("{:016x}", it.parent_id()))),
        code = Empty,
    );
    #[cfg(feature = "opentelemetry")]
    super::opentelemetry::call_begins(&span, procedure, shared, trace.as_ref());
    span
}
