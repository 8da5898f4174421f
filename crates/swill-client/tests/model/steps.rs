//! What can happen next, and how likely it is.

use super::{
    user::{Act, Order, Shape},
    wire::Word,
};
use proptest::{collection::vec, option, prelude::*, sample::Index};
use std::time::Duration;

/// What happens next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Call(Order),
    Act(Index, Act),
    Drop(Index),
    /// The server says something about calls that it knows, be they over or not.
    Say(Vec<(Index, Word)>),
    /// The server answers a call that is dropped at the same time.
    SayAndDrop(Index),
    /// The server's last words before the connection breaks.
    SayAndBreak(Vec<(Index, Word)>),
    Garbage,
    /// The server closes the connection with this code.
    Goodbye(u16),
    /// The client's next attempt to connect comes to something, or to nothing.
    Connect(bool),
    Sleep(u64),
    Close,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let shape = prop_oneof![
        4 => Just(Shape::Single),
        3 => Just(Shape::Out),
        2 => Just(Shape::In),
        3 => Just(Shape::Both),
    ];
    // Deadlines and times to sleep never meet.
    let deadline =
        option::weighted(0.4, (1..12_u64).prop_map(|part| Duration::from_millis(part * 400 + 130)));
    let order = (shape, any::<bool>(), deadline).prop_map(|(shape, idempotent, deadline)| Order {
        shape,
        idempotent,
        deadline,
    });
    let act = prop_oneof![
        6 => Just(Act::Read),
        5 => Just(Act::Send(0)),
        2 => Just(Act::Finish),
        1 => Just(Act::Leave),
    ];
    let word = || {
        prop_oneof![
            6 => Just(Word::Item(0)),
            2 => Just(Word::End),
            1 => Just(Word::Fail(418)),
            1 => Just(Word::NotBegun),
            1 => Just(Word::Metadata),
        ]
    };
    let words = move || vec((any::<Index>(), word()), 1..4);
    let code =
        prop_oneof![3 => Just(1001_u16), 2 => Just(1011), 1 => Just(4008), 1 => Just(1000), 1 => Just(4000)];
    prop_oneof![
        20 => order.prop_map(Step::Call),
        24 => (any::<Index>(), act).prop_map(|(at, act)| Step::Act(at, act)),
        5 => any::<Index>().prop_map(Step::Drop),
        25 => words().prop_map(Step::Say),
        3 => any::<Index>().prop_map(Step::SayAndDrop),
        3 => words().prop_map(Step::SayAndBreak),
        1 => Just(Step::Garbage),
        2 => code.prop_map(Step::Goodbye),
        8 => prop::bool::weighted(0.8).prop_map(Step::Connect),
        6 => (1..20_u64).prop_map(|parts| Step::Sleep(parts * 200)),
        1 => Just(Step::Close),
    ]
}
