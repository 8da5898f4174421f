//! An app at one end of a pipe, the opening handshake at the other.

use super::{
    TestPeer, alarm,
    driver::Driver,
    line::{Line, Shared, late},
};
use crate::{App, Protocol, ShutdownHandle, service::Service as Served};
use axum::{Router, body::Body, extract::ConnectInfo};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::Incoming,
    client,
    server::conn::http1,
    service::{Service, service_fn},
    upgrade::Upgraded,
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use std::{
    borrow::Cow,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};
use swill_proto::{Code, Error, Result};
use swill_ws::handshake;
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
    task::JoinHandle,
};

/// An app in memory, to which several peers can connect.
///
/// ```
/// use swill::{App, Module, Value, testing::TestApp};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> swill::Result<()> {
/// let app = TestApp::new(App::new().module(Module::new().handle("echo", ["value"], async |value: Value| value)))?;
/// let (ann, bob) = (app.peer().connect().await?, app.peer().connect().await?);
/// assert_eq!(ann.call::<String>("echo", "I am Ann").await?, "I am Ann");
/// assert_eq!(bob.call::<String>("echo", "I am Bob").await?, "I am Bob");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TestApp {
    router: Router,
    shutdown: Option<ShutdownHandle>,
}

impl TestApp {
    /// Makes an app ready, as [`App::serve`] does.
    ///
    /// # Errors
    ///
    /// As [`App::into_router`].
    pub fn new(app: App) -> Result<Self> {
        let (router, shutdown) = app.into_router_with_handle()?;
        Ok(Self { router, shutdown: Some(shutdown) })
    }

    /// A peer that is about to connect.
    pub fn peer(&self) -> Connect {
        Connect::new(Ok(self.router.clone()))
    }

    /// Shuts the app down as a server does: calls in flight finish, and connections close with 1001.
    ///
    /// An app that came as a router is shut down by the handle of
    /// [`App::into_router_with_handle`] instead; here nothing happens.
    pub fn shutdown(&self) {
        if let Some(shutdown) = &self.shutdown {
            shutdown.shutdown();
        }
    }
}

/// An axum application in which apps are mounted.
impl From<Router> for TestApp {
    fn from(router: Router) -> Self {
        Self { router, shutdown: None }
    }
}

/// A peer before its opening handshake. Made by [`TestPeer::builder`] and [`TestApp::peer`].
#[must_use = "nothing happens before it connects"]
#[derive(Debug)]
pub struct Connect {
    router: Result<Router>,
    protocol: Option<Protocol>,
    offers: Option<Vec<String>>,
    path: Cow<'static, str>,
    query: String,
    headers: Vec<(String, String)>,
    remote: SocketAddr,
    patience: Duration,
    pipe: usize,
}

/// What an app chose to speak, told beside the answer to a handshake, since not every protocol has a token on the wire.
#[derive(Clone)]
pub(crate) struct Spoken {
    service: Arc<Served>,
    at: usize,
}

impl Spoken {
    pub(crate) fn new(service: &Arc<Served>, protocol: &Protocol) -> Self {
        let at = service.speaks.protocols.iter().position(|spoken| std::ptr::eq(spoken, protocol));
        Self { service: Arc::clone(service), at: at.unwrap_or(usize::MAX) }
    }

    fn protocol(&self) -> Option<&Protocol> {
        self.service.speaks.protocols.get(self.at)
    }
}

/// A task that ends with whoever wants it.
#[derive(Debug)]
pub(super) struct Task(pub(super) JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connect {
    pub(super) fn new(router: Result<Router>) -> Self {
        Self {
            router,
            protocol: None,
            offers: None,
            path: "/".into(),
            query: String::new(),
            headers: Vec::new(),
            remote: (Ipv4Addr::LOCALHOST, 50_000).into(),
            patience: Duration::from_secs(5),
            pipe: 64 << 10,
        }
    }

    /// Which protocol is spoken. By default, Swill's own, or the app's default where the app does not speak that.
    pub fn over(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Which subprotocols are offered (`Sec-WebSocket-Protocol`), none if the list is empty. By default, the first one
    /// that asks for the protocol that is spoken.
    pub fn subprotocols<S: Into<String>>(mut self, offers: impl IntoIterator<Item = S>) -> Self {
        self.offers = Some(offers.into_iter().map(Into::into).collect());
        self
    }

    /// The path. `/` by default.
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.path = path.into();
        self
    }

    /// Adds a value to the query string.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let query = std::mem::take(&mut self.query);
        self.query = form_urlencoded::Serializer::new(query).append_pair(name, value).finish();
        self
    }

    /// Adds a header to the request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The address that the app sees. `127.0.0.1:50000` by default.
    pub fn remote(mut self, address: SocketAddr) -> Self {
        self.remote = address;
        self
    }

    /// How long the peer waits for anything, in real time, before it gives up with an error that says what it waited
    /// for. 5 s by default.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many bytes are on their way in each direction before whoever writes has to wait. 64 KiB by default.
    pub fn pipe(mut self, bytes: usize) -> Self {
        self.pipe = bytes.max(1);
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// Whatever the app cannot be served for. A handshake that is refused: the error's code is the HTTP status, and its
    /// message the body. Code 501 if the app chooses another protocol than the one of [`over`](Self::over), or one that
    /// has no machine for its clients; 504 if there is no answer in time.
    pub async fn connect(self) -> Result<TestPeer> {
        let patience = self.patience;
        let connected = alarm::within(patience, self.shake_hands()).await;
        connected.unwrap_or_else(|| Err(late(patience, &"the answer to the opening handshake")))
    }

    async fn shake_hands(mut self) -> Result<TestPeer> {
        let router = std::mem::replace(&mut self.router, Ok(Router::new()))?;
        let asked = match (&self.offers, &self.protocol) {
            (Some(offers), _) => offers.clone(),
            (None, Some(protocol)) => protocol.tokens().iter().take(1).map(|it| (*it).to_owned()).collect(),
            (None, None) => {
                let ours = vec![Protocol::swill().tokens()[0].to_owned()];
                match self.ask(&router, &ours).await {
                    Err(refused) if refused.code().0 == i64::from(StatusCode::NOT_ACCEPTABLE.as_u16()) => {
                        vec![]
                    }
                    result => return result,
                }
            }
        };
        self.ask(&router, &asked).await
    }

    async fn ask(&self, router: &Router, offers: &[String]) -> Result<TestPeer> {
        let (near, far) = duplex(self.pipe);
        let spoken = serve(router.clone(), far, self.remote);
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(near)).await?;
        let http = Task(tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "the connection of a test ended during its opening handshake");
            }
        }));
        let key = handshake::new_key();
        let response = sender.send_request(self.request(&key, offers)?).await?;
        let (head, body) = response.into_parts();
        if head.status != StatusCode::SWITCHING_PROTOCOLS {
            let body = body.collect().await?.to_bytes();
            let message = String::from_utf8_lossy(&body).into_owned();
            return Err(Error::new(i64::from(head.status.as_u16()), message));
        }
        let accepted = head.headers.get(header::SEC_WEBSOCKET_ACCEPT).and_then(|value| value.to_str().ok());
        if !accepted.is_some_and(|accepted| handshake::accepts(&key, accepted)) {
            return Err(Error::new(
                Code::BAD_REQUEST,
                "the answer to the handshake does not belong to its key",
            ));
        }
        let headers = head.headers.clone();
        let upgraded = hyper::upgrade::on(http::Response::from_parts(head, body)).await?;
        drop(http);
        self.begin(upgraded, headers, spoken.get())
    }

    fn begin(&self, socket: Upgraded, headers: HeaderMap, spoken: Option<&Spoken>) -> Result<TestPeer> {
        let unimplemented = |message| Error::new(Code::UNIMPLEMENTED, message);
        let spoken =
            spoken.ok_or_else(|| unimplemented("what answered the handshake is no Swill app".to_owned()))?;
        let Some(chosen) = spoken.protocol() else {
            return Err(unimplemented("the app does not speak what it chose".to_owned()));
        };
        let name = chosen.capabilities().name;
        if let Some(wanted) = self.protocol.as_ref().map(|it| it.capabilities().name)
            && wanted != name
        {
            return Err(unimplemented(format!("the app chose {name} where {wanted} was wanted")));
        }
        let machine = self.protocol.as_ref().unwrap_or(chosen).client();
        let machine =
            machine.ok_or_else(|| unimplemented(format!("{name} has no machine for its clients")))?;
        let (commands, orders) = mpsc::unbounded_channel();
        let line = Line {
            commands,
            shared: Arc::new(Shared::new(machine.capabilities())),
            service: Arc::clone(&spoken.service),
            by_name: chosen.is_by_name(),
            patience: self.patience,
        };
        let driver = Driver::new(machine, Arc::clone(&line.shared), orders, &line);
        tokio::spawn(driver.run(TokioIo::new(socket)));
        Ok(TestPeer::new(line, headers))
    }

    fn request(&self, key: &str, offers: &[String]) -> Result<http::Request<Empty<Bytes>>> {
        let uri = match &*self.query {
            "" => self.path.to_string(),
            query => format!("{}?{query}", self.path),
        };
        let mut request = http::Request::get(uri)
            .header(header::HOST, "localhost")
            .header(header::UPGRADE, "websocket")
            .header(header::CONNECTION, "Upgrade")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, key)
            .body(Empty::new())?;
        let headers = request.headers_mut();
        if !offers.is_empty() {
            headers.append(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(&offers.join(", "))?);
        }
        for (name, value) in &self.headers {
            let (name, value) = (HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
            if name == header::HOST {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
        Ok(request)
    }
}

/// Serves one HTTP connection; what it will speak after its upgrade is told by then.
fn serve(router: Router, socket: DuplexStream, remote: SocketAddr) -> Arc<OnceLock<Spoken>> {
    let spoken: Arc<OnceLock<Spoken>> = Arc::default();
    let told = Arc::clone(&spoken);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(remote));
        let (answering, told) = (router.call(request.map(Body::new)), Arc::clone(&told));
        async move {
            let response = answering.await?;
            if let Some(spoken) = response.extensions().get::<Spoken>() {
                told.get_or_init(|| spoken.clone());
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    tokio::spawn(async move {
        let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "the connection of a test ended during its opening handshake");
        }
    });
    spoken
}
