//! From an HTTP request to a connection: the opening handshake (RFC 6455, section 4.2).

use crate::{
    Handshake, Peer, Request,
    budget::Held,
    call::Panicked,
    calling::Asked,
    connection::Connection,
    extensions::Extensions,
    hub::{Hub, Slot},
    negotiate,
    observe::{Limit, Observer, Who, connection_span},
    outbox::Outbox,
    peer::Shared,
    progress::Watched,
    service::Service,
    weak,
};
use axum::{body::Body, extract::ConnectInfo, response::Response};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header, uri::Authority};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};
use swill_proto::{Close, Error, Protocol};
use swill_ws::{WebSocket, deflate, handshake};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tracing::{Instrument, Span};

/// Answers a request to a route: with 101 and a connection, or with a refusal that says why.
pub(crate) async fn answer(
    service: Arc<Service>,
    hub: Arc<Hub>,
    parameters: Vec<(String, String)>,
    http: axum::extract::Request,
) -> Response {
    let observer = service.observer.clone();
    let response = shake_hands(service, hub, parameters, http).await;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        observer.count(|registry| registry.refused(response.status().as_u16()));
    }
    response
}

async fn shake_hands(
    service: Arc<Service>,
    hub: Arc<Hub>,
    parameters: Vec<(String, String)>,
    mut http: axum::extract::Request,
) -> Response {
    let key = match check(&http) {
        Ok(key) => key,
        Err(refusal) => return refusal,
    };
    let headers = http.headers();
    if !service.origins.serves(headers) {
        return refuse(StatusCode::MISDIRECTED_REQUEST, "this server does not answer under that host name");
    }
    if !service.origins.admits(headers) {
        return refuse(StatusCode::FORBIDDEN, "pages of this origin may not connect");
    }
    let remote = http.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let who = Who { peer: None, remote };
    let Some(mut slot) = hub.admit() else {
        if !hub.is_draining() {
            service.observer.exceeded(Limit::Connections, who);
        }
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "no connection is free, try again later");
    };
    slot.from(http.extensions().get().cloned());
    let Some(request) = Request::new(http.uri(), headers, &parameters, remote) else {
        service.observer.exceeded(Limit::Head, who);
        return refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too large");
    };
    let Some(choice) = negotiate::choose(&service.speaks.protocols, &request) else {
        return refuse(StatusCode::NOT_ACCEPTABLE, "No suitable subprotocol");
    };
    let (protocol, token) = (choice.protocol.start(&service.settings()), choice.token);
    let span = connection_span(&request, choice.protocol.capabilities().name);
    let mut handshake = Handshake { request, answer: HeaderMap::new(), state: Extensions::default() };
    let admitted = AssertUnwindSafe(async {
        for hook in &service.hooks {
            hook.before_connection(&mut handshake).await?;
        }
        for hook in &service.hooks {
            hook.before_accept(&mut handshake).await?;
        }
        Ok(())
    });
    let admitted = timeout(service.limits.handshake, admitted.catch_unwind());
    match admitted.instrument(span.clone()).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => return span.in_scope(|| refused(&error, &service.observer, who)),
        Ok(Err(cause)) => {
            let error = Error::internal(Panicked::new(&*cause));
            return span.in_scope(|| refused(&error, &service.observer, who));
        }
        Err(_) => {
            service.observer.exceeded(Limit::Handshake, who);
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "it took too long to find out who may connect");
        }
    }
    let extensions = http.headers().get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
    let negotiated = service
        .speaks
        .compression
        .as_ref()
        .and_then(|options| deflate::accept(extensions.filter_map(|value| value.to_str().ok()), options));

    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answer = response.headers_mut();
    answer.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    let mut set = |name, value: &str| match HeaderValue::from_str(value) {
        Ok(value) => drop(answer.insert(name, value)),
        Err(_) => tracing::error!("a header of the handshake's answer could not be written"),
    };
    set(header::SEC_WEBSOCKET_ACCEPT, &handshake::accept_key(&key));
    if let Some(token) = token {
        set(header::SEC_WEBSOCKET_PROTOCOL, token);
    }
    if let Some(negotiated) = &negotiated {
        set(header::SEC_WEBSOCKET_EXTENSIONS, &negotiated.to_string());
    }
    for (name, value) in &handshake.answer {
        response.headers_mut().append(name, value.clone());
    }

    #[cfg(feature = "testing")]
    response.extensions_mut().insert(crate::testing::Spoken::new(&service, choice.protocol));

    let upgrade = hyper::upgrade::on(&mut http);
    let Handshake { request, state, .. } = handshake;
    let ws = websocket(&service, negotiated);
    let opening = async move {
        match upgrade.await {
            Ok(upgraded) => {
                let shared = shared(service, &*protocol, request, state);
                Span::current().record("peer", shared.id);
                open(upgraded, Peer(shared), ws, protocol, slot).await;
            }
            Err(error) => tracing::debug!(%error, "a connection broke during its opening handshake"),
        }
    };
    tokio::spawn(opening.instrument(span));
    response
}

/// Checks everything about the request that does not depend on the app; returns its key.
#[expect(clippy::result_large_err, reason = "once for each connection")]
fn check(http: &axum::extract::Request) -> Result<String, Response> {
    let headers = http.headers();
    let has = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value: &HeaderValue| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        let mut response = refuse(
            StatusCode::UPGRADE_REQUIRED,
            "this is a WebSocket endpoint: connect with ws:// or wss://",
        );
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        return Err(response);
    }
    let first_line = http.method() == Method::GET && http.version() == Version::HTTP_11;
    if !first_line && !weak::is_off("upgrade-method") {
        return Err(refuse(StatusCode::BAD_REQUEST, "a WebSocket is opened by GET and HTTP/1.1"));
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    // RFC 9112, section 3.2: neither more than one, nor one that is no host.
    let names = |host| names_host(host) && is_target(http.uri(), host);
    let one = hosts.next().is_some_and(names) && hosts.next().is_none();
    if !one && !weak::is_off("upgrade-host") {
        return Err(refuse(StatusCode::BAD_REQUEST, "a request has one Host header, with a host in it"));
    }
    let body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get_all(header::CONTENT_LENGTH).iter().any(|length| length != "0");
    if body && !weak::is_off("upgrade-body") {
        return Err(refuse(StatusCode::BAD_REQUEST, "the request that opens a WebSocket has no body"));
    }
    let mut versions = headers.get_all(header::SEC_WEBSOCKET_VERSION).iter();
    let other = versions.next().is_none_or(|version| version != "13") || versions.next().is_some();
    if other && !weak::is_off("upgrade-version") {
        let mut response =
            refuse(StatusCode::UPGRADE_REQUIRED, "the version of the WebSocket protocol is 13");
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(response);
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next().and_then(|key| key.to_str().ok()), keys.next()) {
        (Some(key), None) if handshake::valid_key(key) || weak::is_off("upgrade-key") => Ok(key.to_owned()),
        _ => Err(refuse(StatusCode::BAD_REQUEST, "a Sec-WebSocket-Key is 16 bytes in base64")),
    }
}

/// Whether this can stand in a Host header: a host, and perhaps a port, but no user.
fn names_host(value: &HeaderValue) -> bool {
    Authority::try_from(value.as_bytes()).is_ok_and(|authority| {
        let (host, text) = (authority.host(), authority.as_str());
        let port = text.strip_prefix(host).map(|rest| rest.strip_prefix(':').unwrap_or(rest));
        let is_port = |port: &str| {
            port.is_empty() || port.bytes().all(|it| it.is_ascii_digit()) && port.parse::<u16>().is_ok()
        };
        !host.is_empty() && !text.contains('@') && port.is_some_and(is_port)
    })
}

/// Whether a target that is a whole URI (RFC 9112, section 3.2.2) is one of HTTP at that host; a path alone is.
fn is_target(target: &Uri, host: &HeaderValue) -> bool {
    matches!(target.scheme_str(), None | Some("http" | "https"))
        && target
            .authority()
            .is_none_or(|named| host.as_bytes().eq_ignore_ascii_case(named.as_str().as_bytes()))
}

pub(crate) fn refuse(status: StatusCode, why: impl Into<Body>) -> Response {
    let mut response = Response::new(why.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The refusal of a hook. What is wrong with the hook itself is logged.
fn refused(error: &Error, observer: &Observer, who: Who) -> Response {
    let response = refuse_with(error);
    if response.status().is_server_error() && observer.may_write(who) {
        tracing::error!(?error, "a hook failed while a peer connected");
    }
    response
}

/// The refusal of somebody whom the app asks, such as a hook.
pub(crate) fn refuse_with(error: &Error) -> Response {
    let code = error.close().map_or_else(|| error.code().0, |close| i64::from(close.code));
    let status = u16::try_from(code).ok().filter(|code| (300..600).contains(code));
    let status = status.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::FORBIDDEN);
    let reason = error.close().map_or_else(|| error.message(), |close| &close.reason);
    refuse(status, reason.to_owned())
}

pub(crate) fn websocket(service: &Service, deflate: Option<deflate::Negotiated>) -> WebSocket {
    let mut config = swill_ws::Config::server();
    let limits = &service.limits;
    config.limits.message = limits.message;
    config.limits.frame = limits.message;
    config.limits.fragments = limits.fragments;
    config.limits.empty_fragments = limits.empty_fragments;
    config.deflate = deflate;
    WebSocket::new(&config)
}

pub(crate) fn shared(
    service: Arc<Service>,
    protocol: &dyn Protocol,
    request: Request,
    state: Extensions,
) -> Arc<Shared> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let outbox = Outbox::new(service.limits.outbox);
    let capabilities = protocol.capabilities();
    let spoken = service.spoken(capabilities.name).cloned();
    Arc::new(Shared {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        service,
        spoken,
        capabilities,
        request,
        state,
        outbox,
        asked: Asked::default(),
        calls: Mutex::default(),
        running: AtomicUsize::new(0),
        unread: AtomicUsize::new(0),
        held: AtomicUsize::new(0),
        budgeted: Held::default(),
        stuck: AtomicUsize::new(0),
        paused: AtomicBool::new(false),
        ending: AtomicBool::new(false),
        accepting: AtomicBool::new(false),
    })
}

/// Starts the connection's own task, in the current span; it is much smaller than that of the handshake. It writes what hooks say while
/// they accept the connection, and reads once they have.
async fn open(upgraded: Upgraded, peer: Peer, ws: WebSocket, protocol: Box<dyn Protocol>, slot: Slot) {
    slot.hub().add(&peer);
    if peer.0.service.hooks.is_empty() {
        return start(upgraded, peer, ws, protocol, slot);
    }
    peer.0.accepting.store(true, Ordering::SeqCst);
    start(upgraded, peer.clone(), ws, protocol, slot);
    let until = Instant::now() + peer.0.service.limits.handshake;
    for hook in &peer.0.service.hooks {
        let accepted = AssertUnwindSafe(hook.after_accept(&peer)).catch_unwind();
        let refused = match timeout_at(until, accepted).await {
            Ok(Ok(Ok(()))) => continue,
            Ok(Ok(Err(error))) => {
                let close = error.close().cloned();
                close.unwrap_or_else(|| Close::new(1008, error.message().to_owned()))
            }
            Ok(Err(_)) => {
                if peer.0.service.observer.may_write(peer.0.who()) {
                    tracing::error!(peer = peer.id(), "a hook panicked after a connection was accepted");
                }
                Close::new(1011, "an internal server error occurred")
            }
            // Nothing is read before hooks have ended: the peer would call in vain.
            Err(_) => {
                peer.0.exceeded(Limit::Handshake);
                Close::new(1013, "it took too long to accept the connection")
            }
        };
        peer.0.outbox.close(refused);
        break;
    }
    peer.0.accepting.store(false, Ordering::SeqCst);
    peer.0.outbox.wake();
}

fn start(upgraded: Upgraded, peer: Peer, ws: WebSocket, protocol: Box<dyn Protocol>, slot: Slot) {
    // The socket itself where it can be had: one layer less on every read, and hyper's buffers are given back.
    let upgraded = match below::<TcpStream>(upgraded) {
        Ok((socket, early)) => {
            // Answers leave in one write, so there is nothing to gain from waiting for more.
            let _ = socket.set_nodelay(true);
            tokio::spawn(Connection::new(socket, &early, peer, ws, protocol, slot).in_current_span());
            return;
        }
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "tls")]
    let upgraded = match below::<tokio_rustls::server::TlsStream<TcpStream>>(upgraded) {
        Ok((socket, early)) => {
            tokio::spawn(Connection::new(socket, &early, peer, ws, protocol, slot).in_current_span());
            return;
        }
        Err(upgraded) => upgraded,
    };
    tokio::spawn(Connection::new(TokioIo::new(upgraded), &[], peer, ws, protocol, slot).in_current_span());
}

/// The socket below an upgraded connection, and what was read from it already, if it is of that type and one of this
/// server or of `axum::serve`.
fn below<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    upgraded: Upgraded,
) -> Result<(S, Bytes), Upgraded> {
    let upgraded = match upgraded.downcast::<TokioIo<Watched<S>>>() {
        Ok(parts) => return Ok((parts.io.into_inner().into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<S>>() {
        Ok(parts) => Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => {
            let parts = hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<S>>(upgraded)?;
            Ok((parts.io.into_inner(), parts.read_buf))
        }
    }
}
