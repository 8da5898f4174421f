//! One end of a pipe served as a listener serves a socket.

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use swill::App;
use tokio::{io::DuplexStream, spawn, task::JoinHandle};

/// Serves a connection; the task ends with what HTTP there is on it, which is the opening handshake if that was one.
pub(crate) fn serve(router: Router, socket: DuplexStream) -> JoinHandle<()> {
    use hyper::service::Service as _;
    let router = TowerToHyperService::new(router);
    let remote: SocketAddr = (Ipv4Addr::LOCALHOST, 50_000).into();
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(remote));
        router.call(request.map(Body::new))
    });
    // As the listener has it.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10))
        .max_buf_size(16 << 10)
        .max_headers(100)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    spawn(async move {
        // Whoever breaks off has been answered as far as that can be.
        let _ = connection.await;
    })
}

/// The routes of an app.
pub(crate) fn routes(app: App) -> Router {
    app.into_router().expect("the app can be served")
}
