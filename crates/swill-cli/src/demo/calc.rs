//! Numbers: one call of every kind, and metadata.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use swill::{Context, Metadata, Result, Stream, Streaming, stream};

pub(super) struct Calc;

/// Why a calculation cannot be done.
#[derive(Debug, swill::Error)]
pub(super) enum CalcError {
    /// The divisor is zero.
    #[error(code = 400, message = "{dividend} cannot be divided by zero", parameter = "divisor")]
    DivisionByZero { dividend: f64 },
}

/// One beat of `ticks`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Tick {
    /// Counts from 1.
    number: u64,
    /// Milliseconds since the stream began.
    after_ms: u64,
}

#[swill::module]
impl Calc {
    /// Adds two numbers.
    ///
    /// What would be more than 64 bits can hold stays the largest that they can.
    async fn add(
        &self,
        /// What to add to.
        a: i64,
        /// What to add.
        b: i64,
    ) -> i64 {
        a.saturating_add(b)
    }

    /// Divides one number by another.
    async fn divide(&self, dividend: f64, divisor: f64) -> Result<f64, CalcError> {
        if divisor == 0.0 {
            return Err(CalcError::DivisionByZero { dividend });
        }
        Ok(dividend / divisor)
    }

    /// Greets whoever the metadata names, and says in metadata how that went.
    #[swill(
        client_metadata("name", "Whom to greet."),
        leading_metadata("language", "The language of the greeting."),
        trailing_metadata("took_us", "How long it took, in microseconds.")
    )]
    async fn hello(
        &self,
        #[swill(default = "Hello".to_owned())] greeting: String,
        cx: &Context,
    ) -> Result<String> {
        let began = Instant::now();
        cx.send_leading(Metadata::from([("language", "en")])).await?;
        let name = cx.metadata().and_then(|it| it.get("name")?.as_str()).unwrap_or("stranger");
        let text = format!("{greeting}, {name}!");
        cx.set_trailing(Metadata::from([("took_us", began.elapsed().as_micros() as u64)]));
        Ok(text)
    }

    /// Counts from zero.
    #[swill(
        leading_metadata("expected", "How many numbers there will be."),
        trailing_metadata("counted", "How many there were.")
    )]
    fn count(
        &self,
        /// Where to stop, without it.
        #[valid(le = 1_000_000)]
        to: u32,
        /// The time between two numbers; 0 is as fast as it goes.
        #[swill(default = 100)]
        #[valid(le = 60_000)]
        pause_ms: u32,
        cx: &Context,
    ) -> Result<impl Stream<Item = u32>> {
        cx.set_leading(Metadata::from([("expected", to)]))?;
        Ok(stream! {
            for number in 0..to {
                if number > 0 && pause_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(pause_ms.into())).await;
                }
                yield number;
            }
            cx.set_trailing(Metadata::from([("counted", to)]));
        })
    }

    /// Ticks like a clock, until it is cancelled.
    fn ticks(
        &self,
        /// The time between two ticks.
        #[swill(default = 1000)]
        #[valid(ge = 10, le = 60_000)]
        every_ms: u32,
    ) -> impl Stream<Item = Tick> {
        stream! {
            let began = Instant::now();
            for number in 1.. {
                tokio::time::sleep(Duration::from_millis(every_ms.into())).await;
                let after_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                yield Tick { number, after_ms };
            }
        }
    }

    /// Sums the numbers streamed in.
    async fn total(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        let mut sum = 0_i64;
        while let Some(number) = numbers.next().await {
            sum = sum.saturating_add(number?);
        }
        Ok(sum)
    }

    /// Multiplies as it goes: for each number, the product of all so far.
    #[swill(trailing_metadata("factors", "How many numbers there were."))]
    fn multiply(&self, mut numbers: Streaming<i64>, cx: &Context) -> impl Stream<Item = Result<i64>> {
        stream! {
            let (mut product, mut factors) = (1_i64, 0_u64);
            while let Some(number) = numbers.next().await {
                product = product.saturating_mul(number?);
                factors += 1;
                yield Ok(product);
            }
            cx.set_trailing(Metadata::from([("factors", factors)]));
        }
    }
}
