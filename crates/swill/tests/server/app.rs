//! Apps: names, paths, the opening handshake.

use crate::common::*;
use std::sync::{Arc, Mutex};
use swill::{App, Context, Error, Handshake, Hook, Limits, Module, Peer, Protocol, Result, Value};
use tokio::{io::AsyncWriteExt, net::TcpStream};

fn answers(name: &'static str, value: i64) -> Module {
    Module::new().handle(name, [], async move || value)
}

fn procedure(name: &'static str, value: i64) -> swill::Procedure {
    answers(name, value).procedures().next().expect("it has one").clone()
}

#[tokio::test]
async fn names_are_unique_or_replaced_on_purpose() {
    let twice = App::new().module(answers("a", 1)).module(answers("a", 2));
    let error = twice.bind("127.0.0.1:0").await.expect_err("two have the same name");
    assert!(error.message().starts_with("two procedures are called `a`"), "{error}");
    assert_eq!(error.source().expect("a reason").to_string(), error.message());
    let nothing = App::new().replace(procedure("a", 1)).into_router().expect_err("nothing to replace");
    assert_eq!(nothing.source().expect("a reason").to_string(), "there is no procedure `a` to replace");
    let long: &'static str = "x".repeat(256).leak();
    assert!(App::new().module(answers(long, 1)).into_router().is_err());
    assert!(App::new().module(answers(&long[1..], 1)).into_router().is_ok());

    let app = || {
        App::new()
            .module(answers("a", 1))
            .nest("m", answers("a", 2).nest("n", answers("b", 3)))
            .module(Module::named("m").handle("c", [], async || 4))
            .module(answers("z", 5))
            .replace(procedure("a", 6))
            .replace(procedure("m.a", 7))
    };
    assert_eq!(app().procedures(), ["a", "m.a", "m.n.b", "m.c", "z"]);
    let server = serve(app()).await;
    let mut client = server.connect().await;
    for (name, value) in [("a", 6), ("m.a", 7), ("m.n.b", 3), ("m.c", 4), ("z", 5)] {
        assert_eq!(client.call(1, name, ()).await, Ok(Value::from(value)), "{name}");
    }
    for name in ["", "m", "m.", "b", "M.a", "m.n"] {
        assert_eq!(client.refused(1, name, ()).await, 404, "{name:?}");
    }
    client.goodbye().await;
}

#[tokio::test]
async fn bad_paths_are_errors() {
    for path in ["", "rooms", "/:room", "/*rest", "/{room", "/room}", "/{}", "/{*}", "/{a}{b}", "/{*a}/b"] {
        let error = App::new().module(answers("a", 1)).paths([path.to_owned()]).into_router();
        assert!(error.is_err(), "{path:?} is served");
    }
    for (app, why) in [
        (App::new().paths(["rooms"]), "a path begins with a slash"),
        (App::new().paths(["/{room"]), "Parameters must be registered with a valid name"),
        (App::new().paths(["/a", "/a"]), "the path `/a` cannot be served: it is taken already"),
        (
            App::new().module(answers("a", 1)).mount("/ws", App::new()),
            "`/ws` cannot be served: it is taken already",
        ),
        (
            App::new().paths(["/{a}"]).mount("/{b}", App::new()),
            "`/{b}` cannot be served: `/{a}` is in its way",
        ),
    ] {
        let error = app.into_router().expect_err(why);
        let text = error.source().expect("a cause").to_string();
        assert!(text.contains(why), "{text}");
    }
}

struct Rooms;

#[swill::module]
impl Rooms {
    async fn room(&self, peer: &Peer) -> Option<String> {
        peer.request().parameter("room").map(str::to_owned)
    }
}

#[tokio::test]
async fn apps_are_mounted_below_each_other() {
    let app = App::new()
        .module(answers("who", 1))
        .mount(
            "/rooms/{room}",
            App::new()
                .module(Rooms)
                .module(answers("who", 2))
                .mount("/inner", App::new().module(answers("who", 3))),
        )
        .mount("/small", App::new().module(answers("who", 4)).limits(Limits::default().message(100)));
    let server = serve(app).await;
    for (path, value) in
        [("/", 1), ("/ws", 1), ("/ws?a=b", 1), ("/rooms/7", 2), ("/rooms/7/inner", 3), ("/small", 4)]
    {
        let mut client = server.connect_to(path, &[]).await;
        assert_eq!(client.call(1, "who", ()).await, Ok(Value::from(value)), "{path}");
        if path == "/rooms/7" {
            assert_eq!(client.call(2, "room", ()).await, Ok(Value::from("7")));
        }
        client.goodbye().await;
    }
    let mut client = server.connect_to("/rooms/a%20b", &[]).await;
    assert_eq!(client.call(1, "room", ()).await, Ok(Value::from("a b")));
    client.goodbye().await;
    let mut client = server.connect_to("/small", &[]).await;
    let _ = client.try_write(&frame(0x82, &[0xc0; 101])).await;
    assert_eq!(client.closed().await, Some(1009));
    for path in ["/rooms", "/rooms/", "/rooms/7/", "/rooms/7/other", "/nowhere", "/WS", "/ws/"] {
        assert_eq!(server.upgrade(path, &[]).await.1.status, 404, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_app_is_a_router() {
    async fn add_header(
        request: axum::extract::Request,
        next: axum::middleware::Next,
    ) -> axum::response::Response {
        let mut response = next.run(request).await;
        response.headers_mut().insert("x-layer", "was here".parse().expect("a value"));
        response
    }
    let rpc = Probe::new().app().paths(["/rpc"]).into_router().expect("it can be served");
    let router = axum::Router::new()
        .route("/health", axum::routing::get(async || "fine"))
        .merge(rpc)
        .layer(axum::middleware::from_fn(add_header));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move { axum::serve(listener, router).await });
    let (_, health) = exchange(address, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((health.status, health.text()), (200, "fine"));
    let (socket, response) =
        exchange(address, &handshake("/rpc", &[("Sec-WebSocket-Protocol", "swill.1")])).await;
    assert_eq!((response.status, response.header("x-layer")), (101, Some("was here")));
    let mut client = Client::new(socket, &response.body, PATIENCE);
    assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    client.request(2, "count", 1000).await;
    for number in 0..1000_u64 {
        assert_eq!(client.answer().await.data, Value::from(number));
    }
    assert_eq!(client.answer().await.kind, END);
    client.goodbye().await;
    task.abort();
}

#[tokio::test]
async fn requests_that_open_no_websocket_are_refused() {
    let server = serve(Probe::new().app()).await;
    let good = handshake("/", &[("Sec-WebSocket-Protocol", "swill/1")]);
    let with = |old: &str, new: &str| {
        assert!(good.contains(old), "{old}");
        good.replace(old, new)
    };
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (what, request, status) in [
        ("plain HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n".into(), 426),
        ("POST", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".into(), 426),
        ("an upgrade by POST", with("GET", "POST"), 400),
        ("HTTP/1.0", with("HTTP/1.1", "HTTP/1.0"), 400),
        ("no Upgrade", with("Upgrade: websocket\r\n", ""), 426),
        ("another upgrade", with("Upgrade: websocket", "Upgrade: h2c"), 426),
        ("no Connection", with("Connection: Upgrade\r\n", ""), 426),
        ("no key", with(key, ""), 400),
        ("two keys", with(key, &key.repeat(2)), 400),
        ("a short key", with("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400),
        ("no version", with("Sec-WebSocket-Version: 13\r\n", ""), 426),
        ("version 8", with("Version: 13", "Version: 8"), 426),
        ("no host", with("Host: swill.example\r\n", ""), 400),
        ("two hosts", with("Host: swill.example\r\n", "Host: swill.example\r\nHost: evil\r\n"), 400),
        ("a host that is none", with("Host: swill.example", "Host: swill example"), 400),
        ("an empty host", with("Host: swill.example", "Host:"), 400),
        ("a user of the host", with("Host: swill.example", "Host: you@swill.example"), 400),
        ("a port that is none", with("Host: swill.example", "Host: swill.example:http"), 400),
        ("a port beyond all", with("Host: swill.example", "Host: swill.example:99999"), 400),
        ("a port", with("Host: swill.example", "Host: swill.example:8000"), 101),
        ("a host of version 6", with("Host: swill.example", "Host: [::1]:80"), 101),
        ("a whole URI", with("GET /", "GET http://Swill.example/"), 101),
        ("a URI of another host", with("GET /", "GET http://evil.example/"), 400),
        ("a URI with a user", with("GET /", "GET http://you@swill.example/"), 400),
        ("a URI of another scheme", with("GET /", "GET ftp://swill.example/"), 400),
        ("a body", with("Host:", "Content-Length: 5\r\nHost:") + "hello", 400),
        ("a body in chunks", with("Host:", "Transfer-Encoding: chunked\r\nHost:") + "0\r\n\r\n", 400),
        ("no subprotocol", with("Sec-WebSocket-Protocol: swill/1\r\n", ""), 101),
        ("another subprotocol", with("swill/1", "swill/9"), 406),
        ("another path", with("GET /", "GET /nowhere"), 404),
        ("no HTTP", "hello\r\n\r\n".into(), 400),
        ("a blank before the colon", with("Host:", "Host :"), 400),
    ] {
        assert_eq!(server.status(&request).await, status, "{what}");
    }
    let (_, response) = exchange(server.address, &with("Version: 13", "Version: 8")).await;
    assert_eq!(response.header("sec-websocket-version"), Some("13"));
    // After a refusal the same TCP connection may ask again.
    let mut socket = TcpStream::connect(server.address).await.expect("it listens");
    for (request, status) in [
        ("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426),
        (&good, 101),
    ] {
        socket.write_all(request.as_bytes()).await.expect("it reads");
        assert_eq!(response_of(&mut socket).await, status);
    }
    let mut client = Client::new(socket, &[], PATIENCE);
    assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    client.goodbye().await;
    // What comes with the handshake in the same packet is not lost.
    let mut early = good.clone().into_bytes();
    early.extend(frame(0x82, &message(1, (1, 2), "add", MESSAGE, None)));
    let mut socket = TcpStream::connect(server.address).await.expect("it listens");
    socket.write_all(&early).await.expect("it reads");
    let response = crate::common::response(&mut socket).await.expect("an answer");
    let mut client = Client::new(socket, &response.body, PATIENCE);
    assert_eq!(client.answer().await.data, Value::from(3));
    client.goodbye().await;
    server.stop().await;
}

async fn response_of(socket: &mut TcpStream) -> u16 {
    response(socket).await.expect("an answer").status
}

#[tokio::test]
async fn who_cannot_serve_is_told_why() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = taken.local_addr().expect("it listens").to_string();
    for (what, app, address, why) in [
        ("an address that is taken", App::new(), &*address, &*format!("cannot listen on {address}")),
        ("no address", App::new(), "nonsense", "no host and port"),
        ("a path that is none", App::new().paths(["nowhere"]), "127.0.0.1:0", "a path begins with a slash"),
        ("no protocol", App::new().protocols([]), "127.0.0.1:0", "the app speaks no protocol"),
    ] {
        let error = app.bind(address).await.expect_err(what);
        assert!(error.to_string().contains(why), "{what}: {error}");
    }
}

/// What waits to be accepted is more than the system keeps by itself, which is 128: who came later would have to come again,
/// after a second at the earliest.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_crowd_may_come_at_once() {
    const CROWD: usize = 200;
    let server = App::new().bind("127.0.0.1:0").await.expect("a free port");
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("it can be read");
    let crowd = CROWD.min(most.trim().parse().expect("a number"));
    let mut waiting = Vec::new();
    for number in 0..crowd {
        let come = tokio::time::timeout(PATIENCE, TcpStream::connect(server.local_addr())).await;
        waiting.push(come.unwrap_or_else(|_| panic!("nobody waits after {number}")).expect("it listens"));
    }
    assert_eq!(waiting.len(), crowd);
}

#[tokio::test]
async fn origins_and_subprotocols_are_looked_at() {
    let server = serve(Probe::new().app().allow_origin("https://app.example")).await;
    for (origin, status) in [
        ("http://swill.example", 101),
        ("https://swill.example", 101),
        ("https://app.example", 101),
        ("https://app.example.evil", 403),
        ("http://evil", 403),
        ("http://swill.example.evil", 403),
        ("http://swill.example@evil", 403),
        ("null", 403),
        ("file://", 403),
    ] {
        assert_eq!(server.upgrade("/", &[("Origin", origin)]).await.1.status, status, "{origin}");
    }
    for (offers, chosen) in [
        (&["swill/1"][..], Some("swill/1")),
        (&["swill.1"], Some("swill.1")),
        (&["other, swill.1, swill/1"], Some("swill.1")),
        (&["other", "swill/1"], Some("swill/1")),
        (&["swill.token.c2VjcmV0, swill.1"], Some("swill.1")),
        (&["jsonrpc"], Some("jsonrpc")),
        (&["jsonrpc, swill/1"], Some("jsonrpc")),
        (&["other"], None),
        (&["SWILL/1"], None),
        (&["swill/1x"], None),
    ] {
        let headers: Vec<_> = offers.iter().map(|offer| ("Sec-WebSocket-Protocol", *offer)).collect();
        let (_, response) = exchange(server.address, &handshake("/", &headers)).await;
        assert_eq!(response.status, if chosen.is_some() { 101 } else { 406 }, "{offers:?}");
        assert_eq!(response.header("sec-websocket-protocol"), chosen, "{offers:?}");
        assert!(!format!("{response:?}").contains("c2VjcmV0"), "a token is echoed");
        if chosen.is_none() {
            assert_eq!(response.text(), "No suitable subprotocol");
        }
    }
    // Who names no protocol gets the default, and a token names none.
    for offers in [&[][..], &["swill.token.c2VjcmV0"], &[""]] {
        let headers: Vec<_> = offers.iter().map(|offer| ("Sec-WebSocket-Protocol", *offer)).collect();
        let (_, response) = exchange(server.address, &handshake("/", &headers)).await;
        assert_eq!((response.status, response.header("sec-websocket-protocol")), (101, None), "{offers:?}");
    }
    server.stop().await;
    let server = serve(Probe::new().app().protocols([Protocol::swill()])).await;
    let (_, response) = exchange(server.address, &handshake("/", &[])).await;
    assert_eq!((response.status, response.text()), (406, "No suitable subprotocol"), "it is not the default");
    server.stop().await;
}

#[tokio::test]
async fn compression_is_negotiated_only_when_it_is_on() {
    for on in [false, true] {
        let app = Probe::new().app();
        let server = serve(if on { app.compression() } else { app }).await;
        for (offer, accepted) in [("permessage-deflate", true), ("permessage-bzip2", false)] {
            let (_, response) = server.upgrade("/", &[("Sec-WebSocket-Extensions", offer)]).await;
            assert_eq!(response.status, 101);
            assert_eq!(response.header("sec-websocket-extensions").is_some(), on && accepted, "{on} {offer}");
        }
        server.stop().await;
    }
}

struct User(String);

impl swill::FromContext for User {}

/// Looks at the handshake, and puts what it saw into answer and connection.
struct Login(Arc<Mutex<Vec<String>>>);

impl Hook for Login {
    async fn before_connection(&self, handshake: &mut Handshake) -> Result<()> {
        let request = handshake.request();
        let seen = [
            request.path(),
            request.query(),
            &request.query_value("a").unwrap_or_default(),
            request.header("X-Thing").unwrap_or_default(),
            request.cookie("session").unwrap_or_default(),
            request.token().unwrap_or_default(),
        ]
        .map(str::to_owned);
        assert!(request.remote_addr().is_some_and(|it| it.ip().is_loopback()));
        assert!(
            !format!("{request:?} {handshake:?}").contains("secret"),
            "cookies and tokens do not belong into logs"
        );
        let token = seen[5].clone();
        self.0.lock().unwrap().extend(seen);
        if !token.is_empty() {
            handshake.insert(User(token));
        }
        handshake.add_header("X-Answer", "1")?;
        handshake.add_header("X-Answer", "2")?;
        handshake.set_cookie("session=new; HttpOnly")?;
        assert!(handshake.add_header("X-Bad", "a\r\nX-Evil: b").is_err());
        Ok(())
    }
}

struct Profile;

#[swill::module]
impl Profile {
    async fn name(&self, user: &User) -> String {
        user.0.clone()
    }

    async fn name_of_peer(&self, cx: &Context) -> Result<String> {
        let user = cx.peer().state::<User>().ok_or_else(|| Error::new(404, "nobody"))?;
        Ok(user.0.clone())
    }
}

#[tokio::test]
async fn hooks_see_the_request_and_add_to_the_answer() {
    let seen = Arc::default();
    let server = serve(App::new().module(Profile).hook(Login(Arc::clone(&seen)))).await;
    let headers =
        &[("X-Thing", "thing"), ("Cookie", "a=b; session=\"secret1\""), ("Authorization", "Bearer secret2")];
    let (socket, response) = server.upgrade("/ws?a=%20x&b", headers).await;
    assert_eq!(*seen.lock().unwrap(), ["/ws", "a=%20x&b", " x", "thing", "secret1", "secret2"]);
    assert_eq!(response.headers("x-answer"), ["1", "2"]);
    assert_eq!(response.headers("set-cookie"), ["session=new; HttpOnly"]);
    let mut client = Client::new(socket, &response.body, PATIENCE);
    assert_eq!(client.call(1, "name", ()).await, Ok(Value::from("secret2")));
    assert_eq!(client.call(1, "name_of_peer", ()).await, Ok(Value::from("secret2")));
    client.goodbye().await;
    let mut client = server.connect_to("/", &[("Sec-WebSocket-Protocol", "swill.token.abc")]).await;
    assert_eq!(client.call(1, "name", ()).await, Ok(Value::from("abc")));
    client.goodbye().await;
    let mut client = server.connect().await;
    // Nobody has put a user there: the app's own mistake.
    assert_eq!(client.refused(1, "name", ()).await, 500);
    assert_eq!(client.refused(1, "name_of_peer", ()).await, 404);
    client.goodbye().await;
    server.stop().await;
}

#[tokio::test]
async fn a_procedure_can_close_its_connection() {
    let server = serve(Probe::new().app()).await;
    for (code, on_the_wire) in
        [(1000, 1000), (4001, 4001), (3000, 3000), (401, 1000), (1005, 1000), (1006, 1000), (5000, 1000)]
    {
        for rpc in ["close", "close_by_error"] {
            let mut client = server.connect().await;
            client.request(1, rpc, code).await;
            let mut next = client.next().await;
            if rpc == "close" {
                assert!(matches!(next, Got::Answer(_)), "what was said before is heard: {next:?}");
                next = client.next().await;
            }
            assert_eq!(next, Got::Close(on_the_wire, "bye".into()), "{rpc} {code}");
            assert_eq!(client.next().await, Got::Gone);
        }
    }
    server.stop().await;
}
