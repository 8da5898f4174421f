struct Calc;

#[swill::module(prefix = "math")]
impl Calc {}

fn main() {}
