use swill::Stream;

struct Point;

struct Calc;

#[swill::module]
impl Calc {
    fn points(&self) -> impl Stream<Item = Point> {
        swill::stream::empty()
    }

    fn results(&self) -> impl Stream<Item = swill::Result<Point>> {
        swill::stream::empty()
    }
}

fn main() {}
