#[swill::module]
struct Calc;

fn main() {}
