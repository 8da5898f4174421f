use serde::Deserialize;

#[swill::validate]
#[derive(Deserialize)]
struct Order {
    #[valid(gt = 0)]
    a: String,
    #[valid(length(1..))]
    b: i64,
    #[valid(timezone = "Z")]
    c: i64,
    #[valid(regex = "[a-z]+")]
    d: i64,
    #[valid(each(le = 9))]
    e: i64,
    #[valid(le = 300)]
    f: u8,
    #[valid(predicate = is_even)]
    g: String,
}

fn is_even(number: &i64) -> bool {
    number % 2 == 0
}

fn main() {}
