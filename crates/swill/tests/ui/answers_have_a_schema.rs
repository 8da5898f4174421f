#[derive(serde::Serialize)]
struct Point {
    x: i64,
}

struct Calc;

#[swill::module]
impl Calc {
    async fn origin(&self) -> Point {
        Point { x: 0 }
    }
}

fn main() {}
