#![allow(unused)]

struct Calc;

#[swill::module]
impl Calc {
    async fn add(&self, #[cfg(unix)] a: i64) {}
}

fn main() {}
