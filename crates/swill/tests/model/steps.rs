//! What can happen next, and how likely it is.

use super::{
    calls::NAMES,
    wire::{Reply, Wire},
    world::Command,
};
use proptest::{collection::vec, prelude::*, sample::Index};

/// What happens next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A message of the client.
    Send(Send),
    /// One more of this kind for the number and procedure of the last; whether what it brings fits.
    Again(u8, bool),
    /// Several messages as one, where the protocol can do that.
    Batch(Vec<Send>),
    /// The client answers one of the questions that it has heard.
    Reply(Index, Reply),
    Garbage,
    Ping,
    Tell(Index, Command),
    /// Hooks let go of the calls that were cancelled.
    Release,
    Sleep(u64),
    /// The client takes nothing of what is sent to it, or everything again.
    Reads(bool),
    Drain,
    End(End),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Send {
    pub(super) seq: i64,
    pub(super) rpc: usize,
    pub(super) kind: u8,
    /// Whether what it brings fits.
    pub(super) fits: bool,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    /// The client is gone, without a word.
    Drop,
    Close,
    /// It says what nobody may.
    Wrong,
    Kick,
}

pub(super) fn step<W: Wire>() -> impl Strategy<Value = Step> {
    let kind = || {
        let [opens, one, two, three, four] = W::KINDS;
        prop_oneof![
            opens => Just(0_u8),
            one => Just(1),
            two => Just(2),
            three => Just(3),
            four => Just(4),
        ]
    };
    let fits = || prop::bool::weighted(0.97);
    let send = || {
        let parts = (0..3_i64, 0..NAMES.len(), kind(), fits());
        parts.prop_map(|(seq, rpc, kind, fits)| Send { seq, rpc, kind, fits })
    };
    let command = prop_oneof![
        6 => Just(Command::Step(0)),
        1 => Just(Command::SendLeading),
        1 => Just(Command::SetLeading),
        1 => Just(Command::SetTrailing),
        1 => Just(Command::Notify(0)),
        2 => Just(Command::Finish),
        1 => Just(Command::Fail),
        1 => Just(Command::Panic),
    ];
    let reply = prop_oneof![
        6 => Just(Reply::Answer(0)),
        1 => Just(Reply::Fail(419)),
        1 => Just(Reply::Misfit),
        1 => Just(Reply::Astray),
    ];
    prop_oneof![
        35 => send().prop_map(Step::Send),
        35 => (kind(), fits()).prop_map(|(kind, fits)| Step::Again(kind, fits)),
        10 => vec(send(), 0..4).prop_map(Step::Batch),
        8 => (any::<Index>(), reply).prop_map(|(at, reply)| Step::Reply(at, reply)),
        1 => Just(Step::Garbage),
        2 => Just(Step::Ping),
        25 => (any::<Index>(), command).prop_map(|(at, command)| Step::Tell(at, command)),
        2 => Just(Step::Release),
        4 => (1..40_u64).prop_map(|quarters| Step::Sleep(quarters * 250)),
        4 => any::<bool>().prop_map(Step::Reads),
        1 => Just(Step::Drain),
        1 => prop_oneof![Just(End::Drop), Just(End::Close), Just(End::Wrong), Just(End::Kick)].prop_map(Step::End),
    ]
}
