struct Calc;

#[swill::module]
impl Clone for Calc {
    fn clone(&self) -> Self {
        Calc
    }
}

fn main() {}
