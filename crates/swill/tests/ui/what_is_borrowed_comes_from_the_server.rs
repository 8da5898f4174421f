#![allow(unused)]

struct User;

struct Calc;

#[swill::module]
impl Calc {
    async fn name(&self, user: &User) -> String {
        String::new()
    }

    async fn add(&self, a: &i64) {}
}

fn main() {}
