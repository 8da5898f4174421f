use crate::{
    Client, Limits, Protocol, Reconnect, address::Address, connector::Connector, fault, handlers::Handlers,
    handshake, settings::Settings,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, future::Future, io, time::Duration};
use swill_proto::{Code, Error, Result};
use swill_ws::deflate::Options;
use tokio::io::{AsyncRead, AsyncWrite};

/// Prepares a [`Client`]. Made by [`Client::builder`].
///
/// What it is told wrongly (a URL that is none, a header that may not be sent) is an error of
/// [`connect`](Self::connect) and [`lazy`](Self::lazy).
///
/// ```no_run
/// # async fn example() -> swill_client::Result<()> {
/// use std::time::Duration;
/// use swill_client::{Client, Reconnect};
///
/// let client = Client::builder("ws://127.0.0.1:8000/ws")
///     .bearer("s3cr3t")
///     .cookie("theme", "dark")
///     .deadline(Duration::from_secs(5))
///     .reconnect(Reconnect::never())
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `connect` or `lazy`"]
pub struct Builder {
    address: Result<Address>,
    pub(crate) connector: Connector,
    headers: HeaderMap,
    cookies: String,
    wrong: Option<Error>,
    protocol: Protocol,
    /// `None` for those that go with the protocol.
    subprotocols: Option<Vec<String>>,
    handlers: Handlers,
    deflate: bool,
    connect_within: Duration,
    deadline: Option<Duration>,
    reconnect: Reconnect,
    limits: Limits,
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            address: Address::parse(url),
            connector: Connector::default(),
            headers: HeaderMap::new(),
            cookies: String::new(),
            wrong: None,
            protocol: Protocol::default(),
            subprotocols: None,
            handlers: Handlers::default(),
            deflate: false,
            connect_within: Duration::from_secs(10),
            deadline: Some(Duration::from_secs(30)),
            reconnect: Reconnect::default(),
            limits: Limits::default(),
        }
    }

    /// Adds a header to the handshake. Those of the handshake itself (`Connection`, `Upgrade`, `Sec-WebSocket-…`)
    /// are refused; `Host` replaces the one from the URL.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(mut value)) if !handshake::is_reserved(&name) => {
                value.set_sensitive(handshake::is_secret(&name));
                if name == header::HOST {
                    self.headers.insert(name, value);
                } else {
                    self.headers.append(name, value);
                }
            }
            // The value may be a secret, also where it has slipped into the name.
            _ => {
                let name = name.split([':', ' ', '=']).next().unwrap_or_default();
                self.refuse(format!("the header `{name}` cannot be sent with that name and value"));
            }
        }
        self
    }

    /// Adds a cookie. All of them go into one `Cookie` header.
    pub fn cookie(mut self, name: &str, value: &str) -> Self {
        let bad = |text: &str| text.contains([';', '\r', '\n']) || !text.is_ascii();
        if name.is_empty() || name.contains('=') || bad(name) || bad(value) {
            let name = name.split(['=', ';', ' ']).next().unwrap_or_default();
            self.refuse(format!("the cookie `{name}` cannot be sent with that name and value"));
            return self;
        }
        let separator = if self.cookies.is_empty() { "" } else { "; " };
        self.cookies = format!("{}{separator}{name}={value}", self.cookies);
        self
    }

    /// Sends a token in the handshake, as `Authorization: Bearer …`.
    pub fn bearer(mut self, token: &str) -> Self {
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(header::AUTHORIZATION, value);
            }
            Err(_) => self.refuse("the bearer token cannot be sent in a header".to_owned()),
        }
        self
    }

    /// Says which `Origin` the connection comes from. None by default: programs have none.
    pub fn origin(self, origin: &str) -> Self {
        self.header("origin", origin)
    }

    /// What is spoken: Swill's own protocol by default, or JSON-RPC 2.0.
    ///
    /// ```no_run
    /// # async fn example() -> swill_client::Result<()> {
    /// use swill_client::{Client, Protocol};
    ///
    /// let client = Client::builder("ws://127.0.0.1:8000/").protocol(Protocol::JsonRpc).connect().await?;
    /// let sum: i64 = client.call("add", (1, 2)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Which subprotocols are offered, the preferred one first. By default that is `swill/1`, and none at all if JSON-RPC
    /// is spoken.
    ///
    /// Whatever the name, what is spoken is what [`protocol`](Self::protocol) says: this is for servers that know it under
    /// another name, such as `swill.1`.
    pub fn subprotocols<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
        let good = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
        };
        if !names.iter().all(good) {
            self.refuse("a subprotocol is a word without commas".to_owned());
        }
        self.subprotocols = Some(names);
        self
    }

    /// Serves a procedure to the server, under this name: calls go in both directions at any time.
    ///
    /// What the closure takes is a tuple, for parameters that come as a list, or a struct or map, for parameters that come
    /// by name; a struct also takes a list, and `()` is for none. What does not fit is refused as the protocol does it,
    /// and so are names that nobody serves. [`Value`](crate::Value) takes whatever comes.
    ///
    /// Calls and notifications begin in the order in which they come. As long as a handler need not wait, it runs in
    /// the connection's task; as soon as it waits it gets a task of its own, and others run meanwhile, up to
    /// [`Limits::serving`]. So it must not block the thread. It is dropped when the server cancels the call, and when the
    /// connection ends: handlers outlive connections, calls do not.
    ///
    /// An error goes to the server with its code, message and data. One that nobody expected, such as a foreign one that
    /// `?` has turned into an [`Error`], and a panic are logged, and the server hears of an internal error.
    ///
    /// Calls are served as long as the client is there: a program that does nothing else waits with
    /// `client.watch().until(State::is_closed).await`. In `swill/1` servers do not call, so handlers are never called.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use swill_client::{Client, Protocol};
    ///
    /// #[derive(Deserialize)]
    /// struct Wall {
    ///     name: String,
    ///     width: Option<u32>,
    /// }
    ///
    /// let builder = Client::builder("ws://127.0.0.1:8000/")
    ///     .protocol(Protocol::JsonRpc)
    ///     .handle("add", async |(a, b): (i64, i64)| Ok(a + b))
    ///     .handle("colour", async |wall: Wall| Ok(format!("red for {}", wall.name)))
    ///     .handle("seen", async |()| Ok(println!("seen")));
    /// ```
    ///
    /// # Errors
    ///
    /// Two handlers of the same name are an error of [`connect`](Self::connect) and [`lazy`](Self::lazy).
    pub fn handle<P, R, F, A>(self, name: &str, handler: F) -> Self
    where
        F: Fn(P) -> A + Send + Sync + 'static,
        A: Future<Output = Result<R>> + Send + 'static,
        P: DeserializeOwned,
        R: Serialize,
    {
        self.serve(name, false, move |params, _| Ok(handler(params)))
    }

    /// As [`handle`](Self::handle), with a handle of the client for procedures that call the server in their turn.
    ///
    /// A client that a closure has captured would keep itself alive for ever. This one is held as long as the call goes
    /// on; the client closes when it is the last.
    ///
    /// ```
    /// use swill_client::{Client, Protocol};
    ///
    /// let builder = Client::builder("ws://127.0.0.1:8000/")
    ///     .protocol(Protocol::JsonRpc)
    ///     .handle_with("colour", async |client: Client, (wall,): (String,)| {
    ///         let height: u32 = client.call("height", &wall).await?;
    ///         Ok(if height > 300 { "white" } else { "red" })
    ///     });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`handle`](Self::handle).
    pub fn handle_with<P, R, F, A>(self, name: &str, handler: F) -> Self
    where
        F: Fn(Client, P) -> A + Send + Sync + 'static,
        A: Future<Output = Result<R>> + Send + 'static,
        P: DeserializeOwned,
        R: Serialize,
    {
        self.serve(name, true, move |params, client| Ok(handler(client.ok_or_else(fault::leaving)?, params)))
    }

    fn serve<P, R, F, A>(mut self, name: &str, wants_client: bool, handler: F) -> Self
    where
        F: Fn(P, Option<Client>) -> Result<A> + Send + Sync + 'static,
        A: Future<Output = Result<R>> + Send + 'static,
        P: DeserializeOwned,
        R: Serialize,
    {
        if !self.handlers.insert(name, wants_client, handler) {
            self.refuse(format!("there are two handlers with the name `{name}`"));
        }
        self
    }

    /// Offers to compress messages of 1 KiB and more (permessage-deflate, RFC 7692). Off by default: it trades time and
    /// memory for bytes.
    pub fn compression(mut self, on: bool) -> Self {
        self.deflate = on;
        self
    }

    /// How long opening a connection may take: name, TCP and handshake. 10 s.
    pub fn connect_timeout(mut self, within: Duration) -> Self {
        self.connect_within = within;
        self
    }

    /// How long a call may take unless [`Request::deadline`](crate::Request::deadline) says otherwise. 30 s; `None` for
    /// as long as it takes.
    ///
    /// It counts for the whole of a call without streams, waiting for a connection included. A stream may take as long as
    /// it likes: of a call with one it counts until the call has been sent, and once more, of a stream in that ends with
    /// an answer, from [`Sender::finish`](crate::Sender::finish) to the answer.
    pub fn deadline(mut self, within: impl Into<Option<Duration>>) -> Self {
        self.deadline = within.into();
        self
    }

    /// When and how to connect again after the connection was lost.
    pub fn reconnect(mut self, rules: Reconnect) -> Self {
        self.reconnect = rules;
        self
    }

    /// How much the client takes, keeps and waits for.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where the bytes come from, in place of a TCP connection to the URL's host: a Unix socket, a TLS stream, a pipe in
    /// memory. Called for every attempt to connect. The URL still says `Host` and path, and with `wss://` TLS is spoken
    /// over what is returned. A stream that has TLS already goes with `ws://`.
    ///
    /// ```
    /// use swill_client::Client;
    ///
    /// let builder = Client::builder("ws://localhost/ws")
    ///     .connector(|| tokio::net::UnixStream::connect("/run/calc.sock"));
    /// ```
    pub fn connector<F, S>(mut self, open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.connector.custom(open);
        self
    }

    /// Connects.
    ///
    /// Has to be called within a tokio runtime, which then runs the connection's task.
    ///
    /// # Errors
    ///
    /// There is one attempt only: the first failure is returned.
    ///
    /// | code | |
    /// |---|---|
    /// | 503 [`UNAVAILABLE`](Code::UNAVAILABLE) | the server cannot be reached, or its certificate is not trusted |
    /// | 504 [`DEADLINE`](Code::DEADLINE) | it took too long |
    /// | the HTTP status | the server refused the handshake; the data is the body, at most 8 KiB of it |
    /// | 501 [`UNIMPLEMENTED`](Code::UNIMPLEMENTED) | the server does not speak WebSocket or `swill/1`, or TLS where it should; or the URL is `wss://` and the feature `tls` is off |
    /// | 400 [`BAD_REQUEST`](Code::BAD_REQUEST) | the URL, or something else that the builder was told, makes no sense |
    pub async fn connect(self) -> Result<Client> {
        let settings = self.settings()?;
        let link = handshake::connect(&settings).await?;
        Ok(Client::start(settings, Some(link)))
    }

    /// Returns a client at once and connects in the background, again and again as [`Reconnect`] says. Calls wait for the
    /// connection within their deadlines.
    ///
    /// Has to be called within a tokio runtime, which then runs the connection's task.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), but only those that need no connection.
    pub fn lazy(self) -> Result<Client> {
        Ok(Client::start(self.settings()?, None))
    }

    #[cold]
    pub(crate) fn refuse(&mut self, why: String) {
        self.wrong.get_or_insert_with(|| Error::new(Code::BAD_REQUEST, why));
    }

    fn settings(mut self) -> Result<Settings> {
        if let Some(error) = self.wrong {
            return Err(error);
        }
        if !self.cookies.is_empty() {
            let mut value = HeaderValue::try_from(self.cookies)?;
            value.set_sensitive(true);
            self.headers.append(header::COOKIE, value);
        }
        #[cfg(feature = "opentelemetry")]
        crate::trace::of_connection(&mut self.headers);
        let address = self.address?;
        let subprotocols = self.subprotocols.unwrap_or_else(|| self.protocol.subprotocols());
        if subprotocols.is_empty() && self.protocol.needs_subprotocol() {
            let message = "swill/1 is spoken only under a subprotocol, and none is to be offered";
            return Err(Error::new(Code::BAD_REQUEST, message));
        }
        Ok(Settings {
            connector: self.connector.prepare(&address)?,
            address,
            headers: self.headers,
            protocol: self.protocol,
            subprotocols,
            handlers: self.handlers,
            deflate: self.deflate.then(Options::default),
            connect_within: self.connect_within,
            deadline: self.deadline,
            reconnect: self.reconnect,
            limits: self.limits,
        })
    }
}

/// Names only: values of headers and cookies, subprotocols and queries may be secrets.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
        let cookies: Vec<_> =
            self.cookies.split("; ").filter_map(|cookie| Some(cookie.split_once('=')?.0)).collect();
        f.debug_struct("Builder")
            .field("server", &self.address.as_ref().map(|address| &address.authority))
            .field("connector", &self.connector)
            .field("headers", &headers)
            .field("cookies", &cookies)
            .field("wrong", &self.wrong)
            .field("protocol", &self.protocol)
            .field("subprotocols", &self.subprotocols.as_ref().map(Vec::len))
            .field("handlers", &self.handlers)
            .field("deflate", &self.deflate)
            .field("connect_within", &self.connect_within)
            .field("deadline", &self.deadline)
            .field("reconnect", &self.reconnect)
            .field("limits", &self.limits)
            .finish()
    }
}
