//! Static files from outside, by a client that says what no browser would.
#![cfg(feature = "files")]

#[path = "common/mod.rs"]
mod common;

use common::*;
use std::{fs, path::Path, time::Duration};
use swill::{App, BuildError, Limits, StaticFiles, Value};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// An answer, with everything up to the end of the connection as its body.
#[derive(Debug)]
struct Page {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Page {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Page {
    let mut socket = TcpStream::connect(server.address).await.expect("the server listens");
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: swill.example\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    socket.write_all(request.as_bytes()).await.expect("the server reads");
    let mut bytes = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.expect("in time").expect("an orderly end");
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes).expect("a head is text");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Page { status, head, body }
}

async fn get(server: &Server, path: &str) -> Page {
    ask(server, "GET", path, &[]).await
}

/// Writes files below a folder.
fn write(folder: &Path, files: &[(&str, &[u8])]) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
}

/// A site, and beside it something that is nobody's business.
fn site() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        &[
            ("secret.txt", b"secret"),
            ("web/index.html", b"<h1>home</h1>"),
            ("web/app.js", b"let it = 1;"),
            ("web/app.js.gz", b"gzipped"),
            ("web/style.css", b"0123456789"),
            ("web/sub/index.html", b"sub"),
            ("web/empty/file.txt", b"alone"),
            ("web/two words.txt", b"two"),
            ("web/\u{e4}.txt", b"umlaut"),
            ("web/no-extension", b"?"),
            ("web/.env", b"secret"),
            ("web/.git/config", b"secret"),
            ("web/sub/.well-known/x", b"secret"),
            ("web/.well-known/security.txt", b"contact"),
        ],
    );
    folder
}

fn files(site: &TempDir) -> StaticFiles {
    StaticFiles::new(site.path().join("web"))
}

async fn serve_site() -> (TempDir, Server) {
    let site = site();
    let server = serve(Probe::new().app().static_files("/", files(&site))).await;
    (site, server)
}

#[tokio::test]
async fn paths_lead_to_files() {
    let (_site, server) = serve_site().await;
    for (path, kind, body) in [
        ("/", "text/html; charset=utf-8", "<h1>home</h1>"),
        ("/index.html", "text/html; charset=utf-8", "<h1>home</h1>"),
        ("/?query=1", "text/html; charset=utf-8", "<h1>home</h1>"),
        ("/app.js", "text/javascript; charset=utf-8", "let it = 1;"),
        ("/style.css?v=3", "text/css; charset=utf-8", "0123456789"),
        ("/sub/", "text/html; charset=utf-8", "sub"),
        ("/two%20words.txt", "text/plain; charset=utf-8", "two"),
        ("/%C3%A4.txt", "text/plain; charset=utf-8", "umlaut"),
        ("/st%79le.css", "text/css; charset=utf-8", "0123456789"),
        ("/no-extension", "application/octet-stream", "?"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8", "contact"),
    ] {
        let page = get(&server, path).await;
        assert_eq!((page.status, page.text()), (200, body), "{path}");
        assert_eq!(page.header("content-type"), Some(kind), "{path}");
        assert_eq!(page.header("content-length"), Some(&*body.len().to_string()), "{path}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(page.header("cache-control"), Some("no-cache"), "{path}");
    }
    let page = get(&server, "/sub?a=b").await;
    assert_eq!((page.status, page.header("location")), (308, Some("/sub/?a=b")));
}

#[tokio::test]
async fn nothing_else_is_served() {
    let (site, server) = serve_site().await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        let web = site.path().join("web");
        symlink("../secret.txt", web.join("out.txt")).expect("a link");
        symlink("..", web.join("up")).expect("a link");
        symlink(site.path().join("secret.txt"), web.join("absolute.txt")).expect("a link");
        symlink(".env", web.join("shown.txt")).expect("a link");
        symlink("loop", web.join("loop")).expect("a link");
        symlink("style.css", web.join("inside.css")).expect("a link");
        let page = get(&server, "/inside.css").await;
        assert_eq!((page.status, page.text()), (200, "0123456789"));
    }
    let long = format!("/{}", "x".repeat(300));
    let deep = "/sub".repeat(1500);
    // One between blanks each; backslashes are what they are.
    let paths = r"
        /../secret.txt /sub/../../secret.txt /sub/../style.css /./style.css /%2e%2e/secret.txt
        /%2E%2E/secret.txt /.%2e/secret.txt /..%2fsecret.txt /%2e%2e%2fsecret.txt /sub%2findex.html
        /sub%2f..%2f..%2fsecret.txt /..%5csecret.txt /..\secret.txt /%252e%252e/secret.txt
        /style.css%00 /style.css%00.txt /%00 /%ff.txt //style.css /sub//index.html //etc/passwd
        /%2fetc/passwd /.env /%2eenv /.git/config /.git/ /.git /sub/.well-known/x /.well-known/ /.
        /.. /... /empty /empty/ /style.css/ /style.css/x /missing.txt /missing/ /out.txt
        /up/secret.txt /up /up/ /absolute.txt /shown.txt /loop /web/style.css
    ";
    for path in paths.split_whitespace().chain([long.as_str(), deep.as_str()]) {
        let page = get(&server, path).await;
        assert!(matches!(page.status, 400 | 404), "{path}: {page:?}");
        assert!(!page.text().contains("secret"), "{path}: {page:?}");
    }
}

#[tokio::test]
async fn ranges_are_served() {
    let (_site, server) = serve_site().await;
    for (range, status, content_range, body) in [
        ("bytes=0-3", 206, "bytes 0-3/10", "0123"),
        ("bytes=8-", 206, "bytes 8-9/10", "89"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=5-100", 206, "bytes 5-9/10", "56789"),
        ("bytes=10-", 416, "bytes */10", ""),
        ("bytes=100-200", 416, "bytes */10", ""),
        ("bytes=0-1,4-5", 200, "", "0123456789"),
    ] {
        let page = ask(&server, "GET", "/style.css", &[("Range", range)]).await;
        assert_eq!(page.status, status, "{range}: {page:?}");
        assert_eq!(page.header("content-range").unwrap_or_default(), content_range, "{range}");
        if status != 416 {
            assert_eq!(page.text(), body, "{range}");
        }
    }
    assert_eq!(get(&server, "/style.css").await.header("accept-ranges"), Some("bytes"));
}

#[tokio::test]
async fn conditions_are_heeded() {
    let (site, server) = serve_site().await;
    let page = get(&server, "/style.css").await;
    let tag = page.header("etag").expect("a tag").to_owned();
    let date = page.header("last-modified").expect("a date").to_owned();
    let (old, new) = ("Thu, 01 Jan 1998 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
    let several = format!("\"other\", W/{tag}");
    let range = ("Range", "bytes=0-3");
    for (headers, status) in [
        (&[("If-None-Match", tag.as_str())][..], 304),
        (&[("If-None-Match", several.as_str())], 304),
        (&[("If-None-Match", "*")], 304),
        (&[("If-None-Match", "\"other\"")], 200),
        // The tag counts, the date does not (RFC 9110, section 13.1.3).
        (&[("If-None-Match", "\"other\""), ("If-Modified-Since", date.as_str())], 200),
        (&[("If-Modified-Since", date.as_str())], 304),
        (&[("If-Modified-Since", new)], 304),
        (&[("If-Modified-Since", old)], 200),
        (&[("If-Modified-Since", "nonsense")], 200),
        (&[("If-Match", tag.as_str())], 200),
        (&[("If-Match", "\"other\"")], 412),
        (&[("If-Unmodified-Since", old)], 412),
        (&[range, ("If-Range", tag.as_str())], 206),
        (&[range, ("If-Range", date.as_str())], 206),
        (&[range, ("If-Range", "\"other\"")], 200),
        (&[range, ("If-Range", old)], 200),
    ] {
        let page = ask(&server, "GET", "/style.css", headers).await;
        assert_eq!(page.status, status, "{headers:?}: {page:?}");
        assert_eq!(page.body.is_empty(), matches!(status, 304 | 412), "{headers:?}");
        if status == 304 {
            assert_eq!(page.header("etag"), Some(tag.as_str()));
            assert_eq!(page.header("cache-control"), Some("no-cache"));
        }
    }
    write(site.path(), &[("web/style.css", b"something else")]);
    let page = ask(&server, "GET", "/style.css", &[("If-None-Match", &tag)]).await;
    assert_eq!((page.status, page.text()), (200, "something else"));
}

#[tokio::test]
async fn files_can_be_read_only() {
    let (_site, server) = serve_site().await;
    let page = ask(&server, "HEAD", "/style.css", &[]).await;
    assert_eq!((page.status, page.header("content-length"), page.text()), (200, Some("10"), ""));
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let page = ask(&server, method, "/style.css", &[]).await;
        assert_eq!((page.status, page.header("allow")), (405, Some("GET, HEAD")), "{method}");
        assert_eq!(ask(&server, method, "/missing.txt", &[]).await.status, 404, "{method}");
    }
}

#[tokio::test]
async fn a_path_is_a_page_and_a_socket() {
    let (_site, server) = serve_site().await;
    for path in ["/", "/ws"] {
        let mut client = server.connect_to(path, &[("Sec-WebSocket-Protocol", "swill/1")]).await;
        assert_eq!(client.call(1, "echo", 1).await, Ok(Value::from(1)), "{path}");
        client.goodbye().await;
    }
    assert_eq!(get(&server, "/").await.text(), "<h1>home</h1>");
    // There is no such file, so the socket says what it is.
    assert_eq!(get(&server, "/ws").await.status, 426);
    // A socket that is asked for badly is not a page.
    let page = ask(&server, "GET", "/", &[("Upgrade", "websocket")]).await;
    assert!(page.status == 426 || page.status == 400, "{page:?}");
    // One connection can have pages first and then the socket.
    let mut socket = TcpStream::connect(server.address).await.expect("the server listens");
    for _ in 0..3 {
        socket.write_all(b"GET /style.css HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("open");
        assert_eq!(response(&mut socket).await.expect("an answer").text(), "0123456789");
    }
    let request = handshake("/", &[("Sec-WebSocket-Protocol", "swill/1")]);
    socket.write_all(request.as_bytes()).await.expect("open");
    assert_eq!(response(&mut socket).await.expect("an answer").status, 101);
}

#[tokio::test]
async fn folders_have_places_of_their_own() {
    let site = site();
    let sub = site.path().join("web/sub");
    let inner = Probe::new().app().static_files("/files/", files(&site));
    let app = Probe::new()
        .app()
        .paths(["/rpc"])
        .static_files("/assets", files(&site).cache(Duration::from_secs(3600)))
        .static_files("/assets/deep", sub)
        .mount("/inner", inner);
    let server = serve(app).await;
    for (path, status, says) in [
        ("/assets/style.css", 200, "0123456789"),
        ("/assets/", 200, "<h1>home</h1>"),
        ("/assets/deep/", 200, "sub"),
        ("/assets/sub/", 200, "sub"),
        ("/inner/files/style.css", 200, "0123456789"),
        ("/assetsstyle.css", 404, ""),
        ("/style.css", 404, ""),
        ("/", 404, ""),
        ("/files/style.css", 404, ""),
        ("/rpc", 426, "WebSocket"),
        ("/inner", 426, "WebSocket"),
    ] {
        let page = get(&server, path).await;
        assert_eq!(page.status, status, "{path}: {page:?}");
        assert!(page.text().contains(says), "{path}: {page:?}");
    }
    for (path, location) in [("/assets", "/assets/"), ("/inner/files", "/inner/files/")] {
        let page = get(&server, path).await;
        assert_eq!((page.status, page.header("location")), (308, Some(location)), "{path}");
    }
    for (path, cache) in [
        ("/assets/style.css", "public, max-age=3600"),
        // A page says which other files there are.
        ("/assets/", "no-cache"),
        ("/inner/files/style.css", "no-cache"),
    ] {
        assert_eq!(get(&server, path).await.header("cache-control"), Some(cache), "{path}");
    }
}

#[tokio::test]
async fn an_application_in_one_page_has_many_paths() {
    let site = site();
    let files = files(&site).index("start.html").fallback("index.html");
    let server = serve(App::new().static_files("/", files)).await;
    for (path, status) in [
        ("/", 200),
        ("/orders/17", 200),
        ("/sub", 200),
        ("/missing.js", 404),
        ("/.hidden", 404),
        ("/../secret", 404),
        ("/orders/%2e%2e/x", 404),
    ] {
        let page = get(&server, path).await;
        assert_eq!(page.status, status, "{path}: {page:?}");
        assert_eq!(page.text() == "<h1>home</h1>", status == 200, "{path}: {page:?}");
    }
}

#[tokio::test]
async fn what_is_compressed_already_is_served_to_who_can_read_it() {
    let site = site();
    let server = serve(App::new().static_files("/", files(&site).precompressed())).await;
    for (accepted, encoding, body) in [
        ("gzip, br", Some("gzip"), "gzipped"),
        ("gzip;q=0", None, "let it = 1;"),
        ("br", None, "let it = 1;"),
        ("identity", None, "let it = 1;"),
    ] {
        let page = ask(&server, "GET", "/app.js", &[("Accept-Encoding", accepted)]).await;
        assert_eq!((page.status, page.header("content-encoding"), page.text()), (200, encoding, body));
        assert_eq!(page.header("content-type"), Some("text/javascript; charset=utf-8"));
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret.txt", site.path().join("web/style.css.gz")).expect("a link");
        let page = ask(&server, "GET", "/style.css", &[("Accept-Encoding", "gzip")]).await;
        assert_eq!(page.text(), "0123456789");
    }
}

#[tokio::test]
async fn large_files_are_streamed_and_who_takes_nothing_is_cut_off() {
    let site = site();
    let large: Vec<u8> = (0..32 << 20).map(|at: u32| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect();
    write(site.path(), &[("web/large.bin", &large)]);
    let limits = Limits::default().connections(1).write_stall(Duration::from_millis(300));
    let server = serve(App::new().limits(limits).static_files("/", files(&site))).await;
    let page = get(&server, "/large.bin").await;
    assert_eq!(page.header("content-length"), Some(&*large.len().to_string()));
    assert!(page.body == large, "the file has changed on its way");

    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a size");
    let mut stuck = socket.connect(server.address).await.expect("the server listens");
    stuck.write_all(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("open");
    timeout(PATIENCE, served(&server)).await.expect("the place is free again");
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, stuck.read_to_end(&mut rest)).await.expect("the server has hung up");
    assert!(rest.len() < large.len(), "the server has written everything");
}

/// Ready when another peer is served: when the only place is free.
async fn served(server: &Server) {
    loop {
        let mut socket = TcpStream::connect(server.address).await.expect("the server listens");
        let request = b"GET /style.css HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        let asked = socket.write_all(request).await.is_ok();
        if asked && socket.read_to_end(&mut answer).await.is_ok() && answer.ends_with(b"0123456789") {
            return;
        }
    }
}

#[tokio::test]
async fn who_asks_on_and_on_and_takes_no_answer_is_cut_off() {
    let site = site();
    let limits =
        Limits::default().connections(1).handshake(3 * PATIENCE).write_stall(Duration::from_millis(300));
    for path in ["/style.css", "/missing", "/ws/swill.json"] {
        let app = Probe::new().app().limits(limits.clone()).paths(["/ws"]);
        let server = serve(app.static_files("/", files(&site))).await;
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a size");
        let mut stuck = socket.connect(server.address).await.expect("the server listens");
        let requests = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(1000);
        // More than all buffers on the way can hold, so it ends when the server hangs up.
        let asking = async { while stuck.write_all(requests.as_bytes()).await.is_ok() {} };
        timeout(PATIENCE, asking).await.expect("the server has hung up");
        timeout(PATIENCE, served(&server)).await.expect("the place is free again");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn another_version_takes_the_place_of_a_folder() {
    use std::os::unix::fs::symlink;
    let site = site();
    let current = site.path().join("current");
    symlink("web", &current).expect("a link");
    let server = serve(App::new().static_files("/", current.clone())).await;
    assert_eq!(get(&server, "/style.css").await.text(), "0123456789");
    write(site.path(), &[("next/style.css", b"next")]);
    symlink("next", site.path().join("new")).expect("a link");
    fs::rename(site.path().join("new"), &current).expect("the link is replaced");
    assert_eq!(get(&server, "/style.css").await.text(), "next");

    // As in volumes of Kubernetes: the folder is a hidden link to a hidden folder.
    write(site.path(), &[("..2026/style.css", b"hidden above")]);
    symlink("..2026", site.path().join("..data")).expect("a link");
    let server = serve(App::new().static_files("/", site.path().join("..data"))).await;
    assert_eq!(get(&server, "/style.css").await.text(), "hidden above");
}

#[tokio::test]
async fn hosts_count_for_files_too() {
    let site = site();
    let server = serve(App::new().host("localhost").static_files("/", files(&site))).await;
    assert_eq!(get(&server, "/style.css").await.status, 421);
}

#[tokio::test]
async fn what_cannot_be_served_is_said_at_the_start() {
    let site = site();
    let missing = site.path().join("missing");
    let conflict = Probe::new().app().paths(["/{room}"]).static_files("/", files(&site));
    for (app, says) in [
        (App::new().static_files("/", missing), "missing` cannot be read"),
        (App::new().static_files("/", site.path().join("secret.txt")), "is no folder"),
        (App::new().static_files("assets", files(&site)), "begins with a slash"),
        (App::new().static_files("/{version}", files(&site)), "has no parameters"),
        (App::new().static_files("/", files(&site).index("../secret.txt")), "is no name of a file"),
        (App::new().static_files("/", files(&site).fallback("")), "is no name of a file"),
        (conflict, "another route"),
    ] {
        let error = app.bind("127.0.0.1:0").await.expect_err(says);
        let cause = error.source().and_then(|cause| cause.downcast_ref::<BuildError>()).expect("its kind");
        assert!(matches!(cause, BuildError::BadFiles(_)) && cause.to_string().contains(says), "{cause}");
    }
}
