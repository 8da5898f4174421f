struct Calc;

#[swill::module]
impl Calc {
    async fn add(&self, a: i64) -> i64 {
        a
    }

    #[swill(name = "add")]
    async fn plus(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn minus(&self, a: i64, #[swill(name = "a")] b: i64) -> i64 {
        a - b
    }

    #[cfg(unix)]
    async fn system(&self) {}

    #[cfg(not(unix))]
    async fn system(&self) {}
}

fn main() {}
