//! What can be seen of a server: a span around each call, a log of calls, the trace of a caller, and whether it wants more
//! to do, up to its end.
//!
//! `cargo run --example observed` does all of it in one program, and ends. What is logged goes to the standard error.

#![expect(clippy::print_stdout, reason = "it shows what happens")]

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};
use swill::{App, Context, Module, Readiness, Result};
use swill_client::Client;

/// A shop that has to be looked after.
struct Shop;

#[swill::module(name = "shop")]
impl Shop {
    /// Sells something.
    async fn buy(&self, what: String, cx: &Context) -> Result<String> {
        // Inside of the spans of the connection and of the call, which know the trace as well.
        tracing::info!(what, "sold");
        match cx.trace_context() {
            Some(context) => Ok(format!("{:032x}", context.trace_id())),
            None => Ok("unknown".to_owned()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let level = tracing_subscriber::filter::LevelFilter::DEBUG;
    tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(level).init();

    // Every call is logged when it has ended, but for those of this module.
    let probes = Module::named("probes").handle("ping", [], async || ()).log_calls(false);
    let server = App::new()
        .module(Shop)
        .module(probes)
        .log_calls(true)
        .health("/healthz")
        .readiness(Readiness::new("/readyz").check("stock", async || Ok(())))
        .notice(Duration::from_secs(1))
        .bind("127.0.0.1:0")
        .await?;
    let (address, handle) = (server.local_addr(), server.shutdown_handle());
    let running = tokio::spawn(server.run());
    println!("alive: {}, ready: {}", ask(address, "/healthz").await?, ask(address, "/readyz").await?);

    let client = Client::connect(&format!("ws://{address}/")).await?;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = client.request("shop.buy").metadata([("traceparent", traceparent)]);
    let trace: String = request.call("lamp").await?;
    println!("the trace is {trace}");
    let () = client.call("probes.ping", ()).await?;

    // Whoever shares connections out can see it before anything is refused.
    handle.shutdown();
    println!("alive: {}, ready: {}", ask(address, "/healthz").await?, ask(address, "/readyz").await?);
    let bought: String = client.call("shop.buy", "chair").await?;
    println!("sold during the notice, in a trace that is {bought}");
    client.close().await;
    running.await?
}

/// Asks as a probe does; the answer is the status.
async fn ask(address: SocketAddr, path: &str) -> Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let asked = tokio::task::spawn_blocking(move || {
        let mut socket = TcpStream::connect(address)?;
        socket.write_all(request.as_bytes())?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        io::Result::Ok(answer)
    });
    let answer = asked.await??;
    Ok(answer.split(' ').nth(1).unwrap_or("nothing").to_owned())
}
