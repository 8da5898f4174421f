use serde::Deserialize;

#[swill::validate]
#[derive(Deserialize)]
struct Order {
    #[valid(min = 1)]
    a: i64,
    #[valid(length = 3)]
    b: String,
    #[valid(length(6..2))]
    c: String,
    #[valid(regex = "[a-z")]
    d: String,
    #[valid(timezone = "Europe/Berlin")]
    e: String,
    #[valid(multiple_of = 0)]
    f: i64,
    #[valid(gt = "0")]
    g: i64,
    #[valid(each())]
    h: Vec<i64>,
}

struct Calc;

#[swill::module]
impl Calc {
    async fn add(&self, #[valid(positive)] a: i64) -> i64 {
        a
    }
}

fn main() {}
