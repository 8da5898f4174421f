//! The services that every protocol has (services.md, chapter 1).

use std::time::Duration;
use swill::{Error, Result, Value};

pub(crate) struct Common;

#[swill::module]
impl Common {
    /// The sum.
    async fn add(&self, a: i64, b: i64) -> Result<i64> {
        a.checked_add(b).ok_or_else(|| Error::new(400, "the sum does not fit into 64 bits"))
    }

    /// The quotient.
    async fn divide(&self, a: i64, b: i64) -> Result<f64> {
        match b {
            0 => Err(Error::new(400, "division by zero")),
            _ => Ok(a as f64 / b as f64),
        }
    }

    /// The value itself.
    async fn echo(&self, value: Value) -> Value {
        value
    }

    /// Nothing.
    async fn nothing(&self) {}

    /// Fails with an error that nobody expects.
    async fn fail(&self) -> Result<()> {
        Err(Error::internal("boom"))
    }

    /// Waits so many milliseconds.
    async fn slow(&self, ms: u64) -> &'static str {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        "slept"
    }
}
