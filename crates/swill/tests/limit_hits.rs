//! Every limit is counted when it takes effect, and written to the log once. A program of its own, because the log is one.
#![cfg(feature = "metrics")]

mod common;

use common::*;
use std::{
    any::Any,
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};
use swill::{Limits, Metadata, Metrics, Peer, Protocol, Value, dialect::Dialect};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
};

/// What is written about limits.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Line>>>);

#[derive(Clone, Debug, Default)]
struct Line {
    warning: bool,
    limit: String,
    remote: Option<String>,
    left_out: u64,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "remote" {
            self.remote = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "limit" {
            value.clone_into(&mut self.limit);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "left_out" {
            self.left_out = value;
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "swill::limit" {
            let mut line = Line { warning: *event.metadata().level() == Level::WARN, ..Line::default() };
            event.record(&mut line);
            self.0.lock().expect("no panic").push(line);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Asking;

#[swill::module]
impl Asking {
    /// Calls whoever calls.
    async fn ask(&self, peer: &Peer) -> swill::Result<Value> {
        peer.call("answer", ()).await
    }

    /// So many bytes, and not at once.
    async fn large(&self, bytes: usize) -> String {
        tokio::task::yield_now().await;
        "x".repeat(bytes)
    }
}

/// A server that is about to be asked for too much.
struct Ground {
    server: Server,
    probe: Probe,
    /// What has to stay open.
    kept: Vec<Box<dyn Any>>,
}

impl Ground {
    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.server.address).await.expect("it listens")
    }

    /// A connection that names no subprotocol.
    async fn unnamed(&self, headers: &[(&str, &str)]) -> Client<TcpStream> {
        let (socket, response) = exchange(self.server.address, &handshake("/", headers)).await;
        assert_eq!(response.status, 101, "{response:?}");
        Client::new(socket, &response.body, PATIENCE)
    }

    async fn text(&mut self, text: &str) {
        let mut client = self.unnamed(&[]).await;
        client.write(&frame(0x81, text.as_bytes())).await;
        self.kept.push(Box::new(client));
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Nil, |inner, _| Value::List(vec![inner]))
}

const SHORT: Duration = Duration::from_millis(30);

/// The limits for an attack, as low as they can be reached.
fn limits(limit: &str) -> Limits {
    let limits = Limits::default();
    match limit {
        "handshake" => limits.handshake(SHORT),
        "head" => limits.head(10_000, 100),
        "headers" => limits.head(16 << 10, 20),
        "connections" | "http" => limits.connections(1),
        "budget" => limits.budget(50_000),
        "per_address" => limits.per_address(1),
        "message" => limits.message(100),
        "fragments" => limits.fragments(2, 2),
        "empty_fragments" => limits.fragments(100, 1),
        "answer" => limits.answer(100),
        "answers" => limits.answer(16 << 20).outbox(1),
        "metadata.keys" => limits.metadata(1, 1000),
        "metadata.bytes" => limits.metadata(10, 20),
        "calls" => limits.calls(1),
        "batch" => limits.batch(1),
        "asked" => limits.answer_within(1, PATIENCE),
        "answer_within" => limits.answer_within(1, SHORT),
        "draining" => limits.draining(0),
        "cancels" => limits.cancels(1, 1),
        "pings" => limits.pings(1, 1),
        "stream_unread" => limits.unread(1000, 1 << 20),
        "unread" => limits.unread(1 << 20, 1000),
        "stream_stall" => limits.unread(1000, 1 << 20).stream_stall(SHORT),
        "outbox" => limits.outbox(1000),
        "write_stall" => limits.write_stall(SHORT),
        "pong_within" => limits.keepalive(SHORT, SHORT),
        "close" => limits.close(SHORT),
        "grace" => limits.grace(SHORT),
        "deadline" => limits.deadline(SHORT),
        _ => limits,
    }
}

/// Goes beyond a limit.
async fn attack(limit: &str, ground: &mut Ground) {
    let address = ground.server.address;
    match limit {
        "handshake" => ground.kept.push(Box::new(ground.tcp().await)),
        "head" => {
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(40_000));
            assert_eq!(ground.server.status(&request).await, 431);
        }
        "headers" => {
            let many: String = (0..30).map(|number| format!("X-{number}: a\r\n")).collect();
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n");
            assert_eq!(ground.server.status(&request).await, 431);
        }
        "connections" => {
            ground.kept.push(Box::new(ground.server.connect().await));
            // The first one gives its place among HTTP connections back a little later than it is open.
            loop {
                let mut socket = ground.tcp().await;
                socket.write_all(handshake("/", &[]).as_bytes()).await.expect("it reads");
                let mut head = Vec::new();
                if socket.read_buf(&mut head).await.is_ok() && !head.is_empty() {
                    assert!(head.starts_with(b"HTTP/1.1 503 "));
                    break;
                }
            }
        }
        "http" => {
            ground.kept.push(Box::new(ground.tcp().await));
            assert!(ground.tcp().await.read_u8().await.is_err(), "nobody is let in");
        }
        "per_address" => {
            ground.kept.push(Box::new(ground.server.connect().await));
            assert!(ground.tcp().await.read_u8().await.is_err(), "nobody is let in");
        }
        "message" | "budget" | "nesting" | "name" | "answer" | "calls" | "deadline" | "grace" | "log" => {
            let mut client = ground.server.connect().await;
            match limit {
                "message" => client.request(1, "echo", "x".repeat(200)).await,
                "budget" => {
                    let whole = frame(0x82, &message(1, "x".repeat(900_000), "echo", MESSAGE, None));
                    client.write(&whole[..200_000]).await;
                }
                "nesting" => client.request(1, "echo", nested(65)).await,
                "name" => client.request(1, &"x".repeat(256), ()).await,
                "answer" => client.request(1, "bytes", 200).await,
                "calls" => client.send_all((0..6).map(|seq| message(seq, (), "wait", MESSAGE, None))).await,
                "log" => client.send_all((0..300).map(|seq| message(seq, (), "fail", MESSAGE, None))).await,
                _ => client.request(1, "wait", ()).await,
            }
            if limit == "grace" {
                let probe = ground.probe.clone();
                until("the call runs", || probe.running() == 1).await;
                ground.server.handle.shutdown();
            }
            ground.kept.push(Box::new(client));
        }
        "fragments" | "empty_fragments" | "pings" => {
            let mut client = ground.server.connect().await;
            let (first, next, payload): (_, _, &[u8]) = match limit {
                "fragments" => (0x02, 0x00, b"x"),
                "empty_fragments" => (0x02, 0x00, b""),
                _ => (0x89, 0x89, b""),
            };
            let frames = [frame(first, payload), frame(next, payload).repeat(3)].concat();
            client.write(&frames).await;
            ground.kept.push(Box::new(client));
        }
        "final_blocks" => {
            let mut client = ground.unnamed(&[("Sec-WebSocket-Extensions", "permessage-deflate")]).await;
            // Empty stored blocks, each of them the final one (RFC 1951, section 3.2.4).
            let blocks = [0x01, 0x00, 0x00, 0xff, 0xff].repeat(1100);
            client.write(&frame(0xc2, &blocks)).await;
            ground.kept.push(Box::new(client));
        }
        "answers" => {
            let mut client = ground.server.connect().await;
            // More than the system takes for a peer that reads nothing.
            client.send_all((0..5).map(|seq| message(seq, 12 << 20, "large", MESSAGE, None))).await;
            ground.kept.push(Box::new(client));
        }
        "metadata.keys" | "metadata.bytes" => {
            let mut client = ground.server.connect().await;
            let metadata = Metadata::from([("a", "x".repeat(30)), ("b", "x".repeat(30))]);
            client.send(&message(1, (), "metadata", MESSAGE, Some(&metadata))).await;
            ground.kept.push(Box::new(client));
        }
        "batch" => {
            let call = r#"{"jsonrpc": "2.0", "method": "nothing", "id": 1}"#;
            ground.text(&format!("[{call}, {call}]")).await;
        }
        "id" => {
            let id = "x".repeat(300);
            ground.text(&format!(r#"{{"jsonrpc": "2.0", "method": "nothing", "id": "{id}"}}"#)).await;
        }
        "path" => ground.text(&format!(r#"{{"path": "/{}"}}"#, "x".repeat(1024))).await,
        "asked" => {
            let call = |id| format!(r#"{{"jsonrpc": "2.0", "method": "ask", "id": {id}}}"#);
            ground.text(&format!("[{}, {}]", call(1), call(2))).await;
        }
        "answer_within" => ground.text(r#"{"jsonrpc": "2.0", "method": "ask", "id": 1}"#).await,
        "draining" => {
            let mut client = ground.server.connect().await;
            client.request(1, "first", 7).await;
            ground.kept.push(Box::new(client));
        }
        "cancels" => {
            let mut client = ground.server.connect().await;
            for seq in 1..4 {
                client.request(seq, "wait", ()).await;
                client.kind(seq, "wait", CANCEL).await;
            }
            ground.kept.push(Box::new(client));
        }
        "stream_unread" | "unread" | "stream_stall" => {
            let mut client = ground.server.connect().await;
            let items = (0..4).map(|_| message(1, "x".repeat(500), "gated_lengths", MESSAGE, None));
            client.send_all(items).await;
            ground.kept.push(Box::new(client));
        }
        "outbox" | "write_stall" => {
            let mut client = ground.server.connect().await;
            client.request(1, "endless", 60_000).await;
            ground.kept.push(Box::new(client));
        }
        "pong_within" => ground.kept.push(Box::new(ground.server.connect().await)),
        "close" => {
            let mut client = ground.server.connect().await;
            client.request(1, "close", 1000).await;
            ground.kept.push(Box::new(client));
        }
        "discarded" => {
            let (mut socket, _) = ground.server.upgrade("/", &[]).await;
            let close = frame(0x88, &1000_u16.to_be_bytes());
            let _ = socket.write_all(&[close, vec![0; 2 << 20]].concat()).await;
            ground.kept.push(Box::new(socket));
        }
        other => panic!("nobody knows how to reach `{other}` at {address}"),
    }
}

fn hits(metrics: &Metrics, limit: &str) -> u64 {
    let text = metrics.encode();
    let name = format!("swill_limit_hits_total{{limit=\"{limit}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&name)).expect("every limit is there");
    value.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_limit_is_counted_and_written_once() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("there is no other");
    let text = Metrics::new().encode();
    let named = text.lines().filter_map(|line| line.strip_prefix("swill_limit_hits_total{limit=\""));
    let named: BTreeSet<String> = named.filter_map(|line| Some(line.split_once('"')?.0.to_owned())).collect();
    assert!(named.len() > 30, "{named:?}");
    for limit in named.iter().filter(|limit| *limit != "files") {
        let (probe, metrics) = (Probe::new(), Metrics::new());
        let mut app = probe.app().limits(limits(limit)).metrics(metrics.clone()).module(Asking).compression();
        if limit == "path" {
            app = app.protocols([Protocol::webmesh(Dialect::V0_1_2_JSON)]);
        }
        let mut ground = Ground { server: serve(app).await, probe, kept: Vec::new() };
        attack(limit, &mut ground).await;
        until(&format!("`{limit}` is counted"), || hits(&metrics, limit) > 0).await;
        if limit == "calls" {
            until("each of them is counted", || hits(&metrics, limit) == 5).await;
        }
        let lines: Vec<Line> = std::mem::take(&mut *log.0.lock().expect("no panic"));
        let about: Vec<&Line> = lines.iter().filter(|line| line.limit == **limit).collect();
        assert_eq!(about.len(), 1, "{limit}: {lines:?}");
        // Who only has to wait loses nothing.
        let slows = ["outbox", "stream_unread", "unread"].contains(&limit.as_str());
        assert_eq!(about[0].warning, !slows, "{limit}");
        assert_eq!(about[0].left_out, 0, "{limit}");
        assert!(
            about[0].remote.as_ref().is_some_and(|it| it.starts_with("127.0.0.1:")),
            "{limit}: {lines:?}"
        );
        ground.probe.unblock();
    }
}
