use crate::call::Call;
use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// What all streams of a client together hold that nobody has read.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    bytes: AtomicUsize,
    /// The connection's task does not read, because too much is unread.
    paused: AtomicBool,
    /// Which pause it is, or was. Wraps. A caller that takes something notes it, so that after a while it can be told
    /// which streams have moved since then.
    pause: AtomicUsize,
    left: Mutex<Left>,
}

/// Calls that were over before everything was read. A connection knows them no more, and they may outlive it.
#[derive(Debug, Default)]
struct Left {
    calls: Vec<Weak<Call>>,
    /// At this length, those that have been read are thrown out.
    full: usize,
}

impl Unread {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }

    /// Returns how much it is now.
    pub(crate) fn add(&self, cost: usize) -> usize {
        self.bytes.fetch_add(cost, Ordering::SeqCst) + cost
    }

    pub(crate) fn sub(&self, cost: usize) {
        self.bytes.fetch_sub(cost, Ordering::SeqCst);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    pub(crate) fn pause(&self) -> usize {
        self.pause.load(Ordering::Relaxed)
    }

    /// A pause begins, or goes on with its clock set back.
    pub(crate) fn begin_pause(&self) {
        self.pause.fetch_add(1, Ordering::Relaxed);
        self.paused.store(true, Ordering::SeqCst);
    }

    pub(crate) fn end_pause(&self) {
        self.paused.store(false, Ordering::SeqCst);
    }

    /// Keeps an eye on a call that is over, as long as something of it is unread.
    pub(crate) fn leave(&self, call: &Arc<Call>) {
        if call.unread() == 0 {
            return;
        }
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.calls.len() >= left.full {
            left.calls.retain(|call| is_unread(call).is_some());
            left.full = 64 + 2 * left.calls.len();
        }
        left.calls.push(Arc::downgrade(call));
    }

    /// The calls that are over and of which something is unread.
    pub(crate) fn left(&self) -> Vec<Arc<Call>> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.calls.iter().filter_map(is_unread).collect()
    }
}

fn is_unread(call: &Weak<Call>) -> Option<Arc<Call>> {
    call.upgrade().filter(|call| call.unread() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use swill_proto::CallId;

    #[test]
    fn calls_that_have_been_read_are_forgotten() {
        let unread = Unread::default();
        let call = |number| Arc::new(Call::new(CallId::ours(number)));
        let stays = call(0);
        assert!(stays.item(b"item", None));
        unread.leave(&stays);
        for number in 1..10_000 {
            let read = call(number);
            unread.leave(&read);
            assert!(read.item(b"item", None));
            unread.leave(&read);
            assert_eq!(read.took(Call::cost(b"item"), 0), Call::cost(b"item"));
        }
        assert_eq!(unread.left().len(), 1);
        assert!(unread.left.lock().unwrap().calls.len() < 100);
    }

    #[test]
    fn what_is_written_off_is_not_counted_twice() {
        let call = Call::new(CallId::ours(1));
        let cost = Call::cost(b"item");
        assert!(call.item(b"item", None) && call.item(b"item", None));
        assert_eq!(call.took(cost, 0), cost);
        assert_eq!(call.fail_slow(), cost);
        assert_eq!((call.took(cost, 0), call.fail_slow(), call.abandon(true)), (0, 0, (0, false)));
        assert!(!call.item(b"item", None));
    }
}
