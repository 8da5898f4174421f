//! All attacks. A file has those of one kind, and a function that lists them.

mod batches;
mod bombs;
mod calls;
mod defences;
mod events;
mod fields;
mod floods;
mod frames;
mod handshakes;
mod heads;
mod hostile;
mod json;
mod maps;
mod nesting;
mod ordinary;
mod origins;
mod streams;
mod vanish;
mod webmesh;

use crate::{
    failure::Result,
    judge::{Bounds, Figures},
    target::Target,
    wire::protocol::Protocol,
};
use std::{fmt, pin::Pin};

type Running = Pin<Box<dyn Future<Output = Result<Figures>>>>;

/// Something that a stranger can do to a server.
pub(crate) struct Attack {
    /// How it is chosen on the command line: words with hyphens.
    pub(crate) name: &'static str,
    /// What is expected, in a sentence without a full stop.
    pub(crate) expected: &'static str,
    pub(crate) protocols: &'static [Protocol],
    pub(crate) bounds: Bounds,
    /// It waits more than it works: it gets a server of its own, and runs beside the others.
    pub(crate) waits: bool,
    pub(crate) run: Box<dyn Fn(Target) -> Running + Send + Sync>,
}

impl Attack {
    /// An attack on each of some protocols. It returns what it has counted when everything was as expected.
    pub(crate) fn new<F>(
        name: &'static str,
        protocols: &'static [Protocol],
        expected: &'static str,
        run: impl Fn(Target) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Figures>> + 'static,
    {
        let run = Box::new(move |target| -> Running { Box::pin(run(target)) });
        Self { name, expected, protocols, bounds: Bounds::default(), waits: false, run }
    }

    /// It waits more than it works.
    pub(crate) fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// With other bounds than the usual ones.
    pub(crate) fn bounds(mut self, change: impl FnOnce(&mut Bounds)) -> Self {
        change(&mut self.bounds);
        self
    }
}

impl fmt::Debug for Attack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Attack").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where it does not matter what is spoken: one protocol stands for all.
pub(crate) const ANY: &[Protocol] = &[Protocol::Swill1];
/// What happens below the messages, tried over every protocol.
pub(crate) const EVERY: &[Protocol] = &Protocol::ALL;
/// Those over which calls run at the same time.
pub(crate) const WITH_IDS: &[Protocol] = &[Protocol::Swill1, Protocol::JsonRpc];
pub(crate) const SWILL: &[Protocol] = &[Protocol::Swill1];
pub(crate) const JSON_RPC: &[Protocol] = &[Protocol::JsonRpc];

/// All of them, in the order in which they run.
pub(crate) fn all() -> Vec<Attack> {
    let kinds = [
        handshakes::attacks(),
        heads::attacks(),
        origins::attacks(),
        frames::attacks(),
        floods::attacks(),
        hostile::attacks(),
        nesting::attacks(),
        json::attacks(),
        maps::attacks(),
        fields::attacks(),
        calls::attacks(),
        streams::attacks(),
        batches::attacks(),
        bombs::attacks(),
        vanish::attacks(),
        ordinary::attacks(),
        events::attacks(),
        webmesh::attacks(),
        defences::attacks(),
    ];
    kinds.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_words_with_hyphens_and_unique() {
        let mut names: Vec<&str> = super::all().iter().map(|attack| attack.name).collect();
        for name in &names {
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit()),
                "{name}"
            );
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
