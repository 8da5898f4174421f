use crate::Result;
use hdrhistogram::Histogram;
use std::{collections::BTreeMap, time::Duration};
use swill_client::Error;

/// What was measured.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Nanoseconds of every call that has succeeded.
    pub(super) latency: Histogram<u64>,
    /// By code: how many calls failed with it, and what the first of them was told.
    pub(super) errors: BTreeMap<i64, (u64, String)>,
    /// Items of streams out.
    pub(super) items: u64,
    /// Connections that were lost, and why the first of them was.
    pub(super) lost: Option<(u64, String)>,
    /// Calls that were due and could not be sent in time.
    pub(super) not_sent: u64,
    pub(super) elapsed: Duration,
    pub(super) interrupted: bool,
}

/// Significant digits of a latency.
const DIGITS: u8 = 3;

impl Record {
    /// Nothing was measured.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub(super) fn empty() -> Result<Self> {
        let latency = Histogram::new(DIGITS).map_err(|error| crate::Error::failed(error.to_string()))?;
        Ok(Self {
            latency,
            errors: BTreeMap::new(),
            items: 0,
            lost: None,
            not_sent: 0,
            elapsed: Duration::ZERO,
            interrupted: false,
        })
    }

    /// A call has ended, and its caller has waited so long.
    pub(super) fn take(&mut self, latency: Duration, result: &swill_client::Result<u64>) {
        match result {
            Ok(items) => {
                self.items += items;
                // It grows as far as needed, for centuries.
                let _ = self.latency.record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
            }
            Err(error) => {
                let entry = self.errors.entry(error.code().0);
                entry.or_insert_with(|| (0, error.message().to_owned())).0 += 1;
            }
        }
    }

    /// A connection was lost.
    pub(super) fn lost(&mut self, why: &Error) {
        self.lost.get_or_insert_with(|| (0, why.message().to_owned())).0 += 1;
    }

    /// Adds what another connection has measured.
    pub(super) fn add(&mut self, other: Self) {
        // Histograms that grow by themselves take everything.
        let _ = self.latency.add(&other.latency);
        for (code, (count, message)) in other.errors {
            self.errors.entry(code).or_insert((0, message)).0 += count;
        }
        self.items += other.items;
        if let Some((count, why)) = other.lost {
            self.lost.get_or_insert((0, why)).0 += count;
        }
    }

    /// How many calls have ended.
    pub(super) fn calls(&self) -> u64 {
        self.latency.len() + self.failed()
    }

    /// How many of them have failed.
    pub(super) fn failed(&self) -> u64 {
        self.errors.values().map(|(count, _)| count).sum()
    }
}
