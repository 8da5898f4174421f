//! Calls, as many and as often as planned.

use super::record::Record;
use crate::call::past_deadline;
use futures_util::{StreamExt, stream::FuturesUnordered};
use serde::de::IgnoredAny;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use swill_client::{Client, Error, Value};
use swill_proto::Shape;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

/// What is called, and how often.
#[derive(Debug)]
pub(super) struct Plan {
    /// What it is for, in a word or two.
    pub(super) what: &'static str,
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) params: Value,
    /// What goes into every stream in.
    pub(super) items: Vec<Value>,
    pub(super) deadline: Option<Duration>,
    /// On each connection.
    pub(super) in_flight: usize,
    /// Calls per second that are due, on all connections.
    pub(super) rate: Option<f64>,
    pub(super) duration: Option<Duration>,
    pub(super) calls: Option<u64>,
}

/// A plan that is being carried out.
#[derive(Debug)]
pub(super) struct Load {
    shared: Arc<Shared>,
    connections: JoinSet<Record>,
    record: Record,
}

/// What all connections look at.
#[derive(Debug)]
struct Shared {
    plan: Plan,
    begun: Instant,
    /// Calls that were begun, so that no more are begun than planned.
    taken: AtomicU64,
    /// Calls that have ended.
    done: AtomicU64,
    interrupted: watch::Sender<bool>,
}

/// How far a load has come.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Shared>);

impl Progress {
    /// How many calls have ended.
    pub(super) fn count(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// Ends it early: what is in flight is cancelled.
    pub(super) fn interrupt(&self) {
        self.0.interrupted.send_replace(true);
    }
}

impl Load {
    /// Begins to call. Has to be called within a runtime.
    pub(super) fn start(clients: &[Client], plan: Plan, empty: &Record) -> Self {
        let shared = Arc::new(Shared {
            plan,
            begun: Instant::now(),
            taken: AtomicU64::new(0),
            done: AtomicU64::new(0),
            interrupted: watch::Sender::new(false),
        });
        let ticks: Vec<Arc<Notify>> = clients.iter().map(|_| Arc::default()).collect();
        if shared.plan.rate.is_some() {
            let (shared, ticks) = (Arc::downgrade(&shared), ticks.clone());
            // Timers of the runtime go by milliseconds, which would count as latency.
            std::thread::spawn(move || {
                let mut call = 0;
                loop {
                    let Some(due) = shared.upgrade().and_then(|shared| shared.due(call)) else { return };
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    if let Some(tick) = ticks.get(call as usize % ticks.len()) {
                        tick.notify_one();
                    }
                    call += 1;
                }
            });
        }
        let mut connections = JoinSet::new();
        for (at, (client, tick)) in clients.iter().zip(ticks).enumerate() {
            let line = Line {
                shared: Arc::clone(&shared),
                client: client.clone(),
                tick,
                next: at as u64,
                step: clients.len() as u64,
                record: empty.clone(),
            };
            connections.spawn(line.run());
        }
        Self { shared, connections, record: empty.clone() }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.shared.plan
    }

    pub(super) fn progress(&self) -> Progress {
        Progress(Arc::clone(&self.shared))
    }

    /// Waits for the last call.
    pub(super) async fn end(mut self) -> Record {
        let mut all = self.record;
        while let Some(record) = self.connections.join_next().await {
            // Nothing cancels these tasks.
            record.into_iter().for_each(|record| all.add(record));
        }
        all.elapsed = self.shared.begun.elapsed();
        all.interrupted = *self.shared.interrupted.borrow();
        all.not_sent = match self.shared.plan.rate {
            Some(_) if !all.interrupted => {
                self.shared.planned().saturating_sub(self.shared.taken.load(Ordering::Relaxed))
            }
            _ => 0,
        };
        all
    }
}

impl Shared {
    /// When the call with this number is due; `None` if it is beyond the end.
    fn due(&self, call: u64) -> Option<Instant> {
        let rate = self.plan.rate?;
        let after = Duration::try_from_secs_f64(call as f64 / rate).ok()?;
        let beyond = self.plan.duration.is_some_and(|duration| after >= duration)
            || self.plan.calls.is_some_and(|calls| call >= calls);
        if beyond { None } else { self.begun.checked_add(after) }
    }

    /// How many calls are due, all in all.
    fn planned(&self) -> u64 {
        let by_time = self.plan.duration.zip(self.plan.rate);
        let by_time = by_time.map(|(duration, rate)| (duration.as_secs_f64() * rate).ceil() as u64);
        by_time.into_iter().chain(self.plan.calls).min().unwrap_or_default()
    }

    /// Whether one more call may begin.
    fn take(&self) -> bool {
        let over = self.plan.duration.is_some_and(|duration| self.begun.elapsed() >= duration);
        if over || *self.interrupted.borrow() {
            return false;
        }
        match self.plan.calls {
            None => {
                self.taken.fetch_add(1, Ordering::Relaxed);
                true
            }
            Some(calls) => {
                let one_more = |taken| (taken < calls).then_some(taken + 1);
                self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
            }
        }
    }
}

/// The calls of one connection.
struct Line {
    shared: Arc<Shared>,
    client: Client,
    /// A call has become due.
    tick: Arc<Notify>,
    /// The number of the next call that is due here, and how far apart they are.
    next: u64,
    step: u64,
    record: Record,
}

impl Line {
    async fn run(mut self) -> Record {
        let shared = Arc::clone(&self.shared);
        let client = self.client.clone();
        let mut interrupted = shared.interrupted.subscribe();
        let mut calls = FuturesUnordered::new();
        let mut open = true;
        loop {
            while open && calls.len() < shared.plan.in_flight {
                match self.begin() {
                    Begin::Now(since) => calls.push(call(&client, &shared.plan, since)),
                    Begin::Later => break,
                    Begin::Never => open = false,
                }
            }
            if !open && calls.is_empty() {
                return self.record;
            }
            let room = open && calls.len() < shared.plan.in_flight;
            tokio::select! {
                Some((since, result)) = calls.next() => {
                    shared.done.fetch_add(1, Ordering::Relaxed);
                    if let Err(error) = &result && self.client.state().is_closed() {
                        // All others would fail like this one, and at once.
                        self.record.lost(error);
                        open = false;
                    }
                    self.record.take(since.elapsed(), &result);
                }
                () = self.tick.notified(), if room => {}
                _ = interrupted.wait_for(|interrupted| *interrupted) => return self.record,
            }
        }
    }

    /// Whether a call may begin, and since when its caller would have waited.
    fn begin(&mut self) -> Begin {
        let now = Instant::now();
        let since = match (self.shared.plan.rate, self.shared.due(self.next)) {
            (None, _) => now,
            (Some(_), None) => return Begin::Never,
            (Some(_), Some(due)) if due > now => return Begin::Later,
            (Some(_), Some(due)) => due,
        };
        match self.shared.take() {
            true => {
                self.next += self.step;
                Begin::Now(since)
            }
            false => Begin::Never,
        }
    }
}

enum Begin {
    Now(Instant),
    Later,
    Never,
}

/// One call, whatever its shape; how many items came out of it.
async fn call(client: &Client, plan: &Plan, since: Instant) -> (Instant, Result<u64, Error>) {
    let request = client.request(&plan.name).deadline(plan.deadline);
    let result = async {
        match (plan.shape.streams_in, plan.shape.streams_out) {
            (false, false) => request.call::<IgnoredAny>(&plan.params).await.map(|_| 0),
            (false, true) => count(request.stream(&plan.params).await?).await,
            (true, false) => {
                let mut sender = request.stream_in::<Value, IgnoredAny>().await?;
                for item in &plan.items {
                    sender.send(item).await?;
                }
                sender.finish().await.map(|_| 0)
            }
            (true, true) => {
                let (mut sending, items) = request.both::<Value, IgnoredAny>().await?;
                let send = async {
                    for item in &plan.items {
                        sending.send(item).await?;
                    }
                    sending.finish().await
                };
                let (_, counted) = tokio::join!(send, count(items));
                counted
            }
        }
    };
    let result = match plan.deadline {
        // That of the client ends with the first item.
        Some(within) if plan.shape.streams_out => {
            tokio::time::timeout(within, result).await.unwrap_or_else(|_| Err(past_deadline()))
        }
        _ => result.await,
    };
    (since, result)
}

async fn count(mut items: swill_client::Items<IgnoredAny>) -> Result<u64, Error> {
    let mut count = 0;
    while let Some(item) = items.next().await {
        item?;
        count += 1;
    }
    Ok(count)
}
