struct Calc;

#[swill::module]
impl Calc {
    async fn add(&mut self, a: i64) -> i64 {
        a
    }

    async fn consume(self) {}

    async fn boxed(self: Box<Self>) {}
}

fn main() {}
