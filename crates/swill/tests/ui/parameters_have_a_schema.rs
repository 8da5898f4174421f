#[derive(serde::Deserialize)]
struct Point {
    x: i64,
}

struct Calc;

#[swill::module]
impl Calc {
    async fn norm(&self, point: Point) -> i64 {
        point.x
    }
}

fn main() {}
