use swill::Context;

struct Calc;

#[swill::module]
impl Calc {
    async fn name(&self) -> &str {
        "calc"
    }

    async fn caller<'a>(&self, cx: &'a Context) -> swill::Result<Option<&'a str>> {
        Ok(Some(cx.procedure()))
    }

    async fn constant(&self) -> &'static str {
        "fine"
    }
}

fn main() {}
