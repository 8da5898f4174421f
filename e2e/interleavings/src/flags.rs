//! Flags beside the outbox: whoever changes what a connection waits for looks whether it does, and wakes it.
//!
//! Written after `Shared` (`peer.rs`), `Connection::may_read` and `look_after_wishes`, and `Hub` (`hub.rs`). Where these
//! rely on one order that all threads agree on, there is a fence here: loom takes `SeqCst` of loads and stores for less
//! than it is.

use crate::outbox::Outbox;
use loom::{
    future::block_on,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering, fence},
    },
    thread,
};
use std::{
    future::poll_fn,
    task::{Context, Poll},
};

struct Shared {
    outbox: Outbox,
    unread: AtomicUsize,
    running: AtomicUsize,
    paused: AtomicBool,
    ending: AtomicBool,
    accepting: AtomicBool,
}

impl Shared {
    fn new(unread: usize, running: usize) -> Arc<Self> {
        Arc::new(Self {
            outbox: Outbox::new(100),
            unread: AtomicUsize::new(unread),
            running: AtomicUsize::new(running),
            paused: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            accepting: AtomicBool::new(true),
        })
    }

    fn unread_taken(&self, bytes: usize) {
        self.unread.fetch_sub(bytes, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.paused.load(Ordering::SeqCst) {
            self.outbox.wake();
        }
    }

    fn call_ended(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.ending.load(Ordering::SeqCst) {
            self.outbox.wake();
        }
    }

    /// Waits as the task of a connection does.
    fn wait(&self, mut until: impl FnMut() -> bool) {
        block_on(poll_fn(|task: &mut Context<'_>| {
            loop {
                if until() {
                    return Poll::Ready(());
                }
                if !self.outbox.listen(task.waker()) {
                    return Poll::Pending;
                }
            }
        }));
    }
}

/// Two procedures take what waits for them, while the connection stops reading until half of it is left.
pub(crate) fn paused() {
    let shared = Shared::new(4, 0);
    let takers = [1, 2].map(|bytes| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.unread_taken(bytes))
    });
    shared.paused.store(true, Ordering::SeqCst);
    fence(Ordering::SeqCst);
    shared.wait(|| shared.unread.load(Ordering::SeqCst) <= 2);
    takers.into_iter().for_each(|taker| taker.join().expect("no panic"));
}

/// Calls end while their connection begins to wait for them.
pub(crate) fn ending() {
    let shared = Shared::new(0, 2);
    let calls = [(); 2].map(|()| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.call_ended())
    });
    shared.ending.store(true, Ordering::SeqCst);
    fence(Ordering::SeqCst);
    shared.wait(|| shared.running.load(Ordering::SeqCst) == 0);
    calls.into_iter().for_each(|call| call.join().expect("no panic"));
}

/// Hooks accept a connection whose task runs already.
pub(crate) fn accepting() {
    let shared = Shared::new(0, 0);
    let hooks = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            shared.accepting.store(false, Ordering::SeqCst);
            shared.outbox.wake();
        })
    };
    shared.wait(|| !shared.accepting.load(Ordering::SeqCst));
    hooks.join().expect("no panic");
}

struct Hub {
    open: AtomicUsize,
    draining: AtomicBool,
    peers: Mutex<Vec<Arc<Shared>>>,
}

impl Hub {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            peers: Mutex::new(vec![]),
        })
    }

    fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let peers = crate::state::lock(&self.peers).clone();
        peers.iter().for_each(|peer| peer.outbox.wake());
    }

    fn admit(&self) -> bool {
        self.open.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let admitted = !self.draining.load(Ordering::SeqCst);
        if !admitted {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
        admitted
    }
}

/// A connection opens while the server begins to drain: it hears of it, whether it was there before or comes just now.
pub(crate) fn draining() {
    let hub = Hub::new();
    let server = {
        let hub = Arc::clone(&hub);
        thread::spawn(move || hub.drain())
    };
    let shared = Shared::new(0, 0);
    crate::state::lock(&hub.peers).push(Arc::clone(&shared));
    shared.wait(|| hub.draining.load(Ordering::Relaxed));
    server.join().expect("no panic");
}

/// A server that drains and sees nobody has admitted nobody who is still there.
pub(crate) fn admitted() {
    let hub = Hub::new();
    let handshake = {
        let hub = Arc::clone(&hub);
        thread::spawn(move || hub.admit())
    };
    hub.drain();
    let nobody = hub.open.load(Ordering::SeqCst) == 0;
    let admitted = handshake.join().expect("no panic");
    assert!(!(nobody && admitted), "a connection was admitted that nobody waits for");
}
