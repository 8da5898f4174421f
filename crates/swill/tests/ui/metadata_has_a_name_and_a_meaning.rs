struct Calc;

#[swill::module]
impl Calc {
    #[swill(client_metadata("trace"))]
    async fn one(&self) {}

    #[swill(leading_metadata("trace", "The id.", "more"))]
    async fn two(&self) {}
}

fn main() {}
