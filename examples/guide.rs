//! The server that the programs of the guide talk to: one procedure of each shape, errors, metadata, a call that takes
//! long, and one that calls its caller.
//!
//! ```sh
//! cargo run --example guide                    # at 127.0.0.1:8000
//! cargo run --example guide -- 127.0.0.1:0     # at a free port, which it prints
//! ```

#![expect(clippy::print_stdout, reason = "whoever started this program waits for the line")]

use std::time::Duration;
use swill::{App, Code, Context, Error, Metadata, Peer, Result, Stream, Streaming, stream};

struct Guide;

/// What the chapters of the guide call.
#[swill::module]
impl Guide {
    /// Adds two numbers.
    async fn add(&self, a: i64, b: i64) -> i64 {
        a.saturating_add(b)
    }

    /// Divides.
    async fn divide(&self, a: i64, b: i64) -> Result<i64> {
        a.checked_div(b).ok_or_else(|| Error::new(Code::BAD_REQUEST, "division by zero"))
    }

    /// Counts from zero.
    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream::iter(0..to)
    }

    /// Sums the numbers streamed in.
    async fn total(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        let mut sum = 0_i64;
        while let Some(number) = numbers.next().await {
            sum = sum.saturating_add(number?);
        }
        Ok(sum)
    }

    /// Tells the product so far after each number.
    fn products(&self, mut numbers: Streaming<i64>) -> impl Stream<Item = Result<i64>> {
        stream! {
            let mut product = 1_i64;
            while let Some(number) = numbers.next().await {
                product = product.saturating_mul(number?);
                yield Ok(product);
            }
        }
    }

    /// Greets in the language that the metadata asks for.
    #[swill(client_metadata("language", "the language to greet in, such as `fr`"))]
    #[swill(leading_metadata("language", "the language of the greeting"))]
    #[swill(trailing_metadata("greeted", "how many were greeted"))]
    async fn greet(&self, name: String, cx: &Context) -> Result<String> {
        let language = cx.metadata().and_then(|it| it.get("language")?.as_str()).unwrap_or("en");
        let hello = if language == "fr" { "bonjour" } else { "hello" };
        cx.set_leading(Metadata::from([("language", language)]))?;
        cx.set_trailing(Metadata::from([("greeted", 1)]));
        Ok(format!("{hello} {name}"))
    }

    /// Tells which trace the call belongs to.
    async fn trace(&self, cx: &Context) -> Option<String> {
        Some(format!("{:032x}", cx.trace_context()?.trace_id()))
    }

    /// Thinks for a minute.
    async fn think(&self) -> u32 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        42
    }

    /// Paints a wall in the colour that the caller wants.
    async fn paint(&self, wall: String, peer: &Peer) -> Result<String> {
        let colour: String = peer.call("colour", (&wall,)).await?;
        Ok(format!("{wall}: {colour}"))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = App::new().title("Guide").module(Guide).bind(address).await?;
    println!("listening on {}", server.local_addr());
    server.run().await
}
