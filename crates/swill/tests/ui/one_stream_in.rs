#![allow(unused)]

use swill::Streaming;

struct Calc;

#[swill::module]
impl Calc {
    async fn merge(&self, left: Streaming<i64>, right: Streaming<i64>) {}

    async fn scale(&self, factor: i64, numbers: Streaming<i64>) {}
}

fn main() {}
