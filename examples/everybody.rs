//! One procedure that everybody can call: clients of JSON-RPC, of Swill and of WebMesh, and pages that send events.
//!
//! `docs/clients.md` shows a client for each of them.

use swill::{App, Code, Error, Protocol, Result, dialect::Dialect};

struct Calc;

#[swill::module]
impl Calc {
    /// Adds two numbers.
    async fn add(&self, a: i64, b: i64) -> Result<i64> {
        a.checked_add(b).ok_or_else(|| Error::new(Code::INVALID, "the sum does not fit into 64 bits"))
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "whoever started this program waits for the line")]
async fn main() -> Result<()> {
    // Who asks for nothing speaks JSON-RPC; Swill's own clients ask for `swill/1` or `swill.1`.
    let app = App::new()
        .module(Calc)
        .paths(["/ws"])
        .mount("/events", App::new().module(Calc).protocols([Protocol::events()]))
        // Clients of WebMesh always ask for the path `/`.
        .mount("/", App::new().module(Calc).protocols([Protocol::webmesh(Dialect::V0_1_2)]));

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = app.bind(address).await?;
    println!("listening on {}", server.local_addr());
    server.run().await
}
