//! Procedures of all four shapes.

use swill::{Bytes, Result, Stream, Streaming, stream};

pub(crate) struct Streams;

/// All four shapes.
#[swill::module(name = "streams")]
impl Streams {
    /// Adds two numbers.
    async fn add(
        &self,
        /// The one.
        a: i64,
        /// The other.
        b: i64,
    ) -> Result<i64> {
        a.checked_add(b).ok_or_else(|| swill::Error::new(422, "the sum does not fit into 64 bits"))
    }

    /// Greets somebody.
    async fn greet(
        &self,
        #[valid(length(1..40))] name: String,
        /// The language of the greeting.
        language: Option<String>,
        #[swill(default = 1)]
        #[valid(ge = 1, le = 3)]
        times: u8,
    ) -> String {
        let hello = if language.as_deref() == Some("fr") { "bonjour" } else { "hello" };
        vec![format!("{hello} {name}"); times.into()].join(", ")
    }

    /// Doubles a number, or 21.
    async fn double(&self, #[swill(default = 21)] number: i64) -> i64 {
        number.wrapping_mul(2)
    }

    /// Does nothing.
    async fn ping(&self) {}

    /// Counts.
    fn count(
        &self,
        /// Where to start.
        from: u64,
        /// How many there are.
        many: u32,
    ) -> impl Stream<Item = u64> {
        stream! {
            for step in 0..u64::from(many) {
                yield from.wrapping_add(step);
            }
        }
    }

    /// Adds up what comes.
    async fn total(
        &self,
        /// The summands.
        mut numbers: Streaming<i64>,
    ) -> Result<i64> {
        let mut total = 0_i64;
        while let Some(number) = numbers.next().await {
            total = total.wrapping_add(number?);
        }
        Ok(total)
    }

    /// Sends back what comes.
    fn mirror(&self, mut pieces: Streaming<Bytes>) -> impl Stream<Item = Result<Bytes>> {
        stream! {
            while let Some(piece) = pieces.next().await {
                yield piece;
            }
        }
    }
}
