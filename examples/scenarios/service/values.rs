//! What answers once, and gives back what it was given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use swill::{Error, Result, Value};

/// An order, with types of every kind inside of each other.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Order {
    id: u64,
    customer: Customer,
    lines: Vec<Line>,
    payment: Payment,
    /// Texts for quantities.
    prices: BTreeMap<i32, String>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Customer {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Address {
    street: String,
    city: String,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Line {
    sku: String,
    quantity: u32,
    /// In cents.
    price: i64,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Payment {
    Cash,
    Card {
        number: String,
        /// Month and year.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<(u8, u16)>,
    },
    /// To be paid within so many days.
    Invoice(u16),
}

#[derive(Serialize, JsonSchema)]
struct Placed {
    order: Order,
    urgent: bool,
    total: i64,
}

pub(crate) struct Values;

#[swill::module]
impl Values {
    /// The value itself.
    async fn echo(&self, value: Value) -> Value {
        value
    }

    /// Two values, the other way round.
    async fn swap(&self, first: Value, second: Value) -> (Value, Value) {
        (second, first)
    }

    /// The sum.
    async fn add(&self, a: i64, b: i64) -> Result<i64> {
        a.checked_add(b).ok_or_else(|| Error::new(400, "the sum does not fit into 64 bits"))
    }

    /// Nothing.
    async fn nothing(&self) {}

    /// Takes an order, and tells what it costs.
    async fn place(&self, order: Order, urgent: bool) -> Placed {
        let total = order.lines.iter().map(|line| i64::from(line.quantity).saturating_mul(line.price));
        let total = total.fold(0, i64::saturating_add);
        Placed { order, urgent, total }
    }
}
