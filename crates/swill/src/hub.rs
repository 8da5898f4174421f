//! What all connections of a server share.

use crate::{Peer, addresses::Place, budget::Budget, connection::LongTurns, memory::Memory, state::lock};
use rustc_hash::FxHashMap;
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::Notify;

/// What all connections of a server share: how many there are, and whether it is shutting down.
#[derive(Debug)]
pub(crate) struct Hub {
    most: usize,
    open: AtomicUsize,
    /// The server has been told to end.
    leaving: AtomicBool,
    draining: AtomicBool,
    peers: Mutex<FxHashMap<u64, Peer>>,
    budget: Budget,
    long_turns: LongTurns,
    pub(crate) all_gone: Notify,
}

/// A place among the connections of a server, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    hub: Arc<Hub>,
    /// Its place among those of its address, if there are only so many.
    from: Option<Arc<Place>>,
}

impl Hub {
    /// For so many connections, which together hold so many bytes.
    pub(crate) fn new(most: usize, budget: usize) -> Self {
        Self {
            most,
            open: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            peers: Mutex::default(),
            budget: Budget::new(budget),
            long_turns: LongTurns::default(),
            all_gone: Notify::new(),
        }
    }

    pub(crate) fn admit(self: &Arc<Self>) -> Option<Slot> {
        let slot = Slot { hub: Arc::clone(self), from: None };
        // In one order with `drain`: a server that drains and sees nobody has admitted nobody.
        let count = self.open.fetch_add(1, Ordering::SeqCst);
        (count < self.most && !self.draining.load(Ordering::SeqCst)).then_some(slot)
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    #[inline]
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether the server has been told to end, and wants to be sent no more connections.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// From now on the server wants to be sent no more connections; it takes those that come.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Tells every connection that the server is shutting down.
    pub(crate) fn drain(&self) {
        self.leave();
        self.draining.store(true, Ordering::SeqCst);
        let peers: Vec<Peer> = lock(&self.peers).values().cloned().collect();
        for peer in peers {
            peer.0.outbox.wake();
        }
    }

    /// All open connections.
    #[cfg(feature = "metrics")]
    pub(crate) fn peers(&self) -> Vec<Peer> {
        lock(&self.peers).values().cloned().collect()
    }

    /// Counts what a connection holds in memory. `false` if it has to end, because others need the room.
    #[inline]
    pub(crate) fn hold(&self, peer: &Peer, bytes: usize) -> bool {
        self.budget.hold(&peer.0, bytes, &self.peers)
    }

    /// A connection holds nothing any more.
    pub(crate) fn release(&self, peer: &Peer) {
        self.budget.release(&peer.0);
    }

    /// Places among the connections whose turns take long.
    pub(crate) fn long_turns(&self) -> &LongTurns {
        &self.long_turns
    }

    /// What becomes free of it goes back to the system.
    pub(crate) fn memory(&self) -> &Memory {
        self.budget.memory()
    }

    pub(crate) fn add(&self, peer: &Peer) {
        lock(&self.peers).insert(peer.id(), peer.clone());
    }

    pub(crate) fn remove(&self, peer: &Peer) {
        let mut peers = lock(&self.peers);
        peers.remove(&peer.id());
        give_back(&mut peers);
    }
}

/// Gives the memory of a crowd back that has left. A table's capacity does not tell how large it is, since places that were
/// left behind may not count; so it is looked at each time that half have gone.
pub(crate) fn give_back<K: Eq + Hash, V, S: BuildHasher>(table: &mut HashMap<K, V, S>) {
    const KEPT: usize = 1024;
    if table.len().is_power_of_two() {
        table.shrink_to(KEPT.max(4 * table.len()));
    }
}

impl Slot {
    /// Keeps the place of an address for as long.
    pub(crate) fn from(&mut self, place: Option<Arc<Place>>) {
        self.from = place;
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        /// So many are a crowd.
        const CROWD: usize = 256;
        let before = self.hub.open.fetch_sub(1, Ordering::AcqRel);
        if before == 1 {
            self.hub.all_gone.notify_waiters();
        }
        // Each time that half of a crowd have gone.
        if before >= CROWD && before.is_power_of_two() {
            self.hub.memory().stir();
        }
    }
}
