//! Anything that a server may say to a client after the handshake. The client has calls of every shape open, on a pipe in
//! memory and a clock that jumps ahead when everybody waits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::{io, sync::Mutex, time::Duration};
use swill_client::{Client, Items, Limits, Reconnect, State, Value};
use swill_ws::handshake::accept_key;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex, sink, split},
    join,
    runtime::Builder,
    spawn,
    time::timeout,
};

const HOUR: Duration = Duration::from_secs(3600);

fuzz_target!(|input: &[u8]| {
    let [choice, wire @ ..] = input else { return };
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    runtime.block_on(run(*choice, wire));
});

async fn run(choice: u8, wire: &[u8]) {
    let (deflate, raw, unread) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
    let (ours, theirs) = duplex(4096);
    let ours = Mutex::new(Some(ours));
    // Small limits, so that the fuzzer reaches them.
    let limits = Limits::default()
        .message(4096)
        .fragments(20, 3)
        .metadata(3, 100)
        .unread(200, 300);
    let connecting = Client::builder("ws://server.test/")
        .compression(deflate)
        .reconnect(Reconnect::never())
        .limits(limits)
        .connector(move || {
            let ours = ours.lock().expect("nobody panics").take();
            async move { ours.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionRefused)) }
        })
        .connect();
    let (client, peer) = join!(connecting, shake_hands(theirs, deflate));
    let client = client.expect("the handshake is good");
    let (mut from_client, mut to_client) = split(peer);
    spawn(async move { copy(&mut from_client, &mut sink()).await });

    let patient = |name| client.request(name).deadline(None);
    let single = spawn({
        let client = client.clone();
        async move {
            client
                .request("1")
                .deadline(None)
                .call_with_metadata::<Value>(())
                .await
        }
    });
    let out = patient("2").stream::<Value>(()).await.expect("there is room");
    let sender = patient("3")
        .stream_in::<i32, Value>()
        .await
        .expect("there is room");
    let (mut half, items) = patient("4").both::<i32, Value>().await.expect("there is room");
    let (out, items) = (Reader::start(out, unread), Reader::start(items, unread));

    // Each piece stands behind its length.
    let mut rest = wire;
    while let [length, tail @ ..] = rest {
        let (piece, tail) = tail.split_at(tail.len().min(usize::from(*length % 126)));
        rest = tail;
        let compressed = u8::from(deflate && *length >= 126) << 6;
        let head = [0x82 | compressed, piece.len() as u8];
        let bytes = if raw {
            piece.to_vec()
        } else {
            [&head, piece].concat()
        };
        // The client may have hung up, or not read because of what is unread.
        let _ = half.send(1).await;
        if !matches!(timeout(HOUR, to_client.write_all(&bytes)).await, Ok(Ok(()))) {
            break;
        }
    }
    let _ = to_client.shutdown().await;

    let end = async {
        let (out, items) = (out.read().await, items.read().await);
        let _ = join!(sender.finish(), half.finish());
        let single = single.await.expect("nobody panics");
        drop((out, items, single));
        client.watch().until(State::is_closed).await
    };
    let end = timeout(HOUR, end)
        .await
        .expect("everything ends when the connection does");
    assert!(!format!("{end:?}").contains("was stopped"), "{end:?}");
}

/// Somebody who reads a stream: all the time, or only in the end.
enum Reader {
    Late(Items<Value>),
    Early(tokio::task::JoinHandle<usize>),
}

impl Reader {
    fn start(items: Items<Value>, late: bool) -> Self {
        if late {
            Self::Late(items)
        } else {
            Self::Early(spawn(count(items)))
        }
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
async fn shake_hands(mut stream: DuplexStream, deflate: bool) -> DuplexStream {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut head).await.expect("the client asks");
    }
    let head = String::from_utf8(head).expect("it is text");
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
        .expect("there is a key");
    let extensions = match deflate {
        true => {
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
        }
        false => "",
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: swill/1\r\n{extensions}\r\n",
        accept_key(key)
    );
    stream
        .write_all(answer.as_bytes())
        .await
        .expect("the client listens");
    stream
}
