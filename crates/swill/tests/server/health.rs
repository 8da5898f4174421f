//! Routes for those who watch over the process.

use crate::common::*;
use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use swill::{App, BuildError, Code, Error, Module, Readiness};
use tokio::net::TcpStream;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n")
}

async fn ask(server: &Server, path: &str) -> (u16, String) {
    let (_, response) = exchange(server.address, &get(path)).await;
    assert_eq!(response.header("cache-control"), Some("no-store"), "{response:?}");
    (response.status, response.text().to_owned())
}

#[tokio::test]
async fn nothing_is_told_unless_asked_for() {
    let server = serve(Probe::new().app()).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.status(&get(path)).await, 404, "{path}");
    }
}

#[tokio::test]
async fn a_server_that_serves_is_alive_and_ready_under_any_host() {
    let app = Probe::new().app().host("swill.example").health("/healthz").readiness("/readyz");
    let server = serve(app).await;
    assert_eq!(ask(&server, "/healthz").await, (200, "alive\n".into()));
    assert_eq!(ask(&server, "/readyz").await, (200, "ready\n".into()));
    let head = "HEAD /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut socket = TcpStream::connect(server.address).await.expect("it listens");
    tokio::io::AsyncWriteExt::write_all(&mut socket, head.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut socket, &mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    let post = "POST /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(server.status(post).await, 405);
}

#[tokio::test]
async fn apps_have_routes_of_their_own_and_paths_once() {
    let inner = App::new().module(Module::new()).health("/healthz");
    let server = serve(Probe::new().app().mount("/inner", inner).health("/healthz")).await;
    for path in ["/healthz", "/inner/healthz"] {
        assert_eq!(ask(&server, path).await.0, 200, "{path}");
    }
    for app in [
        App::new().health("/same").readiness("/same"),
        App::new().paths(["/same"]).readiness("/same"),
        App::new().health("healthz"),
        App::new().readiness(String::from("/:ready")),
    ] {
        let error = app.into_router().expect_err("this cannot be served");
        let why = error.source().and_then(|why| why.downcast_ref());
        assert!(matches!(why, Some(BuildError::BadPath(_))), "{error:?}");
    }
}

#[tokio::test]
async fn readiness_says_no_while_a_check_fails_and_names_it() {
    let (works, runs) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (known, counted) = (Arc::clone(&works), Arc::clone(&runs));
    let database = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let works = known.load(Ordering::SeqCst);
        async move { if works { Ok(()) } else { Err(Error::new(Code::UNAVAILABLE, "a secret of ours")) } }
    };
    let readiness = Readiness::new("/readyz").check("cache", async || Ok(())).check("database", database);
    let server = serve(App::new().readiness(readiness).health("/healthz")).await;
    assert_eq!(ask(&server, "/readyz").await, (200, "ready\n".into()));
    works.store(false, Ordering::SeqCst);
    let asked = async {
        loop {
            let answer = ask(&server, "/readyz").await;
            if answer.0 != 200 {
                return answer;
            }
        }
    };
    let (status, text) = tokio::time::timeout(PATIENCE, asked).await.expect("it is noticed");
    assert_eq!((status, text.as_str()), (503, "not ready: database\n"));
    assert_eq!(ask(&server, "/healthz").await.0, 200, "who is not ready lives");
    // However often somebody asks: at most once per second.
    assert!(runs.load(Ordering::SeqCst) <= 3, "{runs:?}");
}

#[tokio::test]
async fn a_check_that_hangs_or_panics_has_failed() {
    let readiness = Readiness::new("/readyz")
        .check("late", pending)
        .check("broken", || -> std::future::Ready<swill::Result<()>> { panic!("on purpose") })
        .check("fine", async || Ok(()))
        .within(Duration::from_millis(20));
    let server = serve(App::new().readiness(readiness)).await;
    assert_eq!(ask(&server, "/readyz").await, (503, "not ready: late, broken\n".into()));
}

#[tokio::test]
async fn during_its_notice_a_server_is_not_ready_and_goes_on() {
    let probe = Probe::new();
    let app = probe.app().health("/healthz").readiness("/readyz").notice(Duration::from_millis(400));
    let mut server = serve(app).await;
    let mut before = server.connect().await;
    server.handle.shutdown();
    assert_eq!(ask(&server, "/readyz").await, (503, "the server is shutting down\n".into()));
    assert_eq!(ask(&server, "/healthz").await.0, 200);
    let mut after = server.connect().await;
    for client in [&mut before, &mut after] {
        client.request(1, "add", (1, 2)).await;
        assert_eq!(client.answer().await.result(), Ok(3.into()));
    }
    // Told again, it does not end earlier or later.
    server.handle.shutdown();
    assert_eq!((before.closed().await, after.closed().await), (Some(1001), Some(1001)));
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
    drop((before, after));
    server.ended().await;
}

#[tokio::test]
async fn an_app_in_another_server_announces_its_end() {
    let probe = Probe::new();
    let (router, handle) =
        probe.app().readiness("/readyz").into_router_with_handle().expect("it can be served");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it has an address");
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let status = async |path: &str| exchange(address, &get(path)).await.1.status;
    assert_eq!(status("/readyz").await, 200);
    handle.announce();
    assert_eq!(status("/readyz").await, 503);
    let upgrade = handshake("/", &[("Sec-WebSocket-Protocol", "swill/1")]);
    let (_socket, response) = exchange(address, &upgrade).await;
    assert_eq!(response.status, 101, "nothing else has changed");
    handle.shutdown();
    let (_, response) = exchange(address, &upgrade).await;
    assert_eq!(response.status, 503);
    serving.abort();
}
