#[cfg(feature = "tls")]
use crate::Tls;
use crate::{
    App, Limits, Result,
    accept::Acceptor,
    addresses::{self, Addresses},
    hub::Hub,
    listen::listen,
    observe::{Limit, Observer, Who},
    progress::{Progress, Watched},
    service::cannot_serve,
    shutdown::{ShutdownHandle, Stage, give_notice, signals},
    weak,
};
use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, ToSocketAddrs},
    sync::{Semaphore, watch},
    time::{Instant, sleep_until, timeout},
};
#[cfg(feature = "tls")]
use tokio::{net::TcpStream, time::timeout_at};

/// More headers than that do not fit into a map of them; room for as many as are allowed is made for every request.
const MOST_HEADERS: usize = 24_576;

/// An app that listens. Made by [`App::bind`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> swill::Result<()> {
/// let server = swill::App::new().bind("127.0.0.1:0").await?;
/// println!("listening on {}", server.local_addr());
/// let handle = server.shutdown_handle();
/// let running = tokio::spawn(server.run());
/// // … until it is time to go:
/// handle.shutdown();
/// running.await??;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    #[cfg(feature = "docs")]
    docs: Vec<crate::docs::Place>,
    limits: Limits,
    observer: Observer,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    shutdown: ShutdownHandle,
}

impl Server {
    pub(crate) async fn bind(app: App, address: impl ToSocketAddrs) -> Result<Self> {
        let limits = app.listener_limits().clone();
        let notice = app.health.notice;
        let observer = app.observer.clone();
        #[cfg(feature = "tls")]
        let tls = app.tls.clone().transpose().map_err(cannot_serve)?;
        let hub = Arc::new(Hub::new(limits.connections, limits.budget));
        let routed = app.routes(&hub)?;
        let shutdown = ShutdownHandle::new(hub, notice);
        let listener = listen(address).await.map_err(cannot_serve)?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            #[cfg(feature = "docs")]
            docs: routed.docs,
            router: routed.router,
            limits,
            observer,
            #[cfg(feature = "tls")]
            tls,
            shutdown,
        })
    }

    /// The address that is listened on, with its port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// A handle that shuts the server down.
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        self.shutdown.clone()
    }

    /// Serves until the process is told to end (SIGTERM or Ctrl-C), or the server is shut down by its handle.
    ///
    /// Then, after its [notice](App::notice) if it has one, it accepts nothing new, lets calls in flight finish within the
    /// grace ([`Limits::grace`]), closes all connections with 1001 and returns. A second signal makes it return at once.
    ///
    /// # Errors
    ///
    /// The signals of the process cannot be listened to.
    pub async fn run(self) -> Result<()> {
        let Self { listener, address, router, limits, observer, shutdown, .. } = self;
        #[cfg(feature = "tls")]
        let tls = self.tls;
        let hub = Arc::clone(&shutdown.hub);
        let mut stage = shutdown.stage.subscribe();
        let http = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        let mut acceptor = Acceptor::new(listener, observer.clone());
        let addresses = limits.per_address.map(|most| Arc::new(Addresses::new(most)));
        tracing::info!(%address, "listening");
        #[cfg(feature = "docs")]
        for page in &self.docs {
            #[cfg(feature = "tls")]
            let secure = tls.is_some();
            #[cfg(not(feature = "tls"))]
            let secure = false;
            tracing::info!("docs page at {}", page.url(address, secure));
        }
        let in_a_hurry = {
            let mut stop = pin!(async {
                tokio::select! {
                    result = signals() => result?,
                    _ = stage.wait_for(|stage| *stage >= Stage::Told) => {}
                }
                give_notice(&shutdown).await
            });
            #[cfg(feature = "tls")]
            let mut certificates = pin!(keep_current(tls.clone())?);
            #[cfg(not(feature = "tls"))]
            let mut certificates = pin!(std::future::pending::<()>());
            let mut memory = pin!(hub.memory().settle());
            loop {
                tokio::select! {
                    result = &mut stop => break result?,
                    () = &mut certificates => {}
                    () = &mut memory => {}
                    accepted = acceptor.accept() => {
                        let (socket, remote, newcomer) = accepted?;
                        // As many again may be in their handshakes, or talk plain HTTP.
                        if weak::is_off("http-connections") {
                            http.add_permits(1);
                        }
                        let Ok(place) = Arc::clone(&http).try_acquire_owned() else {
                            observer.exceeded(Limit::Http, Who { peer: None, remote: Some(remote) });
                            continue;
                        };
                        let from = addresses.as_ref().map(|addresses| addresses.admit(remote.ip()).map(Arc::new));
                        if matches!(from, Some(None)) {
                            observer.exceeded(Limit::PerAddress, Who { peer: None, remote: Some(remote) });
                            continue;
                        }
                        let visit = Visit {
                            remote,
                            deadline: Instant::now() + limits.handshake,
                            router: router.clone(),
                            limits: limits.clone(),
                            from: from.flatten(),
                            _counted: HttpConnection::new(&observer),
                            observer: observer.clone(),
                            stage: shutdown.stage.subscribe(),
                        };
                        #[cfg(feature = "tls")]
                        if let Some(tls) = tls.clone() {
                            tokio::spawn(newcomer.begin(async move {
                                visit.serve_tls(socket, &tls).await;
                                drop(place);
                            }));
                            continue;
                        }
                        tokio::spawn(newcomer.begin(async move {
                            visit.serve_http(socket).await;
                            drop(place);
                        }));
                    }
                }
            }
        };
        drop(acceptor);
        tracing::info!(connections = hub.open(), "shutting down");
        shutdown.end();
        if in_a_hurry {
            tracing::warn!(
                connections = hub.open(),
                "told to end a second time: not waiting for calls in flight"
            );
            return Ok(());
        }
        // After the grace each connection closes by itself; what is left then is cut off when the runtime ends.
        let patience = limits.grace.saturating_add(limits.close).saturating_add(Duration::from_secs(1));
        tokio::select! {
            finished = timeout(patience, shutdown.all_closed()) => if finished.is_err() {
                tracing::warn!(connections = hub.open(), "shut down with connections still open");
            },
            result = signals() => {
                result?;
                tracing::warn!(connections = hub.open(), "told to end a second time: not waiting for calls in flight");
            }
        }
        Ok(())
    }
}

/// A TCP connection, up to its upgrade or its end.
struct Visit {
    remote: SocketAddr,
    /// When the whole opening handshake has to be over.
    deadline: Instant,
    router: Router,
    limits: Limits,
    /// Its place among the connections of its address, if those are limited.
    from: Option<Arc<addresses::Place>>,
    observer: Observer,
    _counted: HttpConnection,
    stage: watch::Receiver<Stage>,
}

impl Visit {
    /// Shakes hands for TLS, then serves what is inside.
    #[cfg(feature = "tls")]
    async fn serve_tls(self, socket: TcpStream, tls: &Tls) {
        let (remote, observer) = (self.remote, self.observer.clone());
        match timeout_at(self.deadline, tls.accept(socket)).await {
            Ok(Ok(Some(socket))) => self.serve_http(socket).await,
            Ok(Ok(None)) => tracing::debug!(%remote, "a peer speaks plain HTTP where TLS is spoken"),
            Ok(Err(error)) => tracing::debug!(%error, %remote, "a TLS handshake failed"),
            Err(_) => observer.exceeded(Limit::Handshake, Who { peer: None, remote: Some(remote) }),
        }
    }

    /// Serves requests.
    async fn serve_http<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, socket: S) {
        let Self { remote, deadline, router, limits, from, observer, mut stage, .. } = self;
        let exceeded = |limit| observer.exceeded(limit, Who { peer: None, remote: Some(remote) });
        let asked = AtomicBool::new(false);
        let progress = Arc::<Progress>::default();
        let socket = Watched::new(socket, Arc::clone(&progress));
        let heard = Arc::clone(&progress);
        let mut stalled = pin!(progress.stalled(limits.write_stall));
        let router = TowerToHyperService::new(router);
        let service = service_fn(|mut request: http::Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            heard.asked();
            if let Some(from) = &from {
                request.extensions_mut().insert(Arc::clone(from));
            }
            request.extensions_mut().insert(ConnectInfo(remote));
            router.call(request.map(Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.handshake)
            .max_buf_size(limits.head)
            .max_headers(limits.headers.min(MOST_HEADERS))
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut deadline = pin!(sleep_until(deadline));
        let mut leaving = false;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, %remote, "an HTTP connection ended");
                        let begun = !asked.load(Ordering::Relaxed) || progress.read() > 0;
                        if error.is_parse_too_large() {
                            let head = progress.read() >= limits.head;
                            exceeded(if head { Limit::Head } else { Limit::Headers });
                            observer.count(|registry| registry.refused(431));
                        } else if error.is_parse() {
                            observer.count(|registry| registry.refused(400));
                        } else if error.is_timeout() && begun {
                            exceeded(Limit::Handshake);
                        }
                    }
                    return;
                }
                () = &mut deadline, if !deadline.is_elapsed() => {
                    if !asked.load(Ordering::Relaxed) {
                        exceeded(Limit::Handshake);
                        return;
                    }
                }
                () = &mut stalled => {
                    exceeded(Limit::WriteStall);
                    return;
                }
                _ = stage.wait_for(|stage| *stage == Stage::Ending), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// A TCP connection, counted for as long as it is no WebSocket.
struct HttpConnection(Observer);

impl HttpConnection {
    fn new(observer: &Observer) -> Self {
        observer.count(|registry| registry.http_connection(1));
        Self(observer.clone())
    }
}

impl Drop for HttpConnection {
    fn drop(&mut self) {
        self.0.count(|registry| registry.http_connection(-1));
    }
}

/// Keeps the certificate current, for as long as it is polled.
#[cfg(feature = "tls")]
fn keep_current(tls: Option<Tls>) -> std::io::Result<impl Future<Output = ()>> {
    let signals = tls.as_ref().map(Tls::signals).transpose()?;
    Ok(async move {
        match (tls, signals) {
            (Some(tls), Some(signals)) => tls.keep_current(signals).await,
            _ => std::future::pending().await,
        }
    })
}
