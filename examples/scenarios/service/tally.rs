//! Counters with names, which can be waited for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// Counters by their keys, all of them 0 at first. A clone is another handle of the same ones.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<HashMap<String, watch::Sender<u64>>>>);

impl Tally {
    /// Adds one, and returns what it is then.
    pub(crate) fn add(&self, key: &str) -> u64 {
        let mut count = 0;
        self.with(key, |counter| {
            counter.send_modify(|value| {
                *value += 1;
                count = *value;
            });
        });
        count
    }

    pub(crate) fn get(&self, key: &str) -> u64 {
        self.with(key, |counter| *counter.borrow())
    }

    /// Waits until it is so much at least.
    pub(crate) async fn reach(&self, key: &str, count: u64) {
        let mut counter = self.with(key, watch::Sender::subscribe);
        // It cannot fail: nothing is ever taken out of the map.
        let _ = counter.wait_for(|value| *value >= count).await;
    }

    fn with<R>(&self, key: &str, run: impl FnOnce(&watch::Sender<u64>) -> R) -> R {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        run(counters.entry(key.to_owned()).or_default())
    }
}
