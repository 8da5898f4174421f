//! The services that stream (services.md, chapters 2 and 6).

use crate::common::milliseconds;
use std::time::Duration;
use swill::{Error, Result, Stream, Streaming, stream};

pub(crate) struct Streams;

#[swill::module]
impl Streams {
    /// So many lines.
    fn lines(&self, n: i64) -> impl Stream<Item = String> {
        stream::iter((1..=n).map(|n| format!("line {n}")))
    }

    /// So many lines, and then an error.
    fn broken_lines(&self, n: i64) -> impl Stream<Item = Result<String>> {
        let lines = (1..=n).map(|n| Ok(format!("line {n}")));
        stream::iter(lines.chain([Err(Error::new(409, "line broke"))]))
    }

    /// Counts for ever, waiting so many milliseconds after each number.
    fn ticks(&self, ms: i64) -> impl Stream<Item = u64> {
        stream! {
            for tick in 0.. {
                yield tick;
                tokio::time::sleep(milliseconds(ms)).await;
            }
        }
    }

    /// Counts from zero, as fast as the client takes the numbers.
    fn count(&self, n: i64) -> Result<impl Stream<Item = i64>> {
        if n < 0 {
            return Err(Error::invalid("n", "parameter `n`: a count is not negative"));
        }
        Ok(stream::iter(0..n))
    }

    /// The sum of the stream.
    async fn total(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        sum(&mut numbers, Duration::ZERO).await
    }

    /// The same, slowly.
    async fn slow_total(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        sum(&mut numbers, Duration::from_millis(10)).await
    }

    /// The first item, without waiting for the end; 0 when there is none.
    async fn first(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        numbers.next().await.unwrap_or(Ok(0))
    }

    /// The product so far, after each item.
    fn multiply(&self, mut numbers: Streaming<i64>) -> impl Stream<Item = Result<i64>> {
        stream! {
            let mut product = 1_i64;
            while let Some(number) = numbers.next().await {
                let next = number.and_then(|number| {
                    product.checked_mul(number).ok_or_else(|| Error::new(400, "the product does not fit into 64 bits"))
                });
                if let Ok(next) = next {
                    product = next;
                }
                yield next;
            }
        }
    }
}

/// The sum of a stream, with a pause after each number.
pub(crate) async fn sum(numbers: &mut Streaming<i64>, pause: Duration) -> Result<i64> {
    let mut sum = 0_i64;
    while let Some(number) = numbers.next().await {
        sum = sum.checked_add(number?).ok_or_else(|| Error::new(400, "the sum does not fit into 64 bits"))?;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(sum)
}
