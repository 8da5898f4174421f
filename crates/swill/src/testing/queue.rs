use crate::state::lock;
use std::{collections::VecDeque, pin::pin, sync::Mutex};
use tokio::sync::Notify;

/// What has come and nobody has taken, in order.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    changed: Notify,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    over: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let waiting = Waiting { items: VecDeque::new(), over: false };
        Self { waiting: Mutex::new(waiting), changed: Notify::new() }
    }

    /// Adds one, and forgets the oldest if there are more than `most`.
    pub(super) fn push(&self, item: T, most: usize) {
        let mut waiting = lock(&self.waiting);
        waiting.items.push_back(item);
        let forgotten = (waiting.items.len() > most).then(|| waiting.items.pop_front());
        drop(waiting);
        drop(forgotten);
        self.changed.notify_waiters();
    }

    /// Nothing more will come.
    pub(super) fn end(&self) {
        lock(&self.waiting).over = true;
        self.changed.notify_waiters();
    }

    /// Takes the first, if there is one.
    pub(super) fn try_take(&self) -> Option<T> {
        lock(&self.waiting).items.pop_front()
    }

    /// Takes the first, as soon as there is one; `None` if nothing more will come.
    pub(super) async fn take(&self) -> Option<T> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let mut waiting = lock(&self.waiting);
                let first = waiting.items.pop_front();
                if first.is_some() || waiting.over {
                    return first;
                }
            }
            changed.await;
        }
    }
}
