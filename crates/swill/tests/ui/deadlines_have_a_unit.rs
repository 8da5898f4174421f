struct Calc;

#[swill::module]
impl Calc {
    #[swill(deadline = "5")]
    async fn add(&self) {}

    #[swill(deadline = "0s")]
    async fn sub(&self) {}

    #[swill(deadline = 5)]
    async fn mul(&self) {}
}

fn main() {}
