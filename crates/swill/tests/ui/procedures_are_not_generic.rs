#![allow(unused)]

struct Calc;

#[swill::module]
impl Calc {
    async fn echo<T: Send>(&self, value: T) {}

    async fn show(&self, value: impl ToString) -> String {
        value.to_string()
    }
}

fn main() {}
