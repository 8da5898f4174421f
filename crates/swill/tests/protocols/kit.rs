//! The test kit itself, where nothing else shows what it does.

use crate::common::*;
use serde_json::json;
use std::time::{Duration, Instant};
use swill::{
    App, Close, Format, Peer, Protocol, Settings, Subprotocol, Value,
    proto::{Capabilities, Directory, Frame, Held, Message, Outgoing, Protocol as Machine, Received, events},
    testing::{Raw, TestApp, TestPeer},
};

async fn impatient(protocol: Protocol) -> TestPeer {
    let app = Probe::new().app().protocols([protocol]);
    TestPeer::builder(app).patience(Duration::from_millis(200)).connect().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_wait_lasts_for_ever() {
    let start = Instant::now();
    let peer = impatient(Protocol::swill()).await;
    let sender = peer.request("total").stream_in::<i64>().await.unwrap();
    let mut items = peer.stream::<i64>("wait", ()).await.unwrap();
    for (what, error) in [
        ("what `wait` says", peer.call::<()>("wait", ()).await.unwrap_err()),
        ("what `total` says", sender.answer().await.unwrap_err()),
        ("what `wait` says", items.next().await.unwrap().unwrap_err()),
        ("a notification", peer.heard().await.unwrap_err()),
        ("a message", peer.receive_raw().await.unwrap_err()),
        ("the end of the connection", peer.closed().await.unwrap_err()),
    ] {
        assert_eq!(error.code().0, 504, "{error:?}");
        assert_eq!(error.message(), format!("waited 200ms for {what}, which did not come"));
    }
    assert!(start.elapsed() >= Duration::from_millis(1200), "these are milliseconds of the real clock");
    let silent = TestApp::from(axum::Router::new().fallback(std::future::pending::<()>));
    let error = silent.peer().patience(Duration::from_millis(200)).connect().await.unwrap_err();
    assert_eq!(error.message(), "waited 200ms for the answer to the opening handshake, which did not come");
}

#[tokio::test]
async fn after_the_end_everything_says_so() {
    let peer = impatient(Protocol::json_rpc()).await;
    peer.send_text("{").await.unwrap();
    peer.ping().await.unwrap();
    let close = peer.close(4321, "enough").await.unwrap();
    assert_eq!(close.code, 4321);
    // What had come before can still be had.
    assert!(matches!(peer.receive_raw().await.unwrap(), Raw::Text(text) if text.contains("Parse error")));
    for error in [
        peer.call::<()>("nothing", ()).await.unwrap_err(),
        peer.stream::<()>("count", 1).await.unwrap_err(),
        peer.heard().await.unwrap_err(),
        peer.receive_raw().await.unwrap_err(),
    ] {
        assert!(error.outcome_unknown() && error.message().contains("4321"), "{error:?}");
    }
    assert_eq!(peer.closed().await.unwrap(), close, "it stays so");
}

#[tokio::test]
async fn an_app_that_is_shut_down_closes_its_connections() {
    let app = TestApp::new(Probe::new().app()).unwrap();
    let peer = app.peer().connect().await.unwrap();
    app.shutdown();
    assert_eq!(peer.closed().await.unwrap().code, 1001);
    assert_eq!(app.peer().connect().await.unwrap_err().code().0, 503);
}

struct Seen;

#[swill::module]
impl Seen {
    /// What the app sees of the request that opened the connection.
    async fn seen(&self, peer: &Peer) -> Vec<Option<String>> {
        let request = peer.request();
        let texts = [
            Some(request.path()),
            Some(request.query()),
            request.parameter("room"),
            request.header("x-test"),
            request.header("host"),
        ];
        let remote = request.remote_addr().map(|it| it.to_string());
        texts.into_iter().map(|text| text.map(str::to_owned)).chain([remote]).collect()
    }
}

#[tokio::test]
async fn the_request_is_as_it_was_asked_for() {
    let app = TestApp::new(App::new().module(Seen).paths(["/rooms/{room}"])).unwrap();
    let plain = app.peer().path("/rooms/7").connect().await.unwrap();
    let seen: Vec<Option<String>> = plain.call("seen", ()).await.unwrap();
    let expected = [Some("/rooms/7"), Some(""), Some("7"), None, Some("localhost"), Some("127.0.0.1:50000")];
    assert_eq!(seen, expected.map(|it| it.map(str::to_owned)));
    let other = app.peer().path("/rooms/8").query("a", "b c").query("d", "&").header("X-Test", "yes");
    let other = other.header("Host", "calc.example").remote("192.0.2.1:99".parse().unwrap());
    let seen: Vec<Option<String>> = other.connect().await.unwrap().call("seen", ()).await.unwrap();
    let expected = ["/rooms/8", "a=b+c&d=%26", "8", "yes", "calc.example", "192.0.2.1:99"];
    assert_eq!(seen, expected.map(|it| Some(it.to_owned())));
}

#[tokio::test]
async fn parameters_by_position_become_parameters_by_name_where_there_are_no_positions() {
    let peer = EVENTS.connect(Probe::new().app()).await;
    assert_eq!(peer.call::<Value>("echo", "x").await.unwrap(), Value::from("x"));
    let list: Value = peer.call("echo", (["x", "y"],)).await.unwrap();
    assert_eq!(list, Value::List(vec!["x".into(), "y".into()]));
    let error = peer.call::<i64>("add", (1, 2, 3)).await.unwrap_err();
    assert_eq!((error.code().0, error.message()), (422, "`add` has 2 parameters, not 3"));
    assert_eq!(peer.try_receive_raw().into_iter().count(), 1);
}

#[tokio::test]
async fn items_that_nobody_takes_stop_the_reading_but_not_for_ever() {
    let probe = Probe::new();
    let peer = SWILL.connect(probe.app()).await;
    let mut stream = peer.stream::<String>("endless", 10).await.unwrap();
    let mut before = u64::MAX;
    until("nothing more is produced", || {
        std::mem::replace(&mut before, probe.produced()) == probe.produced()
    })
    .await;
    assert!(probe.produced() < 20_000, "{}", probe.produced());
    for number in 0..5000 {
        assert_eq!(stream.next().await.unwrap().unwrap(), format!("{number:010}"));
    }
    let other = peer.stream::<u64>("count", 5000).await.unwrap();
    drop(stream);
    assert_eq!(other.collect().await.unwrap().len(), 5000, "what is not wanted any more takes no room");
}

/// A protocol of one's own, with or without a machine for clients.
#[derive(Debug)]
struct Own {
    for_clients: bool,
}

static OWN: Capabilities = Capabilities::basic("my own", Format::Json);

/// Says what events say under another name.
struct Renamed<P>(P);

impl<P: Machine> Machine for Renamed<P> {
    fn capabilities(&self) -> &'static Capabilities {
        &OWN
    }

    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        self.0.receive(message, directory, out)
    }

    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        self.0.send(frame, out)
    }

    fn held(&self) -> Held {
        self.0.held()
    }
}

impl Subprotocol for Own {
    fn tokens(&self) -> &'static [&'static str] {
        &["my.own"]
    }

    fn capabilities(&self) -> &'static Capabilities {
        &OWN
    }

    fn start(&self, _: &Settings<'_>) -> Box<dyn Machine> {
        Box::new(Renamed(events::Server::new()))
    }

    fn client(&self) -> Option<Box<dyn Machine>> {
        self.for_clients.then(|| Box::new(Renamed(events::Client::new())) as _)
    }
}

#[tokio::test]
async fn a_protocol_of_ones_own_is_spoken_if_it_can_be() {
    let app = |for_clients| Probe::new().app().protocols([Protocol::custom(Own { for_clients })]);
    let own = TestPeer::builder(app(true)).over(Protocol::custom(Own { for_clients: true })).connect();
    let peer = own.await.unwrap();
    assert_eq!(peer.protocol(), "my own");
    assert_eq!(peer.call::<i64>("add", json!({"a": 1, "b": 2})).await.unwrap(), 3);
    let error = TestPeer::builder(app(false)).subprotocols(["my.own"]).connect().await.unwrap_err();
    assert_eq!((error.code().0, error.message()), (501, "my own has no machine for its clients"));
}
