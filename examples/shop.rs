//! The shop of the guide's chapter on generated clients: modules, types and an announced error, for which clients in other
//! languages are generated.
//!
//! ```sh
//! cargo run --example shop                     # at 127.0.0.1:8000
//! swill generate typescript localhost          # in another shell
//! ```

#![expect(clippy::print_stdout, reason = "whoever started this program waits for the line")]

use schemars::JsonSchema;
use serde::Serialize;
use swill::{App, Result, Stream, stream};

/// A book that is for sale.
#[derive(Serialize, JsonSchema)]
struct Book {
    title: String,
    /// In cents.
    price: u32,
}

/// What a customer gets.
#[derive(Serialize, JsonSchema)]
struct Receipt {
    title: String,
    /// In cents.
    price: u32,
}

/// There are not enough.
#[derive(Debug, swill::Error)]
#[error(code = 409, message = "only {left} are left")]
struct SoldOut {
    left: u32,
}

/// How a book lies in its box.
#[derive(Serialize, JsonSchema)]
enum Wrapping {
    None,
    Paper(String),
}

struct Orders;

/// Buying.
#[swill::module(name = "orders")]
impl Orders {
    /// Buys a book. There is one left of each, but none of "Emma".
    async fn buy(&self, title: String) -> std::result::Result<Receipt, SoldOut> {
        if title == "Emma" {
            return Err(SoldOut { left: 0 });
        }
        Ok(Receipt { title, price: 1200 })
    }

    /// How a book would be wrapped.
    async fn wrapping(&self, present: bool) -> Wrapping {
        if present { Wrapping::Paper("red".into()) } else { Wrapping::None }
    }
}

struct Books;

/// What there is.
#[swill::module(name = "books")]
impl Books {
    /// All books.
    fn all(&self) -> impl Stream<Item = Book> {
        let books = [("Moby-Dick", 1200), ("Emma", 900)];
        stream::iter(books.map(|(title, price)| Book { title: title.into(), price }))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = App::new().title("Shop").module(Orders).module(Books).bind(address).await?;
    println!("listening on {}", server.local_addr());
    server.run().await
}
