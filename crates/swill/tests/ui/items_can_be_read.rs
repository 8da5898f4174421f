#![allow(unused)]

use swill::Streaming;

struct Point;

struct Calc;

#[swill::module]
impl Calc {
    async fn draw(&self, points: Streaming<Point>) {}
}

fn main() {}
