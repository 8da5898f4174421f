//! Any request to a server, at once and byte by byte: the same answer, and who is let in may come in.

use crate::serving::{routes, serve};
use std::{sync::OnceLock, time::Duration};
use swill::{App, Module, Protocol};
use swill_ws::handshake::{accept_key, valid_key};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    runtime::Builder,
    time::timeout,
};

const HOUR: Duration = Duration::from_secs(3600);

/// A page elsewhere that may connect.
const ALLOWED: &str = "https://allowed.example";

pub(crate) fn run(input: &[u8]) {
    let [piece, request @ ..] = input else { return };
    let answers = [request.len(), 1, 1 + usize::from(*piece)].map(|piece| {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime starts").block_on(ask(request, piece))
    });
    let (first, second, third) = (dateless(&answers[0]), dateless(&answers[1]), dateless(&answers[2]));
    assert_eq!(first, second, "the pieces matter");
    assert_eq!(first, third, "the pieces matter");
    check(request, &answers[0]);
}

/// What the server says, up to the end of the connection or of the opening handshake.
async fn ask(request: &[u8], piece: usize) -> Vec<u8> {
    static ROUTES: OnceLock<axum::Router> = OnceLock::new();
    let routes = ROUTES.get_or_init(|| {
        let module = Module::new().handle("add", ["a", "b"], async |a: i64, b: i64| a + b);
        let protocols = [Protocol::json_rpc(), Protocol::swill(), Protocol::events()];
        let app = App::new().module(module).protocols(protocols).allow_origin(ALLOWED).compression();
        routes(app.paths(["/", "/ws/{room}"]))
    });
    let (ours, theirs) = duplex(1 << 20);
    let task = serve(routes.clone(), ours);
    let (mut reading, mut writing) = tokio::io::split(theirs);
    for piece in request.chunks(piece.max(1)) {
        if writing.write_all(piece).await.is_err() {
            break;
        }
        // What is written in turns is read in turns.
        tokio::task::yield_now().await;
    }
    // Who hangs up at once is not answered. By then the server waits for no head any more.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let _ = writing.shutdown().await;
    let mut answer = Vec::new();
    let end = timeout(HOUR, reading.read_to_end(&mut answer)).await;
    end.expect("every connection ends").expect("a pipe does not break");
    task.await.expect("nobody panics");
    answer
}

/// An answer up to where the WebSocket begins, without what changes with time. Whether a request that is none is answered at
/// all depends on how it came.
fn dateless(answer: &[u8]) -> String {
    let answer = String::from_utf8_lossy(answer);
    let answer = answer.split("HTTP/1.1 400 ").next().unwrap_or_default();
    let end = match answer.starts_with("HTTP/1.1 101 ") {
        true => answer.find("\r\n\r\n").map_or(answer.len(), |end| end + 4),
        false => answer.len(),
    };
    answer[..end].split("\r\n").filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\r\n")
}

/// Whether an answer is one, and whether who was let in may come in (RFC 6455, sections 4.2 and 10.2).
fn check(request: &[u8], answer: &[u8]) {
    if answer.is_empty() {
        return;
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let length = response.parse(answer).expect("what is answered is HTTP");
    assert!(length.is_complete());
    let of_answer = |name: &str| -> Vec<&str> {
        let named = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| std::str::from_utf8(header.value).expect("we say text")).collect()
    };
    let status = response.code.expect("there is a status");
    if status != 101 {
        assert!((200..600).contains(&status), "{status}");
        return;
    }

    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut request_head = httparse::Request::new(&mut headers);
    // Empty lines before a request are passed over.
    let length = request_head.parse(request).expect("who is let in speaks HTTP");
    assert!(length.is_complete(), "who is let in has asked");
    let all = |name: &str| -> Vec<String> {
        let named = request_head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| String::from_utf8_lossy(header.value).trim().to_owned()).collect()
    };
    let holds = |name: &str, wanted: &str| {
        all(name).join(",").split(',').any(|element| element.trim().eq_ignore_ascii_case(wanted))
    };
    assert_eq!((request_head.method, request_head.version), (Some("GET"), Some(1)));
    assert!(holds("upgrade", "websocket") && holds("connection", "upgrade"));
    assert_eq!(all("sec-websocket-version"), ["13"]);
    let keys = all("sec-websocket-key");
    let [key] = &keys[..] else { panic!("one key") };
    assert!(valid_key(key));
    assert_eq!(of_answer("sec-websocket-accept"), [accept_key(key)]);
    assert!(all("host").len() <= 1, "one host");

    let chosen = of_answer("sec-websocket-protocol");
    match chosen[..] {
        [] => {}
        [chosen] => {
            assert!(holds("sec-websocket-protocol", chosen), "{chosen} was not offered");
            assert!(["jsonrpc", "swill/1", "swill.1", "events"].contains(&chosen), "{chosen} is not spoken");
        }
        _ => panic!("two subprotocols"),
    }

    // Another page comes in only if it is allowed, or of the same host.
    let origins = all("origin");
    assert!(origins.len() <= 1, "one page asks");
    for origin in origins {
        let allowed = origin.eq_ignore_ascii_case(ALLOWED)
            || origin.eq_ignore_ascii_case(&format!("{ALLOWED}:443"))
            || all("host").iter().any(|host| is_of(&origin, host));
        assert!(allowed, "{origin} comes in at {:?}", all("host"));
    }
}

/// Whether a page is of a host.
fn is_of(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let usual = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |text: &str| {
        let text = text.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        text.strip_suffix(usual).map(str::to_owned).unwrap_or(text)
    };
    bare(authority) == bare(host)
}
