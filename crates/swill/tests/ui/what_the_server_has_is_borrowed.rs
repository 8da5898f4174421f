#![allow(unused)]

use swill::{Context, Peer};

struct Calc;

#[swill::module]
impl Calc {
    async fn who(&self, cx: Context, peer: Peer) {}
}

fn main() {}
