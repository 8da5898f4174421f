use std::future::Future;

struct Calc;

#[swill::module]
impl Calc {
    fn wait(&self) -> impl Future<Output = i64> {
        async { 1 }
    }
}

fn main() {}
