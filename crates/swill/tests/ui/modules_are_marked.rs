struct Calc;

impl Calc {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }
}

fn main() {
    swill::App::new().module(Calc);
}
