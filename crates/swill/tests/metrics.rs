//! What is counted, read as Prometheus reads it: over HTTP.
#![cfg(feature = "metrics")]

mod common;

use common::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use swill::{App, Limits, Metrics, Module, Protocol};
use tokio::{net::TcpStream, time::timeout};

/// What a scrape says: each series, as it is written, and its value.
#[derive(Debug)]
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    fn read(text: &str) -> Self {
        assert!(text.ends_with("# EOF\n"), "OpenMetrics ends with a line that says so: {text}");
        let mut families = BTreeSet::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (family, _) = line.split_once(' ').expect("a family and its type");
            assert!(families.insert(family), "two families have the name {family}");
        }
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut series = BTreeMap::new();
        for line in lines {
            let (name, value) = line.rsplit_once(' ').expect("a line is a name and a value");
            let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(series.insert(name.to_owned(), value).is_none(), "a series comes once: {line}");
        }
        Self(series)
    }

    /// The value of a series; 0 if it is not there.
    fn get(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or(0.0)
    }
}

async fn scrape_at(server: &Server, path: &str) -> Scrape {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let (_, response) = exchange(server.address, &request).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        response.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert_eq!(response.header("cache-control"), Some("no-store"));
    Scrape::read(response.text())
}

async fn scrape(server: &Server) -> Scrape {
    scrape_at(server, "/metrics").await
}

/// Scrapes until a series has a value.
async fn until_is(server: &Server, series: &str, value: f64) -> Scrape {
    let waiting = async {
        loop {
            let scrape = scrape(server).await;
            if scrape.get(series) == value {
                return scrape;
            }
            tokio::task::yield_now().await;
        }
    };
    match timeout(PATIENCE, waiting).await {
        Ok(scrape) => scrape,
        Err(_) => panic!("{series} is never {value}: {:#?}", scrape(server).await),
    }
}

fn calls(procedure: &str, code: &str) -> String {
    format!("swill_calls_total{{procedure=\"{procedure}\",protocol=\"swill/1\",code=\"{code}\"}}")
}

async fn counted(limits: Limits) -> (Server, Probe) {
    let probe = Probe::new();
    let server = serve(probe.app().limits(limits).metrics(Metrics::new())).await;
    (server, probe)
}

#[tokio::test]
async fn calls_are_counted_by_procedure_and_code() {
    let (server, _) = counted(Limits::default().calls(1).deadline(Duration::from_millis(20))).await;
    let mut client = server.connect().await;
    // Several kinds of calls in one read, so that they are counted in one turn.
    let rounds = (0..40_i64).flat_map(|round| {
        let call = |rpc: &str, data: &dyn Fn() -> Vec<i64>| message(round, data(), rpc, MESSAGE, None);
        [
            call("add", &|| vec![1, 2]),
            call("add", &|| vec![1]),
            call("echo", &|| vec![7]),
            call("fail", &Vec::new),
            call("panic", &Vec::new),
            call("echo", &|| vec![7]),
        ]
    });
    let sent: Vec<_> = rounds.collect();
    client.send_all(&sent).await;
    for _ in &sent {
        client.answer().await;
    }
    client.request(1, "wait", ()).await;
    assert_eq!(client.refused(2, "wait", ()).await, 429);
    assert_eq!(client.answer().await.code(), 504);
    let scrape = until_is(&server, &calls("wait", "504"), 1.0).await;
    for (procedure, code, count) in [
        ("add", "ok", 40.0),
        ("add", "422", 40.0),
        ("echo", "ok", 80.0),
        ("fail", "500", 40.0),
        ("panic", "500", 40.0),
        ("wait", "429", 1.0),
    ] {
        assert_eq!(scrape.get(&calls(procedure, code)), count, "{procedure} {code}");
    }
    let labels = "procedure=\"add\",protocol=\"swill/1\"";
    assert_eq!(scrape.get(&format!("swill_call_duration_seconds_count{{{labels}}}")), 80.0);
    assert_eq!(scrape.get(&format!("swill_call_duration_seconds_bucket{{le=\"+Inf\",{labels}}}")), 80.0);
    assert!(scrape.get(&format!("swill_call_duration_seconds_sum{{{labels}}}")) > 0.0);
    let waited = "swill_call_duration_seconds_sum{procedure=\"wait\",protocol=\"swill/1\"}";
    assert!(scrape.get(waited) >= 0.02, "a call that waits takes as long as it waits: {scrape:#?}");
    let short = "swill_call_duration_seconds_bucket{le=\"0.01\",procedure=\"wait\",protocol=\"swill/1\"}";
    assert_eq!(scrape.get(short), 1.0, "the refused one is quick, the other is not");
    client.goodbye().await;
}

#[tokio::test]
async fn connections_and_handshakes_are_counted() {
    let (server, _) = counted(Limits::default()).await;
    let open = |protocol: &str| format!("swill_connections{{protocol=\"{protocol}\"}}");
    let mut client = server.connect().await;
    let (_json, response) = exchange(server.address, &handshake("/", &[])).await;
    assert_eq!(response.status, 101);
    let now = until_is(&server, &open("JSON-RPC 2.0"), 1.0).await;
    assert_eq!(now.get(&open("swill/1")), 1.0);
    assert_eq!(now.get("swill_http_connections"), 1.0, "the one that asks");
    for headers in [&[("Sec-WebSocket-Protocol", "unknown")][..], &[("Origin", "https://other.example")]] {
        exchange(server.address, &handshake("/", headers)).await;
    }
    server.status(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100_000))).await;
    server.status("GET / HTTP/1.1\r\nHost: a\r\nHost b\r\n\r\n").await;
    client.request(1, "close", 4321).await;
    assert_eq!(client.closed().await, Some(4321));
    drop(client);
    let now = until_is(&server, &open("swill/1"), 0.0).await;
    for (series, value) in [
        ("swill_connections_opened_total{protocol=\"swill/1\"}", 1.0),
        ("swill_connections_closed_total{protocol=\"swill/1\",code=\"other\"}", 1.0),
        ("swill_handshakes_refused_total{status=\"406\"}", 1.0),
        ("swill_handshakes_refused_total{status=\"403\"}", 1.0),
        ("swill_handshakes_refused_total{status=\"431\"}", 1.0),
        ("swill_handshakes_refused_total{status=\"400\"}", 1.0),
        ("swill_limit_hits_total{limit=\"head\"}", 1.0),
        ("swill_limit_hits_total{limit=\"message\"}", 0.0),
        ("swill_accept_errors_total", 0.0),
    ] {
        assert_eq!(now.get(series), value, "{series}");
    }
    server.connect().await.goodbye().await;
    until_is(&server, "swill_connections_closed_total{protocol=\"swill/1\",code=\"1000\"}", 1.0).await;
}

#[tokio::test]
async fn what_goes_over_the_wire_is_counted() {
    let (server, _) = counted(Limits::default()).await;
    let mut client = server.connect().await;
    let sent: Vec<_> = (0..50).map(|seq| message(seq, "x".repeat(100), "echo", MESSAGE, None)).collect();
    let frames = client.framed(&sent);
    client.write(&frames).await;
    let mut received = 0;
    for _ in &sent {
        let answer = client.answer().await;
        received += encode(&(answer.seq as i64, &answer.data, 0, (), ())).len() + 2;
    }
    let scrape = until_is(&server, "swill_sent_messages_total", 50.0).await;
    assert_eq!(scrape.get("swill_received_messages_total"), 50.0);
    assert_eq!(scrape.get("swill_received_bytes_total"), frames.len() as f64);
    assert_eq!(scrape.get("swill_sent_bytes_total"), received as f64);
    client.goodbye().await;
}

#[tokio::test]
async fn what_waits_can_be_seen_and_is_gone_afterwards() {
    let (server, probe) = counted(Limits::default()).await;
    let mut client = server.connect().await;
    client.request(1, "gated_lengths", "x".repeat(1000)).await;
    client.request(2, "endless", 50_000).await;
    let gauge = |scrape: &Scrape, name: &str| scrape.get(name);
    let full = async {
        loop {
            // Nobody reads, so that in the end neither the system nor the outbox has room.
            let scrape = scrape(&server).await;
            if gauge(&scrape, "swill_outbox_bytes") >= 50_000.0 && gauge(&scrape, "swill_unread_bytes") > 0.0
            {
                return scrape;
            }
            tokio::task::yield_now().await;
        }
    };
    let now = timeout(PATIENCE, full).await.expect("what nobody takes waits");
    assert_eq!(gauge(&now, "swill_unread_bytes"), 1000.0 + 3.0 + 64.0, "text of 1000 bytes has a head of 3");
    assert_eq!(gauge(&now, "swill_calls_in_flight"), 2.0);
    assert_eq!(gauge(&now, "swill_streams{direction=\"in\"}"), 1.0);
    assert_eq!(gauge(&now, "swill_streams{direction=\"out\"}"), 1.0);
    drop(client);
    until("nothing runs", || probe.running() == 0).await;
    let after = until_is(&server, "swill_calls_in_flight", 0.0).await;
    for name in [
        "swill_outbox_bytes",
        "swill_unread_bytes",
        "swill_streams{direction=\"in\"}",
        "swill_streams{direction=\"out\"}",
    ] {
        until_is(&server, name, 0.0).await;
    }
    assert!(after.get(&calls("endless", "499")) + after.get(&calls("gated_lengths", "499")) >= 1.0);
}

#[tokio::test]
async fn what_a_slow_peer_takes_in_the_end_waits_no_more() {
    let (server, _) = counted(Limits::default().answer(16 << 20)).await;
    let mut client = server.connect().await;
    for seq in 0..4 {
        client.request(seq, "bytes", 8 << 20).await;
    }
    let waits = async {
        while scrape(&server).await.get("swill_outbox_bytes") < 65_536.0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waits).await.expect("no system keeps all of it");
    for _ in 0..4 {
        client.answer().await;
    }
    until_is(&server, "swill_outbox_bytes", 0.0).await;
    client.goodbye().await;
}

#[tokio::test]
async fn apps_in_an_app_are_counted_with_it_unless_they_count_themselves() {
    let app = || Probe::new().app().protocols([Protocol::swill()]);
    let (outer, own) = (Metrics::new(), Metrics::new().path("/numbers"));
    let server =
        serve(app().metrics(outer).mount("/inner", app()).mount("/alone", app().metrics(own.clone()))).await;
    for path in ["/", "/inner", "/inner", "/alone"] {
        let mut client = server.connect_to(path, &[]).await;
        client.call(1, "add", (1, 2)).await.expect("a sum");
        client.goodbye().await;
    }
    until_is(&server, &calls("add", "ok"), 3.0).await;
    assert_eq!(scrape_at(&server, "/alone/numbers").await.get(&calls("add", "ok")), 1.0);
    assert_eq!(Scrape::read(&own.encode()).get(&calls("add", "ok")), 1.0);
}

#[tokio::test]
async fn no_label_has_what_a_peer_says() {
    let (server, _) = counted(Limits::default()).await;
    let mut client = server.connect().await;
    for seq in 0..20 {
        client.refused(seq, &format!("secret.{seq}"), ()).await;
    }
    until_is(&server, &calls("", "404"), 20.0).await;
    client.goodbye().await;
    let (mut socket, _) = server.upgrade("/", &[]).await;
    use tokio::io::AsyncWriteExt;
    socket.write_all(&frame(0x88, &3999_u16.to_be_bytes())).await.expect("it is open");
    until_is(&server, "swill_connections_closed_total{protocol=\"swill/1\",code=\"other\"}", 1.0).await;
    let text = exchange(server.address, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await.1;
    assert!(!text.text().contains("secret") && !text.text().contains("3999"), "{}", text.text());
}

#[tokio::test]
async fn only_those_who_may_see_numbers() {
    let get = async |metrics: Metrics, header: &str| {
        let server = serve(App::new().module(Module::new()).metrics(metrics)).await;
        server.status(&format!("GET /metrics HTTP/1.1\r\nHost: a\r\n{header}\r\n")).await
    };
    let secret = || Metrics::new().password("ann", "secret").bearer("token");
    let closed = || Metrics::new().guard(|_| Err(swill::Error::new(404, "nothing")));
    // ann:secret and ann:wrong in base64.
    for (metrics, header, status) in [
        (secret(), "", 401),
        (secret(), "Authorization: Basic YW5uOnNlY3JldA==\r\n", 200),
        (secret(), "Authorization: Basic YW5uOndyb25n\r\n", 401),
        (secret(), "Authorization: Bearer token\r\n", 200),
        (secret(), "Authorization: Bearer\r\n", 401),
        (Metrics::new().bearer(""), "Authorization: Bearer \r\n", 401),
        (closed(), "", 404),
        (Metrics::new(), "", 200),
        (Metrics::new().no_route(), "", 404),
        (Metrics::new().path("/other"), "", 404),
    ] {
        let what = format!("{metrics:?} {header}");
        assert_eq!(get(metrics, header).await, status, "{what}");
    }
    let server = serve(App::new().module(Module::new()).metrics(Metrics::new()).host("api.example")).await;
    assert_eq!(server.status("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await, 421);
    assert_eq!(server.status("POST /metrics HTTP/1.1\r\nHost: api.example\r\n\r\n").await, 405);
    assert!(App::new().metrics(Metrics::new().path("/ws")).bind("127.0.0.1:0").await.is_err());
}

#[tokio::test]
async fn another_app_can_show_them() {
    let metrics = Metrics::new();
    let probe = Probe::new();
    let server = serve(probe.app().metrics(metrics.clone().no_route())).await;
    let admin = serve(App::new().paths::<&str>([]).metrics(metrics.clone())).await;
    let mut client: Client<TcpStream> = server.connect().await;
    client.call(1, "add", (1, 2)).await.expect("a sum");
    until_is(&admin, &calls("add", "ok"), 1.0).await;
    assert_eq!(scrape(&admin).await.get("swill_connections{protocol=\"swill/1\"}"), 1.0);
    let router = axum::serve(
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a port"),
        metrics.router(),
    );
    let address = router.local_addr().expect("it listens");
    let router = tokio::spawn(router.into_future());
    let (_, response) = exchange(address, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(Scrape::read(response.text()).get(&calls("add", "ok")), 1.0);
    router.abort();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_process_is_there() {
    let (server, _) = counted(Limits::default()).await;
    let scrape = scrape(&server).await;
    assert!(scrape.get("process_resident_memory_bytes") > 1e6);
    assert!(scrape.get("process_open_fds") > 3.0);
    assert!(scrape.get("process_max_fds") >= scrape.get("process_open_fds"));
}
