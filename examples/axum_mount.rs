//! Swill inside an axum application: beside routes of its own, below a layer that applies to all of them.

#![expect(clippy::print_stdout, reason = "it shows what happens")]

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use std::{future::IntoFuture, net::SocketAddr};
use swill::App;
use swill_client::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

struct Calc;

#[swill::module]
impl Calc {
    /// Adds two numbers.
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }
}

/// A layer sees the request that opens a connection like any other, and the answer with its status 101.
async fn log(request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), request.uri());
    let response = next.run(request).await;
    println!("{what} -> {}", response.status());
    response
}

fn application() -> swill::Result<Router> {
    let rpc = App::new().module(Calc).paths(["/rpc"]).into_router()?;
    Ok(Router::new().route("/health", get(|| async { "fine" })).merge(rpc).layer(from_fn(log)))
}

#[tokio::main]
async fn main() -> swill::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // With the peer's address, which `peer.request().remote_addr()` then tells.
    let service = application()?.into_make_service_with_connect_info::<SocketAddr>();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async { drop(stopped.await) });
    let running = tokio::spawn(server.into_future());

    println!("/health says {}", health(address).await?);

    let client = Client::connect(&format!("ws://{address}/rpc")).await?;
    let sum: i64 = client.call("add", (1, 2)).await?;
    println!("add(1, 2) = {sum}");
    client.close().await;

    drop(stop);
    Ok(running.await??)
}

/// The body of `/health`, by a request as short as HTTP allows.
async fn health(address: SocketAddr) -> swill::Result<String> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer.lines().last().unwrap_or_default().to_owned())
}
