//! Errors that are part of the contract.

use crate::structs::Point;
use swill::{Result, Stream, stream};

/// Why something cannot be had.
#[derive(Debug, swill::Error)]
enum Fault {
    /// There is none of it.
    #[error(code = 404, message = "there is no {name}", jsonrpc_code = -32044, parameter = "name")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Somebody else has it.
    #[error(code = 409, message = "somebody else has it")]
    Taken(u64),
    /// It is too far away.
    #[error(code = 416, message = "{0} is too far from {1}")]
    Far(i64, i64),
    /// It is closed. There is nothing more to say.
    #[error(code = 410, message = "closed")]
    Closed,
    /// It is closed for today.
    #[error(code = 410, message = "closed until {hour}")]
    ClosedUntil { hour: u8, place: Place },
}

/// Where it is.
#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Place {
    at: (f64, f64),
    name: Option<String>,
}

pub(crate) struct Faults;

/// Procedures that fail.
#[swill::module(name = "faults")]
impl Faults {
    /// Fails as it is told, or says what it was told.
    async fn fail(
        &self,
        /// What to fail with: `unknown`, `taken`, `far`, `closed`, `until`, or anything else for no failure.
        name: String,
    ) -> Result<String, Fault> {
        fail(name)
    }

    /// Sends some numbers, then fails.
    fn fail_after(&self, count: u32, name: String) -> impl Stream<Item = Result<u32, Fault>> {
        stream! {
            for number in 0..count {
                yield Ok(number);
            }
            if let Err(fault) = fail(name) {
                yield Err(fault);
            }
        }
    }

    /// Fails with something that is not part of the contract.
    async fn surprise(&self, at: Point) -> Result<Point> {
        let _ = at;
        Err(swill::Error::new(418, "I am a teapot").with_data("short and stout"))
    }
}

fn fail(name: String) -> Result<String, Fault> {
    match name.as_str() {
        "unknown" => Err(Fault::Unknown { name }),
        "taken" => Err(Fault::Taken(u64::MAX)),
        "far" => Err(Fault::Far(i64::MIN, 1)),
        "closed" => Err(Fault::Closed),
        "until" => Err(Fault::ClosedUntil { hour: 8, place: Place { at: (1.5, -2.5), name: None } }),
        _ => Ok(name),
    }
}
