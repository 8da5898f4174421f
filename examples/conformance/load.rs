//! What load and abuse tests need (services.md, chapter 6).

use std::time::Duration;
use swill::{Error, Result, Stream, Streaming, stream};

pub(crate) struct Load;

#[swill::module]
impl Load {
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
}

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
