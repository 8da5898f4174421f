use std::cell::Cell;

struct Counter(Cell<u32>);

#[swill::module]
impl Counter {
    async fn next(&self) -> u32 {
        self.0.replace(self.0.get() + 1)
    }
}

fn main() {}
