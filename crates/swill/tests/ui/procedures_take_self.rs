struct Calc;

#[swill::module]
impl Calc {
    fn zero() -> i64 {
        0
    }
}

fn main() {}
