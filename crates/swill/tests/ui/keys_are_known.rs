struct Calc;

#[swill::module]
impl Calc {
    #[swill(rename = "plus")]
    async fn add(&self, a: i64) -> i64 {
        a
    }

    #[swill]
    async fn sub(&self, #[swill(skip)] a: i64) -> i64 {
        a
    }

    #[swill(name = plus, blocking)]
    async fn mul(&self, #[swill(name = "")] a: i64) -> i64 {
        a
    }
}

fn main() {}
