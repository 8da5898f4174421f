//! A server that takes its settings from `configured.toml` and from the environment, and serves a page beside its socket.
//!
//! ```sh
//! SWILL_LIMITS__MESSAGE="1 KiB" cargo run --example configured
//! ```

#![expect(clippy::print_stdout, reason = "it shows what happens")]

use std::path::Path;
use swill::{App, Config};
use swill_client::Client;

struct Echo;

#[swill::module]
impl Echo {
    /// Says the same again.
    async fn echo(&self, text: String) -> String {
        text
    }
}

#[tokio::main]
async fn main() -> swill::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Config::load(here.join("configured.toml"))?;
    // A real server would end with `app.serve_configured().await`.
    let app = App::new().module(Echo).config(&config).static_files("/", here.join("web"));
    let server = app.bind(config.listen()).await?;
    let url = format!("ws://{}/", server.local_addr());
    println!("a page at http://{}/, and a socket at {url}", server.local_addr());
    let shutdown = server.shutdown_handle();
    let running = tokio::spawn(server.run());

    for length in [100, 100_000] {
        let client = Client::connect(&url).await?;
        match client.call::<String>("echo", "x".repeat(length)).await {
            Ok(text) => println!("{length} bytes: {} came back", text.len()),
            Err(error) => println!("{length} bytes: {error}"),
        }
        client.close().await;
    }

    shutdown.shutdown();
    running.await?
}
