//! One budget of memory for all connections of a server. A limit for each of them says little where there are many.

use crate::{Peer, memory::Memory, peer::Shared, state::lock};
use rustc_hash::FxHashMap;
use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering},
};

/// What a connection may hold without being counted: an idle one, or one that makes small calls, never touches what all
/// connections share.
const FREE: usize = 16 << 10;

/// Bytes that connections hold, all together.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    /// Signed, because what is given back can be counted before what was taken.
    used: AtomicIsize,
    /// Somebody is making room.
    relieving: AtomicBool,
    memory: Memory,
}

/// What one connection holds of it. Only the connection itself writes a number, whoever makes room writes [`Held::CUT`].
#[derive(Debug, Default)]
pub(crate) struct Held(AtomicUsize);

impl Held {
    /// The connection holds nothing that counts, and has to end.
    const CUT: usize = usize::MAX;
}

impl Budget {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, used: AtomicIsize::new(0), relieving: AtomicBool::new(false), memory: Memory::default() }
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        usize::try_from(self.used.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// What becomes free of it goes back to the system.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Counts what a connection holds now. `false` if it has been chosen to make room.
    #[inline]
    pub(crate) fn hold(&self, peer: &Shared, bytes: usize, peers: &Mutex<FxHashMap<u64, Peer>>) -> bool {
        let bytes = if bytes <= FREE { 0 } else { bytes };
        bytes == peer.budgeted.0.load(Ordering::Relaxed) || self.change(peer, bytes, peers)
    }

    #[cold]
    fn change(&self, peer: &Shared, bytes: usize, peers: &Mutex<FxHashMap<u64, Peer>>) -> bool {
        self.memory.stir();
        let held = &peer.budgeted.0;
        let before = held.load(Ordering::Acquire);
        // In one step: whoever makes room must not find a number here that has been given back already.
        let exchange = || held.compare_exchange(before, bytes, Ordering::AcqRel, Ordering::Acquire);
        if before == Held::CUT || exchange().is_err() {
            return false;
        }
        let used = self.add(signed(bytes) - signed(before));
        if bytes > before && used > signed(self.most) {
            self.relieve(peers);
        }
        peer.budgeted.0.load(Ordering::Acquire) != Held::CUT
    }

    /// Gives back what a connection holds that is over.
    pub(crate) fn release(&self, peer: &Shared) {
        let before = peer.budgeted.0.swap(Held::CUT, Ordering::AcqRel);
        if before != Held::CUT {
            self.add(-signed(before));
        }
        if before != 0 {
            // Also where others have needed its room: only now is it free.
            self.memory.stir();
        }
    }

    fn add(&self, change: isize) -> isize {
        self.used.fetch_add(change, Ordering::AcqRel) + change
    }

    /// Chooses connections to end, those that hold the most first, until an eighth of the budget is free: so that this is
    /// not done for every connection that wants a little more.
    fn relieve(&self, peers: &Mutex<FxHashMap<u64, Peer>>) {
        if self.relieving.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut holders: Vec<(usize, Peer)> = lock(peers)
            .values()
            .map(|peer| (peer.0.budgeted.0.load(Ordering::Acquire), peer.clone()))
            .filter(|(bytes, _)| !matches!(*bytes, 0 | Held::CUT))
            .collect();
        holders.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        let enough = signed(self.most - self.most / 8);
        for (_, peer) in holders {
            if self.used.load(Ordering::Acquire) <= enough {
                break;
            }
            let freed = peer.0.budgeted.0.swap(Held::CUT, Ordering::AcqRel);
            if freed != Held::CUT {
                self.add(-signed(freed));
                tracing::debug!(peer = peer.id(), bytes = freed, "a connection is cut off to make room");
                peer.0.outbox.wake();
            }
        }
        self.relieving.store(false, Ordering::Release);
    }
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{App, Protocol, Request, extensions::Extensions, route};
    use http::{HeaderMap, Uri};
    use std::sync::Arc;

    const MIB: usize = 1 << 20;

    fn peers(count: usize) -> (Vec<Peer>, Mutex<FxHashMap<u64, Peer>>) {
        let (service, _) = App::new().build().expect("an app without procedures");
        let peers: Vec<Peer> = (0..count)
            .map(|_| {
                let request =
                    Request::new(&Uri::from_static("/"), &HeaderMap::new(), &[], None).expect("it is small");
                let protocol = Protocol::swill().start(&service.settings());
                Peer(route::shared(Arc::clone(&service), &*protocol, request, Extensions::default()))
            })
            .collect();
        let known = peers.iter().map(|peer| (peer.id(), peer.clone())).collect();
        (peers, Mutex::new(known))
    }

    #[test]
    fn the_budget_can_be_used_up_and_not_a_byte_more() {
        for (more, fits) in [(0, true), (1, false)] {
            let budget = Budget::new(MIB);
            let (peers, all) = peers(2);
            assert!(budget.hold(&peers[0].0, MIB / 2, &all));
            assert_eq!(budget.hold(&peers[1].0, MIB / 2 + more, &all), fits);
            assert!(budget.used() <= MIB);
        }
    }

    #[test]
    fn those_that_hold_the_most_make_room() {
        let budget = Budget::new(10 * MIB);
        let (peers, all) = peers(4);
        for (peer, mib) in peers.iter().zip([1, 4, 3, 2]) {
            assert!(budget.hold(&peer.0, mib * MIB, &all));
        }
        // Whoever wants the last bit is not the one who goes.
        assert!(budget.hold(&peers[0].0, MIB + 1, &all));
        assert_eq!(budget.used(), 6 * MIB + 1, "an eighth is free at least");
        let stays: Vec<bool> = peers.iter().map(|peer| budget.hold(&peer.0, FREE + 1, &all)).collect();
        assert_eq!(stays, [true, false, true, true]);
        assert!(!budget.hold(&peers[1].0, 0, &all), "it has to end, whatever it gives back");
    }

    #[test]
    fn what_is_given_back_is_free_whoever_says_so() {
        let budget = Budget::new(MIB);
        let (peers, all) = peers(3);
        for peer in &peers {
            budget.hold(&peer.0, MIB, &all);
        }
        for peer in &peers {
            budget.release(&peer.0);
            budget.release(&peer.0);
        }
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn little_does_not_count() {
        let budget = Budget::new(0);
        let (peers, all) = peers(1);
        assert!(budget.hold(&peers[0].0, FREE, &all));
        assert!(!budget.hold(&peers[0].0, FREE + 1, &all));
    }
}
