use serde::{Deserialize, Serialize};

#[swill::validate]
#[derive(Deserialize)]
enum Choice {
    One,
}

#[swill::validate]
struct NoDerives {
    a: i64,
}

#[derive(Serialize)]
#[swill::validate]
struct Below {
    a: i64,
}

#[swill::validate]
#[derive(Deserialize)]
struct Lent<'a> {
    text: &'a str,
}

#[swill::validate(everything)]
#[derive(Deserialize)]
struct Keys {
    #[valid(gt = 0)]
    #[serde(flatten)]
    inner: i64,
}

fn main() {}
