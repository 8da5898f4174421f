use swill::{Context, Streaming};

struct Calc;

#[swill::module]
impl Calc {
    async fn total(&self, #[valid(gt = 0)] numbers: Streaming<i64>) -> i64 {
        0
    }

    async fn who(&self, #[swill(default)] cx: &Context) -> i64 {
        0
    }
}

fn main() {}
