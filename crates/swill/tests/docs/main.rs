//! The docs page from outside: where it is, who gets it, and what is said with it.
#![cfg(feature = "docs")]

#[path = "../common/mod.rs"]
mod common;
mod guard;

use common::{Response, Server, exchange, serve};
use flate2::read::GzDecoder;
use guard::authorization;
use std::{collections::BTreeSet, io::Read};
use swill::{App, Docs, Module};

/// Everything that belongs to the page, below it.
const PARTS: [(&str, &str); 4] = [
    ("/docs", "text/html; charset=utf-8"),
    ("/docs/app.js", "text/javascript; charset=utf-8"),
    ("/docs/app.css", "text/css; charset=utf-8"),
    ("/docs/icon.svg", "image/svg+xml"),
];

/// The files of the description.
const FILES: [&str; 3] = ["/swill.json", "/openrpc.json", "/asyncapi.json"];

fn app() -> App {
    App::new().module(Module::new().handle("ping", [], async || ()))
}

async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = format!("{method} {path} HTTP/1.1\r\n");
    let host = [("Host", "swill.example"), ("Connection", "close")];
    let given = |name: &str| headers.iter().any(|(given, _)| *given == name);
    for (name, value) in host.iter().filter(|(name, _)| !given(name)).chain(headers) {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    exchange(server.address, &request).await.1
}

async fn get(server: &Server, path: &str) -> Response {
    ask(server, "GET", path, &[]).await
}

async fn status(server: &Server, path: &str) -> u16 {
    get(server, path).await.status
}

#[tokio::test]
async fn the_page_is_there_with_all_of_its_parts() {
    let server = serve(app().docs(true)).await;
    for (path, kind) in PARTS {
        let response = get(&server, path).await;
        assert_eq!((response.status, response.header("content-type")), (200, Some(kind)), "{path}");
        assert!(!response.text().is_empty(), "{path}");
        assert_eq!(response.header("content-encoding"), None, "{path}");
        assert_eq!(response.header("cache-control"), Some("no-cache"), "{path}");
    }
    let page = get(&server, "/docs").await;
    for (path, _) in &PARTS[1..] {
        assert!(page.text().contains(&format!("\"{}\"", &path[1..])), "{path}");
    }
    let slash = get(&server, "/docs/").await;
    assert_eq!((slash.status, slash.header("location")), (308, Some("../docs")));
    assert_eq!(status(&server, "/docs/other.js").await, 404);
}

#[tokio::test]
async fn a_browser_may_do_with_it_no_more_than_it_needs() {
    let server = serve(app().docs(Docs::on().password("ann", "secret"))).await;
    let right = authorization("ann:secret");
    for (path, _) in PARTS.into_iter().chain([("/docs/", "")]) {
        for headers in [&[][..], &[("Authorization", right.as_str())]] {
            let response = ask(&server, "GET", path, headers).await;
            let policy = response.header("content-security-policy").expect("a policy");
            let allowed: BTreeSet<&str> = policy.split("; ").collect();
            let expected = [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self' data:",
                "connect-src 'self'",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            ];
            assert_eq!(allowed, BTreeSet::from(expected), "{path}");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(response.headers(name), [value], "{path}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_browser_has_already_is_not_sent_again() {
    let server = serve(app().docs(true)).await;
    for (path, _) in PARTS {
        let mut tags = BTreeSet::new();
        for coding in ["identity", "gzip, br"] {
            let coding = ("Accept-Encoding", coding);
            let first = ask(&server, "GET", path, &[coding]).await;
            let tag = first.header("etag").expect("a tag");
            tags.insert(tag.to_owned());
            let weak = format!("\"x\", W/{tag}");
            for (known, expected) in [(tag, 304), (weak.as_str(), 304), ("*", 304), ("\"x\"", 200)] {
                let again = ask(&server, "GET", path, &[coding, ("If-None-Match", known)]).await;
                assert_eq!((again.status, again.header("etag")), (expected, Some(tag)), "{path} {known}");
                assert_eq!(again.body.is_empty(), expected == 304, "{path} {known}");
            }
        }
        // Two forms of the same thing are two things to a cache.
        let packed = path.ends_with(".js") || path.ends_with(".css");
        assert_eq!(tags.len(), if packed { 2 } else { 1 }, "{path}");
    }
}

#[tokio::test]
async fn compressed_and_plain_are_the_same() {
    let server = serve(app().docs(true)).await;
    for path in ["/docs/app.js", "/docs/app.css"] {
        let packed = ask(&server, "GET", path, &[("Accept-Encoding", "gzip")]).await;
        let plain = ask(&server, "GET", path, &[("Accept-Encoding", "gzip;q=0")]).await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        for response in [&packed, &plain] {
            assert_eq!(response.header("vary"), Some("origin, accept-encoding"), "{path}");
        }
        let mut inflated = Vec::new();
        GzDecoder::new(&*packed.body).read_to_end(&mut inflated).expect("it can be inflated");
        assert_eq!(inflated, plain.body, "{path}");
    }
}

#[tokio::test]
async fn it_can_only_be_read() {
    let server = serve(app().docs(true)).await;
    for (path, _) in PARTS {
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let response = ask(&server, method, path, &[("Content-Length", "0")]).await;
            assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")), "{path}");
        }
        // A HEAD has the length of what a GET would bring, and nothing of it.
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: swill.example\r\nConnection: close\r\n\r\n");
        let head = only_head(&server, &request).await;
        let length = get(&server, path).await.body.len();
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(head.to_lowercase().contains(&format!("content-length: {length}\r\n")), "{path}: {head}");
    }
}

/// Everything that comes until the connection ends.
async fn only_head(server: &Server, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(server.address).await.expect("the server listens");
    socket.write_all(request.as_bytes()).await.expect("the server reads");
    let mut all = String::new();
    let read = tokio::time::timeout(common::PATIENCE, socket.read_to_string(&mut all)).await;
    read.expect("in time").expect("an orderly end");
    all
}

#[tokio::test]
async fn it_is_on_by_default_while_one_builds() {
    let by_default = if cfg!(debug_assertions) { 200 } else { 404 };
    for (app, expected) in [
        (app(), by_default),
        (app().docs(Docs::default()), by_default),
        (app().docs(Docs::default().read_only()), by_default),
        (app().docs(true), 200),
        (app().docs(Docs::on()), 200),
        (app().docs(false), 404),
        (app().docs(Docs::off()), 404),
        (app().docs(true).docs(false), 404),
        (app().docs(true).docs(Docs::default().read_only()), 200),
        (app().docs(false).docs(Docs::default().read_only()), 404),
        (app().docs(true).description(false), 404),
    ] {
        let server = serve(app).await;
        for (path, _) in PARTS.into_iter().chain([("/docs/", "")]) {
            let status = status(&server, path).await;
            let expected = if expected == 200 && path == "/docs/" { 308 } else { expected };
            assert_eq!(status, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn it_lies_below_the_first_path_of_each_app() {
    let inner = app().docs(Docs::on().read_only());
    let outer = app().docs(true).mount("/inner", inner).mount("/off", app().docs(false));
    let server = serve(outer).await;
    for (path, expected) in [
        ("/docs", 200),
        ("/inner/docs", 200),
        ("/inner/docs/app.js", 200),
        ("/off/docs", 404),
        ("/ws/docs", 404),
    ] {
        assert_eq!(status(&server, path).await, expected, "{path}");
    }
    let settings = async |path| {
        let page = get(&server, path).await;
        let (_, rest) = page.text().split_once("name=\"swill-docs\" content='").expect("settings");
        rest.split_once('\'').expect("their end").0.to_owned()
    };
    assert_eq!(settings("/docs").await, r#"{"readOnly":false}"#);
    assert_eq!(settings("/inner/docs").await, r#"{"readOnly":true}"#);

    let server = serve(app().docs(true).paths(["/rpc/", "/other"])).await;
    for (path, expected) in [("/rpc/docs", 200), ("/docs", 404), ("/other/docs", 404)] {
        assert_eq!(status(&server, path).await, expected, "{path}");
    }
    let server = serve(app().docs(true).paths(["/rooms/{room}"])).await;
    for path in ["/rooms/1/docs", "/rooms/1/docs/app.js", "/rooms/1/swill.json"] {
        assert_eq!(status(&server, path).await, 200, "{path}");
    }
    // Nothing can lie below the rest of a path.
    let server = serve(app().docs(true).paths(["/all/{*rest}"])).await;
    assert_eq!(status(&server, "/all/docs").await, 426);
}

#[tokio::test]
async fn what_the_application_has_put_there_stays() {
    for path in ["/docs", "/docs/", "/docs/app.js"] {
        let server = serve(app().docs(true).mount(path, app().docs(false).description(false))).await;
        assert_eq!(status(&server, path).await, 426, "{path}");
        // Half a page would be none.
        for (part, _) in PARTS.iter().filter(|(part, _)| *part != path) {
            assert_eq!(status(&server, part).await, 404, "{part} beside {path}");
        }
        assert_eq!(status(&server, "/swill.json").await, 200, "{path}");
    }
    // Also what belongs to an app that is mounted later, and a page of an app that is mounted there.
    let server = serve(app().mount("/a", app().docs(true)).mount("/a/docs", app().docs(true))).await;
    assert_eq!(status(&server, "/a/docs").await, 426);
    assert_eq!(status(&server, "/a/docs/docs").await, 200);
}

#[cfg(feature = "files")]
#[tokio::test]
async fn static_files_stay_where_they_are() {
    use swill::StaticFiles;
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["index.html", "app.css"] {
        std::fs::write(folder.path().join(name), "mine").expect("a file");
    }
    let files = || StaticFiles::new(folder.path());
    let served = async |app: App, path: &str| {
        let response = get(&serve(app).await, path).await;
        (response.status, response.text() == "mine")
    };
    // A folder at the same place; one that has an answer for everything; one that has not.
    assert_eq!(served(app().docs(true).static_files("/docs", files()), "/docs/").await, (200, true));
    assert_eq!(served(app().docs(true).static_files("/docs", files()), "/docs/app.js").await, (404, false));
    let fallback = || app().docs(true).static_files("/", files().fallback("index.html"));
    assert_eq!(served(fallback(), "/docs").await, (200, true));
    assert_eq!(served(fallback(), "/docs/app.js").await, (404, false));
    assert_eq!(served(fallback(), "/swill.json").await, (200, false));
    let beside = || app().docs(true).static_files("/", files());
    assert_eq!(served(beside(), "/docs").await, (200, false));
    assert_eq!(served(beside(), "/app.css").await, (200, true));
}

#[tokio::test]
async fn hosts_and_origins_count_as_for_the_description() {
    let server = serve(app().docs(true).host("swill.example").allow_origin("https://a.example")).await;
    for path in PARTS.iter().map(|(path, _)| *path).chain(FILES) {
        let elsewhere = ask(&server, "GET", path, &[("Host", "evil.example")]).await;
        assert_eq!(elsewhere.status, 421, "{path}");
        for (origin, admitted) in [("https://a.example", true), ("https://evil.example", false)] {
            let response = ask(&server, "GET", path, &[("Origin", origin)]).await;
            let allowed = response.header("access-control-allow-origin");
            assert_eq!(allowed, admitted.then_some(origin), "{path}");
        }
    }
}

#[tokio::test]
async fn a_router_has_it_too() {
    let router = app().docs(true).paths(["/rpc"]).into_router().expect("it can be served");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let request = "GET /rpc/docs HTTP/1.1\r\nHost: swill.example\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(address, request).await.1.status, 200);
    serving.abort();
}

#[cfg(feature = "config")]
#[tokio::test]
async fn the_configuration_decides_unless_the_program_does() {
    use swill::Config;
    let by_default = if cfg!(debug_assertions) { 200 } else { 404 };
    for (setting, docs, expected) in [
        ("true", None, 200),
        ("false", None, 404),
        ("\"debug\"", None, by_default),
        ("true", Some(Docs::off()), 404),
        ("false", Some(Docs::on()), 200),
        ("false", Some(Docs::default().password("ann", "secret")), 404),
        ("true", Some(Docs::default().password("ann", "secret")), 401),
    ] {
        let line = format!("docs = {setting}");
        for config in [
            Config::from_toml(&line).expect("it is fine"),
            Config::builder()
                .variables([("SWILL_DOCS", setting.trim_matches('"'))])
                .build()
                .expect("it is fine"),
        ] {
            let mut app = app().config(&config);
            if let Some(docs) = &docs {
                app = app.docs(docs.clone());
            }
            assert_eq!(status(&serve(app).await, "/docs").await, expected, "{setting} {docs:?}");
            assert!(config.to_toml().contains(&format!("\n{line}\n")), "{}", config.to_toml());
        }
    }
    let wrong = Config::from_toml("docs = \"perhaps\"").expect_err("it means nothing").to_string();
    assert_eq!(wrong, "TOML:1: docs: `perhaps` is not `true` or `false`, or \"debug\"");
}
