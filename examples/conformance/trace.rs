//! The hooks of `/ws`: what the query string asks for, and a log of everything that happens on a connection.

use std::sync::{Arc, Mutex, PoisonError};
use swill::{
    Close, Context, DataKind, Error, FromContext, Handshake, Hook, Metadata, Outcome, Payload, Peer, Result,
    Value,
};

/// The hook log of a connection.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<(String, Value)>>>);

impl FromContext for Trace {}

impl Trace {
    fn add(&self, hook: &str, value: impl Into<Value>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((hook.into(), value.into()));
    }

    fn set(&self, log: Vec<(String, Value)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = log;
    }

    pub(crate) fn take(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn get(&self) -> Vec<(String, Value)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes the logs, and keeps that of the connection that was closed last.
#[derive(Default)]
pub(crate) struct TraceHook {
    closed: Trace,
}

impl TraceHook {
    pub(crate) fn closed(&self) -> Trace {
        self.closed.clone()
    }
}

/// Adds to the log of the call's connection, unless it is the log that is called for.
fn add(cx: &Context, hook: &str, value: impl Into<Value>) -> Result<()> {
    if !matches!(cx.procedure(), "trace" | "trace_closed") {
        Trace::from_context(cx)?.add(hook, value);
    }
    Ok(())
}

fn value_of(metadata: &Option<Box<Metadata>>) -> Value {
    let entries =
        |metadata: &Metadata| metadata.iter().map(|(key, value)| (key.into(), value.clone())).collect();
    metadata.as_deref().map_or(Value::Nil, |metadata| Value::Map(entries(metadata)))
}

impl Hook for TraceHook {
    async fn before_connection(&self, handshake: &mut Handshake) -> Result<()> {
        let trace = Trace::default();
        trace.add("before_connection", handshake.request().path());
        handshake.insert(trace);
        let value = |name| handshake.request().query_value(name);
        if let Some(needed) = value("need_cookie")
            && handshake.request().cookie("session") != Some(&needed)
        {
            return Err(Error::close_connection(401, "no session"));
        }
        if let Some(code) = value("deny") {
            return Err(Error::close_connection(code.parse()?, format!("denied {code}")));
        }
        if let Some(session) = value("cookie") {
            handshake.set_cookie(&format!("session={session}"))?;
            handshake.add_header("x-swill", "hello")?;
        }
        Ok(())
    }

    async fn after_accept(&self, peer: &Peer) -> Result<()> {
        if let Some(trace) = peer.state::<Trace>() {
            trace.add("after_accept", ());
        }
        match peer.request().query_value("bye") {
            Some(code) => Err(Error::close_connection(code.parse()?, format!("bye {code}"))),
            None => Ok(()),
        }
    }

    async fn before_request(&self, cx: &mut Context) -> Result<()> {
        add(cx, "before_request", cx.procedure())
    }

    async fn before_request_data(&self, cx: &Context, kind: DataKind) -> Result<()> {
        add(cx, "before_request_data", kind as u8)
    }

    async fn before_request_message(&self, cx: &Context, message: &mut Payload<'static>) -> Result<()> {
        add(cx, "before_request_message", message.decode::<Value>()?)
    }

    async fn before_response_message(&self, cx: &Context, message: &mut Payload<'static>) -> Result<()> {
        add(cx, "before_response_message", message.decode::<Value>()?)
    }

    async fn before_leading_metadata(
        &self,
        cx: &Context,
        metadata: &mut Option<Box<Metadata>>,
    ) -> Result<()> {
        add(cx, "before_leading_metadata", value_of(metadata))
    }

    async fn before_trailing_metadata(
        &self,
        cx: &Context,
        metadata: &mut Option<Box<Metadata>>,
    ) -> Result<()> {
        add(cx, "before_trailing_metadata", value_of(metadata))
    }

    async fn after_request(&self, cx: &Context, _: Outcome<'_>) {
        // The log is there: `before_connection` has put it in.
        let _ = add(cx, "after_request", cx.procedure());
    }

    async fn after_connection(&self, peer: &Peer, _: &Close) {
        if let Some(trace) = peer.state::<Trace>() {
            trace.add("after_connection", ());
            self.closed.set(trace.get());
        }
    }
}
