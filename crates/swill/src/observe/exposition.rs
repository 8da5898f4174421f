//! The numbers as text, in the format of OpenMetrics 1.0, which Prometheus reads.

use super::{Limit, Registry, process};
use crate::state::lock;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    metrics::MetricType,
    registry,
};
use std::{fmt, sync::Arc};

/// Writes all metrics.
pub(super) fn write(registry: &Arc<Registry>) -> String {
    let mut all = registry::Registry::default();
    all.register_collector(Box::new(Arc::clone(registry)));
    let mut written = String::new();
    if text::encode(&mut written, &all).is_err() {
        tracing::error!("metrics could not be written");
    }
    written
}

/// A label and its value.
type Label<'l> = (&'static str, &'l str);

/// One metric, of which there may be several with different labels.
struct Family<'e>(MetricEncoder<'e>);

impl<'e> Family<'e> {
    fn counter(
        encoder: &'e mut DescriptorEncoder<'_>,
        name: &'e str,
        help: &str,
    ) -> Result<Self, fmt::Error> {
        encoder.encode_descriptor(name, help, None, MetricType::Counter).map(Self)
    }

    fn gauge(encoder: &'e mut DescriptorEncoder<'_>, name: &'e str, help: &str) -> Result<Self, fmt::Error> {
        encoder.encode_descriptor(name, help, None, MetricType::Gauge).map(Self)
    }

    fn count(&mut self, labels: &[Label<'_>], value: u64) -> fmt::Result {
        match labels {
            [] => self.0.encode_counter::<NoLabelSet, _, f64>(&value, None),
            labels => self.0.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None),
        }
    }

    fn value(&mut self, labels: &[Label<'_>], value: i64) -> fmt::Result {
        match labels {
            [] => self.0.encode_gauge(&value),
            labels => self.0.encode_family(&labels)?.encode_gauge(&value),
        }
    }
}

impl Collector for Registry {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        self.encode_connections(encoder)?;
        self.encode_calls(encoder)?;
        self.encode_traffic(encoder)?;
        self.encode_queues(encoder)?;

        let mut hits =
            Family::counter(encoder, "swill_limit_hits", "How often a limit took effect, by its name")?;
        for limit in Limit::ALL {
            hits.count(&[("limit", limit.name())], self.limits[*limit as usize].read())?;
        }
        process::encode(encoder)
    }
}

impl Registry {
    fn encode_connections(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let protocols = lock(&self.protocols).clone();
        let mut open = Family::gauge(encoder, "swill_connections", "Open connections")?;
        for (name, connections) in &protocols {
            open.value(&[("protocol", name)], connections.open.read())?;
        }
        // No two families may have one name, whatever stands behind it (OpenMetrics 1.0, "MetricFamily").
        let help = "Connections that have been opened";
        let mut opened = Family::counter(encoder, "swill_connections_opened", help)?;
        for (name, connections) in &protocols {
            opened.count(&[("protocol", name)], connections.opened.read())?;
        }
        let mut closed = Family::counter(
            encoder,
            "swill_connections_closed",
            "Connections that have ended, by close code",
        )?;
        for (name, connections) in &protocols {
            for (code, count) in connections.closed.counted() {
                closed.count(&[("protocol", name), ("code", &code)], count)?;
            }
        }
        let help = "Opening handshakes that were refused, by HTTP status";
        let mut refused = Family::counter(encoder, "swill_handshakes_refused", help)?;
        for (status, count) in self.refused.counted() {
            refused.count(&[("status", &status)], count)?;
        }
        let help = "TCP connections that could not be accepted";
        Family::counter(encoder, "swill_accept_errors", help)?.count(&[], self.accept_errors.read())?;
        let help = "TCP connections that are no WebSocket, not yet or never";
        Family::gauge(encoder, "swill_http_connections", help)?.value(&[], self.http_connections.read())
    }

    fn encode_calls(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let calls = lock(&self.calls).clone();
        let mut ended = Family::counter(encoder, "swill_calls", "Calls that have ended, by their code")?;
        for ((procedure, protocol), counts) in &calls {
            for (code, count) in counts.outcomes() {
                let labels = [("procedure", &**procedure), ("protocol", protocol), ("code", &code)];
                ended.count(&labels, count)?;
            }
        }
        let help = "How long calls took, from the read that brought them until their answer was ready";
        let kind = MetricType::Histogram;
        let mut times = encoder.encode_descriptor("swill_call_duration_seconds", help, None, kind)?;
        for ((procedure, protocol), counts) in &calls {
            let (sum, buckets) = counts.times();
            let count = buckets.iter().map(|(_, count)| count).sum();
            if count > 0 {
                let labels = [("procedure", &**procedure), ("protocol", *protocol)];
                let mut times = times.encode_family(&labels)?;
                times.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            }
        }
        let help = "Calls that wait or stream at this moment";
        Family::gauge(encoder, "swill_calls_in_flight", help)?.value(&[], self.in_flight.read())?;
        let mut streams = Family::gauge(encoder, "swill_streams", "Open streams, from the server's side")?;
        streams.value(&[("direction", "in")], self.streams_in.read())?;
        streams.value(&[("direction", "out")], self.streams_out.read())
    }

    fn encode_traffic(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let traffic = &self.traffic;
        for (name, help, count) in [
            ("swill_received_bytes", "Bytes read from WebSocket connections", &traffic.received_bytes),
            ("swill_sent_bytes", "Bytes written to WebSocket connections", &traffic.sent_bytes),
            ("swill_received_messages", "Messages received", &traffic.received_messages),
            ("swill_sent_messages", "Messages sent", &traffic.sent_messages),
        ] {
            Family::counter(encoder, name, help)?.count(&[], count.read())?;
        }
        Ok(())
    }

    fn encode_queues(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (mut outbox, mut unread) = (0_i64, 0_i64);
        for peer in self.peers() {
            let add = |sum: &mut i64, bytes: usize| *sum = sum.saturating_add_unsigned(bytes as u64);
            add(&mut outbox, peer.0.waiting_bytes());
            add(&mut unread, peer.0.unread_bytes());
        }
        let help = "Bytes that wait to be written, of all connections";
        Family::gauge(encoder, "swill_outbox_bytes", help)?.value(&[], outbox)?;
        let help = "Bytes of streams that no procedure has taken, of all connections";
        Family::gauge(encoder, "swill_unread_bytes", help)?.value(&[], unread)
    }
}
