//! The services that several protocols have (services.md, chapter 1), and how an app picks some of them.

use std::time::Duration;
use swill::{Error, Module, Result, Value};

/// Peers are told this in the form of their protocol: by its code, by its code for JSON-RPC, or by the parameter.
#[derive(Debug, swill::Error)]
#[error(code = 400, jsonrpc_code = -32001, parameter = "b", message = "division by zero")]
struct DivisionByZero;

pub(crate) struct Common;

#[swill::module]
impl Common {
    /// The sum.
    async fn add(&self, a: i64, b: i64) -> Result<i64> {
        sum(a, b)
    }

    /// The sum, by a procedure that is not asynchronous.
    fn add_sync(&self, a: i64, b: i64) -> Result<i64> {
        sum(a, b)
    }

    /// The quotient.
    async fn divide(&self, a: i64, b: i64) -> Result<f64, DivisionByZero> {
        match b {
            0 => Err(DivisionByZero),
            _ => Ok(a as f64 / b as f64),
        }
    }

    /// The value itself.
    #[swill(path = "/")]
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
    async fn slow(&self, ms: i64) -> &'static str {
        tokio::time::sleep(milliseconds(ms)).await;
        "slept"
    }
}

/// A time that has passed already is none.
pub(crate) fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(ms.try_into().unwrap_or(0))
}

fn sum(a: i64, b: i64) -> Result<i64> {
    a.checked_add(b).ok_or_else(|| Error::new(400, "the sum does not fit into 64 bits"))
}

/// The procedures of these names, in their order, each from the first of the modules that has it.
pub(crate) fn pick(names: &[&str], modules: &[Module]) -> Module {
    let find = |name: &str| modules.iter().flat_map(Module::procedures).find(|it| it.name() == name);
    names.iter().filter_map(|name| find(name)).fold(Module::new(), |module, it| module.procedure(it.clone()))
}
