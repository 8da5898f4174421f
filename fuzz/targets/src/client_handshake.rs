//! Any answer of a server to a client's opening handshake, at once and byte by byte: the same outcome, and one that is
//! taken is one that has to be.

use std::{io, sync::Mutex, time::Duration};
use swill_client::{Client, Protocol, Reconnect};
use swill_ws::handshake::accept_key;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    join,
    runtime::Builder,
    time::timeout,
};

const HOUR: Duration = Duration::from_secs(3600);

/// What stands in the input for the value that belongs to the client's key.
const ACCEPT: &str = "{accept}";

pub(crate) fn run(input: &[u8]) {
    let [choice, answer @ ..] = input else { return };
    let outcomes = [answer.len(), 1, 1 + usize::from(choice >> 4)].map(|piece| {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime starts").block_on(shake_hands(*choice, answer, piece))
    });
    assert_eq!(outcomes[1], outcomes[0], "the pieces matter");
    assert_eq!(outcomes[2], outcomes[0], "the pieces matter");
}

/// The error, without the key, which is another one each time.
async fn shake_hands(choice: u8, answer: &[u8], piece: usize) -> Option<String> {
    let protocol = [Protocol::Swill, Protocol::JsonRpc][usize::from(choice & 1)];
    let deflate = choice & 2 != 0;
    let (ours, mut theirs) = duplex(1 << 20);
    let ours = Mutex::new(Some(ours));
    let connecting = Client::builder("ws://server.test/")
        .protocol(protocol)
        .compression(deflate)
        .reconnect(Reconnect::never())
        .connector(move || {
            let ours = ours.lock().expect("nobody panics").take();
            async move { ours.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionRefused)) }
        })
        .connect();
    let answering = async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            theirs.read_buf(&mut head).await.expect("the client asks");
        }
        let head = String::from_utf8(head).expect("it is text");
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = accept_key(key.expect("there is a key"));
        let answer = replaced(answer, accept.as_bytes());
        for piece in answer.chunks(piece.max(1)) {
            // The client may know enough already. Only what is written in turns is read in turns.
            if theirs.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = theirs.shutdown().await;
        (accept, answer)
    };
    let (client, (accept, answer)) =
        timeout(HOUR, async { join!(connecting, answering) }).await.expect("a handshake is over in time");
    match client {
        Ok(client) => {
            check(&answer, &accept, protocol, deflate);
            drop(client);
            None
        }
        Err(error) => {
            assert!(error.message().len() < 10_000, "{error}");
            // Why it is no HTTP depends on how much of it is there.
            let message = error.message().replace(&accept, ACCEPT);
            let (message, _) = message.split_once("is not HTTP").unwrap_or((&message, ""));
            Some(format!("{} {message}", error.code()))
        }
    }
}

fn replaced(answer: &[u8], accept: &[u8]) -> Vec<u8> {
    let at = answer.windows(ACCEPT.len()).position(|window| window == ACCEPT.as_bytes());
    match at {
        Some(at) => [&answer[..at], accept, &answer[at + ACCEPT.len()..]].concat(),
        None => answer.to_vec(),
    }
}

/// Whether an answer is one that may be taken (RFC 6455, section 4.1).
fn check(answer: &[u8], accept: &str, protocol: Protocol, deflate: bool) {
    let mut headers = [httparse::EMPTY_HEADER; 256];
    let mut response = httparse::Response::new(&mut headers);
    let mut rest = answer;
    // Provisional answers come before the one that counts.
    loop {
        let length = response.parse(rest).expect("what is taken is HTTP");
        assert!(length.is_complete(), "what is taken is complete");
        if response.code == Some(101) {
            break;
        }
        assert!(response.code.is_some_and(|code| code < 200), "{:?}", response.code);
        rest = &rest[length.unwrap()..];
        headers = [httparse::EMPTY_HEADER; 256];
        response = httparse::Response::new(&mut headers);
    }
    let all = |name: &str| -> Vec<String> {
        let named = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| String::from_utf8_lossy(header.value).trim().to_ascii_lowercase()).collect()
    };
    assert!(all("upgrade").join(",").contains("websocket"));
    assert!(all("connection").join(",").contains("upgrade"));
    assert_eq!(all("sec-websocket-accept"), [accept.to_ascii_lowercase()]);
    let subprotocol = all("sec-websocket-protocol");
    match protocol {
        Protocol::Swill => assert_eq!(subprotocol.len(), 1),
        _ => assert!(subprotocol.len() <= 1),
    }
    assert!(deflate || all("sec-websocket-extensions").iter().all(String::is_empty));
}
