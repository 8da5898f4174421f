#![allow(unused)]

use std::borrow::Cow;

struct Calc;

#[swill::module]
impl Calc {
    async fn greet(&self, name: &str) -> String {
        format!("hello {name}")
    }

    async fn sum(&self, numbers: &[i64]) -> i64 {
        numbers.iter().sum()
    }

    async fn shout(&self, text: Option<&str>, or: Cow<'_, str>) {}
}

fn main() {}
