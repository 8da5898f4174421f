struct Overflow;

struct Calc;

#[swill::module]
impl Calc {
    async fn add(&self, a: i64, b: i64) -> Result<i64, Overflow> {
        a.checked_add(b).ok_or(Overflow)
    }
}

fn main() {}
