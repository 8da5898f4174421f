//! Addresses as people write them: what is taken is a URL, and what a client then says to a server is one request, whatever
//! stood in the address.

use std::{io, sync::Mutex, time::Duration};
use swill_client::{Client, Code, Reconnect};
use tokio::{
    io::{AsyncReadExt, duplex},
    join,
    runtime::Builder,
    time::timeout,
};

const HOUR: Duration = Duration::from_secs(3600);

/// The headers of a request, which no address can add to.
const HEADERS: [&str; 5] = ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"];

pub(crate) fn run(input: &[u8]) {
    let Ok(address) = std::str::from_utf8(input) else { return };
    let mut is_plain = true;
    match swill_client::url(address) {
        Ok(url) => {
            assert!(url.starts_with("ws://") || url.starts_with("wss://"), "{url}");
            assert_eq!(swill_client::url(&url).ok().as_deref(), Some(&*url), "a URL means itself");
            // Otherwise TLS is spoken first.
            is_plain = url.starts_with("ws://");
        }
        Err(error) => assert_eq!(error.code(), Code::BAD_REQUEST, "{error}"),
    }
    if !is_plain {
        return;
    }
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime starts").block_on(connect(address));
}

async fn connect(address: &str) {
    let (ours, mut theirs) = duplex(1 << 20);
    let ours = Mutex::new(Some(ours));
    let connecting = Client::builder(address)
        .reconnect(Reconnect::never())
        .connector(move || {
            let ours = ours.lock().expect("nobody panics").take();
            async move { ours.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionRefused)) }
        })
        .connect();
    let hearing = async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if !matches!(timeout(HOUR, theirs.read_buf(&mut head)).await, Ok(Ok(1..))) {
                break;
            }
        }
        head
    };
    let (client, head) = join!(connecting, hearing);
    client.expect_err("nobody answers");
    if head.is_empty() {
        return;
    }
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    let length = request.parse(&head).expect("what is said is a request");
    assert_eq!(length, httparse::Status::Complete(head.len()), "and nothing else");
    assert_eq!(request.method, Some("GET"));
    assert!(request.path.is_some_and(|path| path.starts_with('/')), "{:?}", request.path);
    for header in request.headers.iter() {
        let known = HEADERS.contains(&header.name) || header.name.starts_with("Sec-WebSocket-");
        assert!(known, "{}", header.name);
    }
    for name in HEADERS {
        assert_eq!(request.headers.iter().filter(|header| header.name == name).count(), 1, "{name}");
    }
}
