struct Point {
    x: i64,
}

struct Calc;

#[swill::module]
impl Calc {
    async fn norm(&self, scale: i64, point: Point) -> i64 {
        point.x * scale
    }
}

fn main() {}
