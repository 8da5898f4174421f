//! Who takes part in a round: clients, calls in the background, streams.

use crate::{
    list::{Connect, Handler, Request},
    members::Wrong,
    value::Scope,
};
use std::{
    collections::{HashMap, hash_map::Entry},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use swill_client::{
    Builder, Client, Error, Items, Limits, Protocol, Reconnect, Response, Result, SendHalf, Sender, Value,
};
use tokio::{sync::mpsc, task::JoinHandle};

/// What came for a call.
pub(crate) type Outcome = Result<Response<Value>>;

/// A stream, or why it could not be opened.
pub(crate) type Opened<S> = Result<S>;

pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) clients: Shelf<Actor>,
    pub(crate) calls: Shelf<JoinHandle<Outcome>>,
    pub(crate) ins: Shelf<Opened<Sender<Value, Value>>>,
    pub(crate) halves: Shelf<Opened<SendHalf<Value>>>,
    pub(crate) outs: Shelf<Opened<Items<Value>>>,
}

/// A client, and what its server has called.
pub(crate) struct Actor {
    pub(crate) client: Client,
    received: Received,
}

/// The methods that the server has called and their parameters, in order.
pub(crate) type Received = Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, Value)>>>;

/// Things by their names. What is in use is not on it.
pub(crate) struct Shelf<T>(Mutex<HashMap<String, T>>);

impl<T> Shelf<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, T>> {
        self.0.lock().unwrap()
    }

    pub(crate) fn put(&self, name: String, thing: T) -> Wrong<()> {
        match self.lock().entry(name) {
            Entry::Vacant(place) => {
                place.insert(thing);
                Ok(())
            }
            Entry::Occupied(place) => Err(format!("there are two of the name `{}`", place.key())),
        }
    }

    pub(crate) fn take(&self, name: &str) -> Wrong<T> {
        self.lock().remove(name).ok_or_else(|| format!("there is no `{name}` that could be used here"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }

    pub(crate) fn drain(&self) -> Vec<T> {
        self.lock().drain().map(|(_, thing)| thing).collect()
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl Stage {
    pub(crate) fn new(address: SocketAddr, protocol: Protocol) -> Self {
        Self {
            address,
            protocol,
            clients: Shelf::default(),
            calls: Shelf::default(),
            ins: Shelf::default(),
            halves: Shelf::default(),
            outs: Shelf::default(),
        }
    }

    pub(crate) fn client(&self, name: &str) -> Wrong<Client> {
        let clients = self.clients.lock();
        clients
            .get(name)
            .map(|actor| actor.client.clone())
            .ok_or_else(|| format!("there is no client `{name}`"))
    }

    /// Gives up everything that is left.
    pub(crate) async fn clear(&self) {
        for call in self.calls.drain() {
            call.abort();
        }
        self.ins.drain();
        self.halves.drain();
        self.outs.drain();
        for actor in self.clients.drain() {
            actor.client.close().await;
        }
    }

    pub(crate) async fn connect(&self, name: String, with: &Connect, scope: &Scope) -> Wrong<Result<()>> {
        let url = format!("ws://{}{}?key={}.{name}", self.address, scope.text(&with.path), scope.run);
        let protocol = with.protocol.unwrap_or(self.protocol);
        let mut builder = Client::builder(&url).protocol(protocol);
        if protocol != Protocol::Swill {
            builder = builder.subprotocols(["jsonrpc"]);
        }
        if let Some(token) = &with.token {
            builder = builder.bearer(&scope.text(token));
        }
        if let Some(deadline) = with.deadline {
            builder = builder.deadline(deadline);
        }
        if let Some(rules) = &with.reconnect {
            let mut reconnect = Reconnect::default();
            if rules.base.is_some() || rules.cap.is_some() {
                let time = |ms: Option<u64>, default| Duration::from_millis(ms.unwrap_or(default));
                reconnect = reconnect.delays(time(rules.base, 100), time(rules.cap, 10_000));
            }
            if let Some(attempts) = rules.attempts {
                reconnect = reconnect.attempts(attempts as u32);
            }
            builder = builder.reconnect(reconnect);
        }
        builder = builder.limits(limits(with)?);
        let (sender, receiver) = mpsc::unbounded_channel();
        for (method, handler) in &with.handlers {
            builder = serve(builder, method, handler.clone(), scope.clone(), sender.clone());
        }
        let client = match builder.connect().await {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        let received = Arc::new(tokio::sync::Mutex::new(receiver));
        self.clients.put(name, Actor { client, received })?;
        Ok(Ok(()))
    }

    pub(crate) fn received(&self, name: &str) -> Wrong<Received> {
        let clients = self.clients.lock();
        clients
            .get(name)
            .map(|actor| actor.received.clone())
            .ok_or_else(|| format!("there is no client `{name}`"))
    }
}

fn limits(with: &Connect) -> Wrong<Limits> {
    let mut limits = Limits::default();
    let number = |name| with.limits.get(name).and_then(serde_json::Value::as_u64).map(|most| most as usize);
    for (name, value) in &with.limits {
        let most = value.as_u64().ok_or_else(|| format!("the limit `{name}` is no number"))? as usize;
        limits = match name.as_str() {
            "calls" => limits.calls(most),
            "request" => limits.request(most),
            "message" => limits.message(most),
            "serving" => limits.serving(most),
            "metadata_keys" => limits.metadata(most, number("metadata_bytes").unwrap_or(8 << 10)),
            "metadata_bytes" => limits.metadata(number("metadata_keys").unwrap_or(64), most),
            "stream_unread" => limits.unread(most, number("unread").unwrap_or(4 << 20)),
            "unread" => limits.unread(number("stream_unread").unwrap_or(256 << 10), most),
            _ => return Err(format!("there is no limit `{name}`")),
        };
    }
    Ok(limits)
}

/// Adds a handler that answers as it is told, and tells that it was called.
fn serve(
    builder: Builder,
    method: &str,
    handler: Handler,
    scope: Scope,
    received: mpsc::UnboundedSender<(String, Value)>,
) -> Builder {
    let name = method.to_owned();
    builder.handle_with(method, move |client: Client, params: Value| {
        // Whoever waits for it may be gone already.
        let _ = received.send((name.clone(), params.clone()));
        let (handler, scope) = (handler.clone(), scope.clone());
        async move { respond(handler, &scope, client, params).await }
    })
}

async fn respond(handler: Handler, scope: &Scope, client: Client, params: Value) -> Result<Value> {
    let wrong = |wrong: String| Error::new(400, wrong);
    match handler {
        Handler::Value(value) => scope.make(&value).map_err(wrong),
        Handler::Params => Ok(params),
        Handler::Hang => std::future::pending().await,
        Handler::Error { code, message, data } => {
            let error = Error::new(code, scope.text(&message));
            Err(match data {
                Some(data) => error.with_data(scope.make(&data).map_err(wrong)?),
                None => error,
            })
        }
        Handler::Call { name, params } => {
            let params = scope.params(params.as_ref()).map_err(wrong)?;
            client.call(&scope.text(&name), params).await
        }
    }
}

/// A request of the client, with everything but its parameters.
pub(crate) fn request<'c>(
    client: &'c Client,
    name: &'c str,
    request: &Request,
    scope: &Scope,
) -> Wrong<swill_client::Request<'c>> {
    let mut prepared = client.request(name);
    if let Some(metadata) = &request.metadata {
        prepared = prepared.metadata(scope.metadata(metadata)?);
    }
    if let Some(deadline) = request.deadline {
        prepared = prepared.deadline(deadline);
    }
    if request.idempotent {
        prepared = prepared.idempotent();
    }
    Ok(prepared)
}
