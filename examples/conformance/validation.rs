//! The services whose arguments are held to constraints (services.md, chapter 2).

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use swill::{Result, Streaming, Value};

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
struct Limits {
    #[valid(gt = 10)]
    gt: i64,
    #[valid(ge = 10)]
    ge: i64,
    #[valid(lt = 10)]
    lt: i64,
    #[valid(le = 10)]
    le: i64,
}

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
struct Step {
    #[valid(multiple_of = 5)]
    step: i64,
}

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
struct Text {
    #[valid(length(2..6))]
    name: String,
    #[valid(regex = "^[A-Z]{3}$")]
    code: String,
    #[valid(predicate = is_lower)]
    word: String,
    #[valid(length(1..4))]
    slug: String,
}

fn is_lower(word: &str) -> bool {
    word.chars().all(char::is_lowercase)
}

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
struct When {
    #[valid(timezone = "+01:00")]
    at: Value,
}

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
struct Customer {
    #[valid(length(1..10))]
    name: String,
}

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
struct Line {
    #[valid(le = 100)]
    qty: i64,
}

/// Structs inside are checked by themselves.
#[swill::validate]
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "it is decoded and checked, and then nobody looks at it")]
struct Order {
    customer: Customer,
    lines: Vec<Line>,
    #[valid(each(length(1..5)))]
    tags: Vec<String>,
    #[valid(each(le = 9))]
    pair: (i64, i64),
    #[valid(keys(length(1..5)), values(le = 1000))]
    prices: BTreeMap<String, i64>,
}

#[swill::validate(with = |range: &Self| ordered(range.low, range.high))]
#[derive(Deserialize, JsonSchema)]
struct Rules {
    #[valid(with = |low| even("low", *low))]
    low: i64,
    high: i64,
    #[valid(each(with = not_negative))]
    items: Vec<i64>,
}

/// As [`Rules`], but says everything that is wrong.
#[swill::validate(all, with = |range: &Self| ordered(range.low, range.high))]
#[derive(Deserialize, JsonSchema)]
struct AllRules {
    #[valid(with = |low| even("low", *low))]
    low: i64,
    #[valid(with = |high| even("high", *high))]
    high: i64,
    #[valid(each(with = not_negative))]
    items: Vec<i64>,
}

fn even(name: &str, number: i64) -> Result<(), String> {
    if number % 2 == 0 { Ok(()) } else { Err(format!("{name} must be even")) }
}

fn not_negative(item: &i64, index: usize) -> Result<(), String> {
    if *item >= 0 { Ok(()) } else { Err(format!("item {index} is negative")) }
}

fn ordered(low: i64, high: i64) -> Result<(), &'static str> {
    if low <= high { Ok(()) } else { Err("high is below low") }
}

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
struct Optional {
    /// The default would not hold, but it is not asked.
    #[serde(default = "below_zero")]
    #[valid(with = level)]
    level: i64,
}

fn below_zero() -> i64 {
    -1
}

fn level(level: &i64) -> Result<(), &'static str> {
    if *level >= 0 { Ok(()) } else { Err("level is negative") }
}

/// By the time that one of these runs, its argument has been found to be right.
pub(crate) struct Validation;

#[swill::module]
impl Validation {
    /// Takes numbers within limits.
    async fn validate_limits(&self, _limits: Limits) -> &'static str {
        "ok"
    }

    /// Takes a multiple of a number.
    async fn validate_step(&self, _step: Step) -> &'static str {
        "ok"
    }

    /// Takes text of certain lengths and forms.
    async fn validate_text(&self, _text: Text) -> &'static str {
        "ok"
    }

    /// Takes a time in a certain zone.
    async fn validate_when(&self, _when: When) -> &'static str {
        "ok"
    }

    /// Takes structs in a struct, and constraints on elements, keys and values.
    async fn validate_order(&self, _order: Order) -> &'static str {
        "ok"
    }

    /// Takes what a type's own rules allow.
    async fn validate_rules(&self, _rules: Rules) -> &'static str {
        "ok"
    }

    /// The same, and refuses with everything that is wrong.
    async fn validate_all(&self, _rules: AllRules) -> &'static str {
        "ok"
    }

    /// Takes a value that may be left out.
    async fn validate_optional(&self, _optional: Optional) -> &'static str {
        "ok"
    }

    /// Counts items, each of which is held to its constraints.
    async fn validate_stream(&self, mut customers: Streaming<Customer>) -> Result<u64> {
        let mut count = 0;
        while let Some(customer) = customers.next().await {
            customer?;
            count += 1;
        }
        Ok(count)
    }
}
