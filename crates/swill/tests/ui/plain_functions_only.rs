struct Calc;

#[swill::module]
impl Calc {
    const fn zero(&self) -> i64 {
        0
    }

    unsafe fn danger(&self) {}

    extern "C" fn foreign(&self) {}
}

fn main() {}
