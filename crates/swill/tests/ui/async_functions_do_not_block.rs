use swill::Stream;

struct Calc;

#[swill::module]
impl Calc {
    #[swill(blocking)]
    async fn wait(&self) {}

    #[swill(blocking)]
    fn count(&self) -> impl Stream<Item = u32> {
        swill::stream::empty()
    }
}

fn main() {}
