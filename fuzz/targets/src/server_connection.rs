//! Anything that a peer may say to a server after the handshake, in every protocol, in pieces of any length, on a pipe in
//! memory and a clock that jumps ahead when everybody waits. Whatever it was: what is answered is well-formed and no more
//! than a multiple of what was said, the connection ends, and then nothing runs any more.

use crate::{
    said::{self, ResponseKind},
    serving::{routes, serve},
    ws::Got,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use swill::{
    App, Close, Error, Hook, Limits, Peer, Protocol, Result, Stream, Streaming, Value, dialect::Dialect,
    stream,
};
use swill_proto::{Format, scan};
use swill_ws::{Config, Input, Kind, Role, WebSocket, deflate};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split},
    runtime::Builder,
    spawn,
    time::{sleep, timeout},
};

const HOUR: Duration = Duration::from_secs(3600);

/// How many bytes may be answered for each that was said: a batch of JSON-RPC may hold an error for every two.
const FACTOR: usize = 300;

/// How many may be answered in any case: what is said of the connection itself, and pings for as long as it is idle.
const ANYWAY: usize = 64 << 10;

/// How many items a stream out has at most.
const MOST_ITEMS: u32 = 20;

pub(crate) fn run(input: &[u8]) {
    let [choice, pipe, wire @ ..] = input else { return };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime starts").block_on(converse(*choice, *pipe, wire));
}

async fn converse(choice: u8, pipe: u8, wire: &[u8]) {
    let (deflate, raw, slow) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
    let speech = SPEECHES[usize::from(choice >> 3) % SPEECHES.len()];
    let running = Arc::new(());
    let ended = Arc::<AtomicUsize>::default();
    let router = routes(app(speech, &running, &ended, deflate));
    let idle = Arc::strong_count(&running);
    let (ours, theirs) = duplex(16 << (pipe % 12));
    let http = serve(router, ours);
    let Some((mut theirs, negotiated)) = shake_hands(theirs, speech.token, deflate).await else {
        panic!("the handshake is good");
    };
    http.await.expect("nobody panics");

    let said = if raw { wire.to_vec() } else { framed(wire, speech.text) };
    // A slow peer reads only in the end.
    let mut heard = Vec::new();
    if slow {
        let _ = timeout(HOUR, theirs.write_all(&said)).await;
        let _ = timeout(HOUR, theirs.shutdown()).await;
        let _ = timeout(HOUR, theirs.read_to_end(&mut heard)).await;
    } else {
        let (mut reading, mut writing) = split(theirs);
        let reader = spawn(async move {
            let mut heard = Vec::new();
            let end = timeout(HOUR, reading.read_to_end(&mut heard)).await;
            end.expect("every connection ends").expect("a pipe does not break");
            heard
        });
        let _ = timeout(HOUR, writing.write_all(&said)).await;
        if pipe & 0x80 != 0 {
            sleep(Duration::from_secs(5)).await;
        }
        let _ = writing.shutdown().await;
        heard = reader.await.expect("nobody panics");
        drop(writing);
    }

    // The last words of hooks and procedures.
    let over = async {
        while ended.load(Ordering::Relaxed) == 0 || Arc::strong_count(&running) > idle {
            sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(HOUR, over).await.expect("nothing runs when the connection is over");
    assert_eq!(ended.load(Ordering::Relaxed), 1, "a connection ends once");
    assert!(heard.len() <= FACTOR * said.len() + ANYWAY, "{} bytes answered for {}", heard.len(), said.len());
    let messages = if raw { said.len() } else { pieces(wire).count() };
    check(&mut heard, speech, negotiated, messages);
}

/// A protocol, as a client asks for it.
#[derive(Clone, Copy)]
struct Speech {
    token: Option<&'static str>,
    protocol: fn() -> Protocol,
    /// What its messages are: JSON as text, or binary.
    text: bool,
    format: Option<Format>,
    /// Looks at a message, and tells whether it ends a call or answers for one that was none.
    is_last: fn(&[u8]) -> bool,
}

const SPEECHES: [Speech; 8] = [
    Speech {
        token: Some("swill/1"),
        protocol: Protocol::swill,
        text: false,
        format: Some(Format::MessagePack),
        is_last: |message| {
            matches!(said::response(message).kind, ResponseKind::EndOfStream | ResponseKind::Error)
        },
    },
    Speech {
        token: None,
        protocol: Protocol::json_rpc,
        text: true,
        format: Some(Format::Json),
        is_last: |message| said::json_rpc(Format::Json, message).is_last(),
    },
    Speech {
        token: Some("jsonrpc.msgpack"),
        protocol: Protocol::json_rpc_msgpack,
        text: false,
        format: Some(Format::MessagePack),
        is_last: |message| said::json_rpc(Format::MessagePack, message).is_last(),
    },
    Speech {
        token: Some("events"),
        protocol: Protocol::events,
        text: true,
        format: Some(Format::Json),
        is_last: |message| {
            said::event(message);
            true
        },
    },
    webmesh(|| Protocol::webmesh(Dialect::V0_1_2), false),
    webmesh(|| Protocol::webmesh(Dialect::V0_1_2_JSON), true),
    webmesh(|| Protocol::webmesh(Dialect::HEAD), true),
    webmesh(|| Protocol::webmesh(Dialect::HEAD_JSON), true),
];

/// Calls have one answer, or none.
const fn webmesh(protocol: fn() -> Protocol, text: bool) -> Speech {
    Speech { token: None, protocol, text, format: None, is_last: |_| true }
}

/// Counts connections that are over.
struct Ends(Arc<AtomicUsize>);

impl Hook for Ends {
    fn sees_calls(&self) -> bool {
        false
    }

    async fn after_connection(&self, _peer: &Peer, _close: &Close) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Procedures of every shape.
struct Service {
    /// Whoever runs has a copy.
    running: Arc<()>,
}

#[swill::module]
impl Service {
    async fn e(&self, value: Value) -> Value {
        value
    }

    async fn add(&self, a: i64, b: i64) -> Result<i64> {
        a.checked_add(b).ok_or_else(|| Error::invalid("b", "too large"))
    }

    async fn w(&self, seconds: u32) -> u32 {
        let _running = Arc::clone(&self.running);
        sleep(Duration::from_secs(seconds.into())).await;
        seconds
    }

    fn c(&self, count: u32) -> impl Stream<Item = u32> {
        let running = Arc::clone(&self.running);
        stream! {
            let _running = running;
            for number in 0..count.min(MOST_ITEMS) {
                if number % 4 == 3 {
                    sleep(Duration::from_millis(10)).await;
                }
                yield number;
            }
        }
    }

    async fn t(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        let _running = Arc::clone(&self.running);
        let mut total = 0_i64;
        while let Some(number) = numbers.next().await {
            total = total.wrapping_add(number?);
        }
        Ok(total)
    }

    fn b(&self, mut values: Streaming<Value>) -> impl Stream<Item = Result<Value>> {
        let running = Arc::clone(&self.running);
        stream! {
            let _running = running;
            while let Some(value) = values.next().await {
                yield value;
            }
        }
    }

    async fn ask(&self, name: String, value: Value, peer: &Peer) -> Result<Value> {
        let _running = Arc::clone(&self.running);
        peer.call(&name, value).await
    }
}

fn app(speech: Speech, running: &Arc<()>, ended: &Arc<AtomicUsize>, deflate: bool) -> App {
    // Small limits, so that the fuzzer reaches them.
    let limits = Limits::default()
        .message(4096)
        .fragments(20, 3)
        .metadata(3, 100)
        .unread(200, 300)
        .calls(4)
        .batch(8)
        .draining(3)
        .cancels(10, 1)
        .pings(5, 1)
        .outbox(500)
        .answer(2000)
        .answer_within(3, Duration::from_secs(5));
    let module = Service { running: Arc::clone(running) };
    let app = App::new().module(module).hook(Ends(Arc::clone(ended))).limits(limits);
    let app = app.protocols([(speech.protocol)()]);
    if deflate { app.compression() } else { app }
}

/// Puts pieces, each of which stands behind its length, into frames with a mask that changes nothing.
fn framed(wire: &[u8], text: bool) -> Vec<u8> {
    let mut said = Vec::new();
    for (piece, is_compressed) in pieces(wire) {
        let compressed = u8::from(is_compressed) << 6;
        said.push(if text { 0x81 } else { 0x82 } | compressed);
        said.push(0x80 | piece.len() as u8);
        said.extend_from_slice(&[0; 4]);
        said.extend_from_slice(piece);
    }
    said
}

/// The pieces, and which of them say that they are compressed: the lengths that are left over do.
fn pieces(wire: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (length, tail) = rest.split_first()?;
        let (piece, tail) = tail.split_at(tail.len().min(usize::from(*length % 126)));
        rest = tail;
        Some((piece, *length >= 126))
    })
}

/// The client's side of a good handshake.
async fn shake_hands(
    mut stream: DuplexStream,
    token: Option<&str>,
    deflate: bool,
) -> Option<(DuplexStream, Option<deflate::Negotiated>)> {
    let options = deflate::Options::default();
    let token = token.map(|token| format!("Sec-WebSocket-Protocol: {token}\r\n")).unwrap_or_default();
    let offer = match deflate {
        true => format!("Sec-WebSocket-Extensions: {}\r\n", options.offer()),
        false => String::new(),
    };
    let request = format!(
        "GET / HTTP/1.1\r\nHost: server.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{token}{offer}\r\n"
    );
    let (mut reading, mut writing) = split(stream);
    let mut head = Vec::new();
    let reader = async {
        while !head.ends_with(b"\r\n\r\n") {
            let byte = reading.read_u8().await.ok()?;
            head.push(byte);
        }
        Some(())
    };
    let (written, read) = tokio::join!(writing.write_all(request.as_bytes()), reader);
    written.ok()?;
    read?;
    stream = reading.unsplit(writing);
    let head = String::from_utf8(head).ok()?;
    head.starts_with("HTTP/1.1 101 ").then_some(())?;
    let answer = head.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
    Some((stream, deflate::check(answer, &options).ok()?))
}

/// What is heard is right, frame by frame and message by message, and no more of it is final than so many messages can
/// have asked for.
fn check(heard: &mut [u8], speech: Speech, negotiated: Option<deflate::Negotiated>, messages: usize) {
    let mut client = WebSocket::new(&Config { deflate: negotiated, ..Config::new(Role::Client) });
    let (mut input, mut out) = (Input::new(heard), Vec::new());
    let mut ends = 0;
    while let Some(event) = client.receive(&mut input, &mut out).expect("what a server says is right") {
        match Got::from(event) {
            Got::Message(kind, data) => {
                if let Some(format) = speech.format {
                    assert_eq!(kind == Kind::Text, format == Format::Json);
                    scan::check(format, &data).expect("a message is whole");
                }
                ends += usize::from((speech.is_last)(&data));
            }
            Got::Close(code, _) => assert!(code.is_some(), "a server says why it closes"),
            Got::Ping(_) | Got::Pong(_) => {}
            Got::Violation(code) => panic!("{code}"),
        }
    }
    assert!(ends <= messages, "{ends} calls ended, of {messages}");
}
