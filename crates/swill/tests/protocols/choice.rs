//! Which protocol a connection speaks.

use crate::common::*;
use swill::{
    App, Protocol,
    testing::{TestApp, TestPeer},
};
use swill_proto::webmesh::Dialect;

/// What a handshake with these offers ends in: the name of the protocol and the token that is echoed, or the refusal.
async fn chosen(app: &TestApp, path: &'static str, offers: &[&str]) -> (String, Option<String>) {
    match app.peer().path(path).subprotocols(offers.iter().copied()).connect().await {
        Ok(peer) => {
            assert_eq!(peer.call::<i64>("add", (1, 2)).await.expect("it is spoken"), 3);
            (peer.protocol().to_owned(), peer.header("sec-websocket-protocol").map(str::to_owned))
        }
        Err(error) => (error.to_string(), None),
    }
}

#[tokio::test]
async fn a_token_chooses_and_without_one_the_default_answers() {
    let app = || Probe::new().app();
    let apps = TestApp::new(
        app()
            .mount("/swill", app().protocols([Protocol::swill()]))
            .mount("/events", app().protocols([Protocol::swill(), Protocol::events(), Protocol::json_rpc()]))
            .mount("/webmesh", app().protocols([Protocol::webmesh(Dialect::HEAD)])),
    )
    .unwrap();
    const REFUSED: (&str, Option<&str>) = ("406 No suitable subprotocol", None);
    for (path, offers, expected) in [
        ("/", &[][..], ("JSON-RPC 2.0", None)),
        ("/ws", &[], ("JSON-RPC 2.0", None)),
        ("/", &["swill/1"], ("swill/1", Some("swill/1"))),
        ("/", &["swill.1"], ("swill/1", Some("swill.1"))),
        ("/", &["something", "swill.1", "jsonrpc"], ("swill/1", Some("swill.1"))),
        ("/", &["jsonrpc", "swill/1"], ("JSON-RPC 2.0", Some("jsonrpc"))),
        ("/", &["something"], REFUSED),
        ("/", &["events"], REFUSED),
        ("/", &["SWILL/1"], REFUSED),
        ("/swill", &[], REFUSED),
        ("/swill", &["swill/1"], ("swill/1", Some("swill/1"))),
        ("/events", &[], ("events", None)),
        ("/events", &["jsonrpc"], ("JSON-RPC 2.0", Some("jsonrpc"))),
        ("/events", &["events"], ("events", Some("events"))),
        ("/webmesh", &[], ("WebMesh HEAD", None)),
        ("/webmesh", &["webmesh"], ("WebMesh HEAD", Some("webmesh"))),
        ("/webmesh", &["jsonrpc"], REFUSED),
    ] {
        let (name, token) = chosen(&apps, path, offers).await;
        assert_eq!((&*name, token.as_deref()), expected, "{path} with {offers:?}");
    }
}

every_protocol! {
    async fn every_token_asks_for_its_protocol(speaks: &Speaks) {
        let peer = speaks.connect(Probe::new().app()).await;
        assert_eq!(peer.protocol(), (speaks.capabilities)().name);
        assert!(peer.header("sec-websocket-protocol").is_some());
        assert_eq!(peer.close(4000, "bye").await.unwrap().code, 4000);
    }
}

#[tokio::test]
async fn a_peer_speaks_swills_own_if_it_can() {
    for (app, name) in [
        (Probe::new().app(), "swill/1"),
        (Probe::new().app().protocols([Protocol::json_rpc_msgpack()]), "JSON-RPC 2.0 over MessagePack"),
        (Probe::new().app().protocols([Protocol::events(), Protocol::swill()]), "swill/1"),
    ] {
        assert_eq!(TestPeer::connect(app).await.unwrap().protocol(), name);
    }
}

#[tokio::test]
async fn a_peer_says_what_is_wrong_with_its_handshake() {
    let refused = async |connect: swill::testing::Connect| connect.connect().await.unwrap_err().to_string();
    let app = || TestPeer::builder(Probe::new().app());
    assert_eq!(refused(app().path("/elsewhere")).await, "404 ");
    assert_eq!(refused(app().over(Protocol::events())).await, "406 No suitable subprotocol");
    assert_eq!(
        refused(app().over(Protocol::events()).subprotocols(["jsonrpc"])).await,
        "501 the app chose JSON-RPC 2.0 where events was wanted"
    );
    assert_eq!(
        refused(app().header("origin", "https://elsewhere.example")).await,
        "403 pages of this origin may not connect"
    );
    let twice = App::new().module(Services(Probe::new())).module(Services(Probe::new()));
    let error = TestPeer::builder(twice).connect().await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("two procedures are called `add`"), "{error:?}");
    let router = axum::Router::new().route("/", axum::routing::get(|| async { "no WebSocket here" }));
    assert_eq!(refused(TestApp::from(router).peer()).await, "200 no WebSocket here");
}

/// The names of the protocols whose capabilities are so.
fn those(carries: impl Fn(&swill_proto::Capabilities) -> bool) -> Vec<&'static str> {
    ALL.iter().filter(|it| carries((it.capabilities)())).map(|it| it.name).collect()
}

// What each of them carries, to be held against what the protocols say themselves.
every_protocol! {
    async fn all(speaks: &Speaks) {
        assert!(RUNS_OVER.contains(&speaks.name));
    }

    #[parallel]
    async fn parallel(speaks: &Speaks) {
        assert!(!(speaks.capabilities)().serial);
    }

    #[streams_out]
    async fn streams_out(speaks: &Speaks) {
        assert!((speaks.capabilities)().streams_out);
    }

    #[calls_peer]
    async fn calls_peer(speaks: &Speaks) {
        assert!((speaks.capabilities)().calls_peer);
    }

    #[notifies_peer]
    async fn notifies_peer(speaks: &Speaks) {
        assert!((speaks.capabilities)().notifies_peer);
    }
}

#[test]
fn tests_run_over_every_protocol_that_can_carry_them() {
    assert_eq!(all::RUNS_OVER, those(|_| true));
    assert_eq!(parallel::RUNS_OVER, those(|it| !it.serial));
    assert_eq!(streams_out::RUNS_OVER, those(|it| it.streams_out));
    assert_eq!(calls_peer::RUNS_OVER, those(|it| it.calls_peer));
    assert_eq!(notifies_peer::RUNS_OVER, those(|it| it.notifies_peer));
}
