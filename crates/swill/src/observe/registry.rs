//! Everything that is counted, in atomics that connections add to now and then.

use super::{
    Limit, Outcome,
    counts::{ByCode, CLOSES, CallCounts, Count, Gauge, STATUSES},
};
use crate::{hub::Hub, service::Service, state::lock};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};
use swill_proto::{ProcedureId, Shape};

/// The numbers behind a [`Metrics`](crate::Metrics).
#[derive(Debug)]
pub(crate) struct Registry {
    pub(super) limits: [Count; Limit::ALL.len()],
    pub(super) refused: ByCode<{ STATUSES.len() }>,
    pub(super) accept_errors: Count,
    pub(super) http_connections: Gauge,
    pub(super) in_flight: Gauge,
    pub(super) streams_in: Gauge,
    pub(super) streams_out: Gauge,
    pub(super) traffic: Traffic,
    pub(super) protocols: Mutex<BTreeMap<&'static str, Arc<Connections>>>,
    /// By the names of procedures and protocols.
    pub(super) calls: Mutex<Calls>,
    hubs: Mutex<Vec<Weak<Hub>>>,
}

type Calls = BTreeMap<(Box<str>, &'static str), Arc<CallCounts>>;

/// What goes over the wire.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(super) received_bytes: Count,
    pub(super) received_messages: Count,
    pub(super) sent_bytes: Count,
    pub(super) sent_messages: Count,
}

/// The connections that speak a protocol.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(super) open: Gauge,
    pub(super) opened: Count,
    pub(super) closed: ByCode<{ CLOSES.len() }>,
}

/// Where the connections of an app that speak the same protocol count.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(super) registry: Arc<Registry>,
    pub(super) name: &'static str,
    pub(super) connections: Arc<Connections>,
    /// By the ids of procedures; the last one is that of all names that nobody has.
    calls: Box<[Arc<CallCounts>]>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            limits: [const { Count::new() }; Limit::ALL.len()],
            refused: ByCode::new(STATUSES),
            accept_errors: Count::default(),
            http_connections: Gauge::default(),
            in_flight: Gauge::default(),
            streams_in: Gauge::default(),
            streams_out: Gauge::default(),
            traffic: Traffic::default(),
            protocols: Mutex::default(),
            calls: Mutex::default(),
            hubs: Mutex::default(),
        }
    }

    pub(crate) fn exceeded(&self, limit: Limit) {
        self.limits[limit as usize].add(1);
    }

    /// A handshake was refused with this HTTP status.
    pub(crate) fn refused(&self, status: u16) {
        self.refused.add(i64::from(status));
    }

    /// A TCP connection could not be accepted.
    pub(crate) fn accept_failed(&self) {
        self.accept_errors.add(1);
    }

    /// A TCP connection that is no WebSocket, not yet or never, has come (1) or gone (-1).
    pub(crate) fn http_connection(&self, change: i64) {
        self.http_connections.add(change);
    }

    /// A call that has to wait has begun (1) or ended (-1).
    pub(crate) fn in_flight(&self, change: i64) {
        self.in_flight.add(change);
    }

    /// The streams of a call that has to wait have begun (1) or ended (-1).
    pub(crate) fn streams(&self, shape: Shape, change: i64) {
        if shape.streams_in {
            self.streams_in.add(change);
        }
        if shape.streams_out {
            self.streams_out.add(change);
        }
    }

    /// From now on, what waits in the connections of a server is looked at when somebody asks.
    pub(crate) fn watch(&self, hub: &Arc<Hub>) {
        let mut hubs = lock(&self.hubs);
        hubs.retain(|it| it.strong_count() > 0);
        let hub = Arc::downgrade(hub);
        if !hubs.iter().any(|it| it.ptr_eq(&hub)) {
            hubs.push(hub);
        }
    }

    /// The open connections that count here.
    #[cfg(feature = "metrics")]
    pub(super) fn peers(&self) -> Vec<crate::Peer> {
        let hubs: Vec<_> = lock(&self.hubs).iter().filter_map(Weak::upgrade).collect();
        let mut peers: Vec<crate::Peer> = hubs.iter().flat_map(|hub| hub.peers()).collect();
        peers.retain(|peer| {
            let counts = peer.0.service.observer.registry.as_deref();
            counts.is_some_and(|registry| std::ptr::eq(registry, self))
        });
        peers
    }

    /// Where the connections of an app count, by protocol. Apps with procedures of the same name count together.
    pub(crate) fn spoken(self: &Arc<Self>, service: &Service) -> Vec<Arc<Spoken>> {
        let mut spoken: Vec<Arc<Spoken>> = Vec::new();
        for protocol in &service.speaks.protocols {
            let name = protocol.capabilities().name;
            if spoken.iter().any(|it| it.name == name) {
                continue;
            }
            let connections = Arc::clone(lock(&self.protocols).entry(name).or_default());
            let mut calls = lock(&self.calls);
            let names = service.all_names().chain([""]);
            let calls = names.map(|procedure| Arc::clone(calls.entry((procedure.into(), name)).or_default()));
            let calls = calls.collect();
            spoken.push(Arc::new(Spoken { registry: Arc::clone(self), name, connections, calls }));
        }
        spoken
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self { open: Gauge::default(), opened: Count::default(), closed: ByCode::new(CLOSES) }
    }
}

impl Traffic {
    pub(super) fn add(&self, received: (u64, u64), sent: (u64, u64)) {
        if received != (0, 0) {
            self.received_bytes.add(received.0);
            self.received_messages.add(received.1);
        }
        if sent != (0, 0) {
            self.sent_bytes.add(sent.0);
            self.sent_messages.add(sent.1);
        }
    }
}

impl Spoken {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Adds calls of a procedure that ended alike, and took as long as each other.
    pub(crate) fn calls(&self, procedure: ProcedureId, calls: u64, outcome: Outcome, took: Duration) {
        let counts = self.calls.get(procedure.0 as usize).or_else(|| self.calls.last());
        if let Some(counts) = counts {
            counts.add(calls, outcome, took);
        }
    }
}
