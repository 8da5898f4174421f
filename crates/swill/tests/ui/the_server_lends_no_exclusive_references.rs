#![allow(unused)]

use swill::Context;

struct Calc;

#[swill::module]
impl Calc {
    async fn add(&self, cx: &mut Context) {}
}

fn main() {}
