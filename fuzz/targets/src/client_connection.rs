//! Anything that a server may say to a client after the handshake, in every protocol that clients speak. The client has
//! calls of every shape open that the protocol can carry, and serves procedures, on a pipe in memory and a clock that jumps
//! ahead when everybody waits.

use std::{io, sync::Mutex, time::Duration};
use swill_client::{Client, Items, Limits, Protocol, Reconnect, State, Value};
use swill_ws::handshake::accept_key;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex, sink, split},
    join,
    runtime::Builder,
    spawn,
    time::{sleep, timeout},
};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn run(input: &[u8]) {
    let [choice, wire @ ..] = input else { return };
    let runtime =
        Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime starts");
    runtime.block_on(converse(*choice, wire));
}

async fn converse(choice: u8, wire: &[u8]) {
    let (deflate, raw, unread) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
    let protocol = match choice >> 3 & 3 {
        1 => Protocol::JsonRpc,
        2 => Protocol::JsonRpcMsgpack,
        _ => Protocol::Swill,
    };
    let (ours, theirs) = duplex(4096);
    let ours = Mutex::new(Some(ours));
    // Small limits, so that the fuzzer reaches them.
    let limits = Limits::default()
        .message(4096)
        .fragments(20, 3)
        .metadata(3, 100)
        .unread(200, 300)
        .request(1000)
        .serving(3);
    let connecting = Client::builder("ws://server.test/")
        .protocol(protocol)
        .compression(deflate)
        .handle("e", async |any: Value| Ok(any))
        .handle("w", async |(seconds,): (u32,)| {
            sleep(Duration::from_secs(seconds.into())).await;
            Ok(seconds)
        })
        .handle_with("c", async |client: Client, any: Value| client.call::<Value>("5", any).await)
        .reconnect(Reconnect::never())
        .limits(limits)
        .connector(move || {
            let ours = ours.lock().expect("nobody panics").take();
            async move { ours.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionRefused)) }
        })
        .connect();
    let (client, peer) = join!(connecting, shake_hands(theirs, protocol, deflate));
    let client = client.expect("the handshake is good");
    let (mut from_client, mut to_client) = split(peer);
    spawn(async move { copy(&mut from_client, &mut sink()).await });

    let patient = |name| client.request(name).deadline(None);
    let single = spawn({
        let client = client.clone();
        async move { client.request("1").deadline(None).call_with_metadata::<Value>(()).await }
    });
    let out = patient("2").stream::<Value>(()).await.expect("there is room");
    let pair = spawn({
        let client = client.clone();
        async move {
            let batch = client.batch().call("5", ()).notify("6", (1,)).call("7", 2);
            batch.deadline(None).send().await
        }
    });
    let out = Reader::start(out, unread);
    let (mut sender, mut half, mut items) = (None, None, None);
    if protocol == Protocol::Swill {
        let both = patient("4").both::<i32, Value>();
        let both = both.await.expect("there is room");
        half = Some(both.0);
        items = Some(Reader::start(both.1, unread));
        sender = Some(patient("3").stream_in::<i32, Value>().await.expect("there is room"));
    }

    // Each piece stands behind its length.
    let mut rest = wire;
    while let [length, tail @ ..] = rest {
        let (piece, tail) = tail.split_at(tail.len().min(usize::from(*length % 126)));
        rest = tail;
        let compressed = u8::from(deflate && *length >= 126) << 6;
        let opcode = if protocol == Protocol::JsonRpc { 0x81 } else { 0x82 };
        let head = [opcode | compressed, piece.len() as u8];
        let bytes = if raw { piece.to_vec() } else { [&head, piece].concat() };
        // The client may have hung up, or not read because of what is unread.
        if let Some(half) = &mut half {
            let _ = half.send(1).await;
        }
        if !matches!(timeout(HOUR, to_client.write_all(&bytes)).await, Ok(Ok(()))) {
            break;
        }
    }
    let _ = to_client.shutdown().await;

    let end = async {
        out.read().await;
        if let Some(items) = items {
            items.read().await;
        }
        if let (Some(sender), Some(half)) = (sender, half) {
            let _ = join!(sender.finish(), half.finish());
        }
        let (single, pair) = join!(single, pair);
        let _ = single.expect("nobody panics");
        if let Ok(answers) = pair.expect("nobody panics") {
            assert_eq!(answers.len(), 2);
        }
        client.watch().until(State::is_closed).await
    };
    let end = timeout(HOUR, end).await.expect("everything ends when the connection does");
    assert!(!format!("{end:?}").contains("was stopped"), "{end:?}");
}

/// Somebody who reads a stream: all the time, or only in the end.
enum Reader {
    Late(Items<Value>),
    Early(tokio::task::JoinHandle<usize>),
}

impl Reader {
    fn start(items: Items<Value>, late: bool) -> Self {
        if late { Self::Late(items) } else { Self::Early(spawn(count(items))) }
    }

    async fn read(self) -> usize {
        match self {
            Self::Late(items) => count(items).await,
            Self::Early(task) => task.await.expect("nobody panics"),
        }
    }
}

async fn count(mut items: Items<Value>) -> usize {
    let mut count = 0;
    while items.next().await.is_some() {
        count += 1;
    }
    count
}

/// The server's side of a good handshake.
async fn shake_hands(mut stream: DuplexStream, protocol: Protocol, deflate: bool) -> DuplexStream {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut head).await.expect("the client asks");
    }
    let head = String::from_utf8(head).expect("it is text");
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("there is a key");
    let extensions = match deflate {
        true => {
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
        }
        false => "",
    };
    let subprotocol = match protocol {
        Protocol::Swill => "Sec-WebSocket-Protocol: swill/1\r\n",
        _ => "",
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{subprotocol}{extensions}\r\n",
        accept_key(key)
    );
    stream.write_all(answer.as_bytes()).await.expect("the client listens");
    stream
}
