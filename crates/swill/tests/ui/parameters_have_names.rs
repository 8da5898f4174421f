#![allow(unused)]

struct Calc;

#[swill::module]
impl Calc {
    async fn swap(&self, (a, b): (i64, i64)) -> (i64, i64) {
        (b, a)
    }

    async fn ignore(&self, _: i64) {}

    async fn whole(&self, all @ _: i64) {}
}

fn main() {}
