//! A calculator: one call, a stream out, a stream in, and a client that drives all of it. The README shows the two
//! halves as programs of their own.
//!
//! `cargo run --example quickstart` serves it on a free port, calls everything once and ends;
//! `cargo run --example quickstart -- serve` goes on serving at ws://127.0.0.1:8000/ws.

#![expect(clippy::print_stdout, reason = "it shows what happens")]

use std::time::Duration;
use swill::{App, Stream, Streaming, stream};
use swill_client::Client;

struct Calc;

/// Arithmetic over a socket.
#[swill::module]
impl Calc {
    /// Adds two numbers.
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    /// Counts from zero, one number every 100 ms.
    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream! {
            for number in 0..to {
                yield number;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// Sums the numbers streamed in.
    async fn total(&self, mut numbers: Streaming<i64>) -> swill::Result<i64> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }
}

#[tokio::main]
async fn main() -> swill::Result<()> {
    if std::env::args().any(|argument| argument == "serve") {
        println!("serving at ws://127.0.0.1:8000/ws, Ctrl-C ends it");
        return App::new().module(Calc).serve("127.0.0.1:8000").await;
    }

    let server = App::new().module(Calc).bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/ws", server.local_addr());
    let shutdown = server.shutdown_handle();
    let running = tokio::spawn(server.run());

    let client = Client::connect(&url).await?;

    // One message each way.
    let sum: i64 = client.call("add", (1, 2)).await?;
    println!("add(1, 2) = {sum}");

    // A stream out.
    let mut numbers = client.stream::<u32>("count", 3).await?;
    while let Some(number) = numbers.next().await {
        println!("count(3): {}", number?);
    }

    // A stream in.
    let mut numbers = client.request("total").stream_in::<i64, i64>().await?;
    for number in [1, 2, 3] {
        numbers.send(number).await?;
    }
    println!("total of 1, 2, 3 = {}", numbers.finish().await?);

    client.close().await;
    shutdown.shutdown();
    running.await?
}
