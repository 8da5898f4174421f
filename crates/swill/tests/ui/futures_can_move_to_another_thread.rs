use std::rc::Rc;

struct Calc;

#[swill::module]
impl Calc {
    async fn wait(&self, a: i64) -> i64 {
        let a = Rc::new(a);
        std::future::ready(()).await;
        *a
    }
}

fn main() {}
