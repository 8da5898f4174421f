//! What fails, in every way there is.

use schemars::JsonSchema;
use serde::Deserialize;
use swill::{Error, Result, Value};

#[derive(Debug, swill::Error)]
#[error(code = 400, message = "division by zero")]
struct DivisionByZero {
    dividend: i64,
}

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
struct User {
    #[valid(length(2..=10))]
    name: String,
    #[valid(ge = 0, le = 150)]
    age: i64,
    #[valid(each(length(1..=5)))]
    tags: Vec<String>,
}

pub(crate) struct Failing;

#[swill::module]
impl Failing {
    /// Fails as it is told.
    async fn refuse(&self, code: i64, message: String) -> Result<()> {
        Err(Error::new(code, message))
    }

    /// Fails as it is told, with data.
    async fn refuse_with(&self, code: i64, message: String, data: Value) -> Result<()> {
        Err(Error::new(code, message).with_data(data))
    }

    /// The quotient, without its fraction.
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, DivisionByZero> {
        dividend.checked_div(divisor).ok_or(DivisionByZero { dividend })
    }

    /// Goes wrong inside.
    async fn crash(&self) -> Result<()> {
        Err(Error::internal("the secret database is on fire"))
    }

    /// Goes wrong inside, by a panic.
    #[expect(clippy::panic, reason = "it is what this procedure is there for")]
    async fn panic(&self) {
        panic!("the secret procedure panics, as it was asked to");
    }

    /// Takes a user whose values hold to their constraints.
    async fn register(&self, user: User, notify: bool) -> String {
        if notify { format!("{} was told", user.name) } else { user.name }
    }
}
