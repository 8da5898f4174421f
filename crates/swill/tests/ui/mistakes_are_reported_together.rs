struct Calc;

#[swill::module]
impl Calc {
    async fn add(&mut self, (a, b): (i64, i64)) -> &i64 {
        &(a + b)
    }

    fn zero() -> i64 {
        0
    }

    async fn fine(&self, a: i64) -> i64 {
        a
    }
}

fn main() {
    // The module can be mounted: no error comes from here.
    swill::App::new().module(Calc);
}
