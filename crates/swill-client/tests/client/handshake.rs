use crate::support::{Peer, Seen, header, server, switching};
use std::time::Duration;
use swill_client::{Client, Code};
use swill_ws::{Config, deflate, handshake::accept_key};
use tokio::io::AsyncWriteExt;

#[tokio::test(start_paused = true)]
async fn the_request_says_everything_it_was_told() {
    let (mut server, builder) = server();
    let builder = builder
        .bearer("s3cr3t")
        .cookie("a", "1")
        .cookie("b", "2")
        .origin("https://example.org")
        .header("x-trace", "7");
    tokio::spawn(builder.connect());
    let (_stream, request) = server.accept_raw().await;
    assert!(request.starts_with("GET /ws HTTP/1.1\r\n"), "{request}");
    for (name, value) in [
        ("host", "server.test"),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "swill/1"),
        ("authorization", "Bearer s3cr3t"),
        ("cookie", "a=1; b=2"),
        ("origin", "https://example.org"),
        ("x-trace", "7"),
    ] {
        assert_eq!(header(&request, name), Some(value), "{name}");
    }
    assert!(swill_ws::handshake::valid_key(header(&request, "sec-websocket-key").unwrap()));
    assert_eq!(header(&request, "sec-websocket-extensions"), None);
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_before_anything_is_sent() {
    for builder in [
        server().1.header("Sec-WebSocket-Key", "x"),
        server().1.header("Connection", "close"),
        server().1.header("x y", "z"),
        server().1.header("x", "a\r\nb: c"),
        server().1.bearer("a\nb"),
        server().1.cookie("a", "b; c=d"),
        server().1.subprotocols([]),
        server().1.subprotocols(["a,b"]),
        Client::builder("ftp://localhost"),
    ] {
        assert_eq!(builder.connect().await.unwrap_err().code(), Code::BAD_REQUEST);
    }
    #[cfg(not(feature = "tls"))]
    assert_eq!(Client::connect("wss://localhost").await.unwrap_err().code(), Code::UNIMPLEMENTED);
}

async fn refused(answer: &str) -> swill_client::Error {
    let (mut server, builder) = server();
    let (result, _stream) = tokio::join!(builder.connect(), server.answer(answer));
    result.expect_err(answer)
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_error_with_status_and_body() {
    let check = async |answer: &str, code: i64, message: &str| {
        let error = refused(answer).await;
        assert_eq!(error.code(), Code(code), "{error}");
        assert!(error.message().contains(message), "{error}");
        error
    };
    let error = check(
        "HTTP/1.1 406 Not Acceptable\r\nContent-Length: 23\r\n\r\nNo suitable subprotocol",
        406,
        "406 Not Acceptable: No suitable subprotocol",
    )
    .await;
    assert_eq!(error.data().unwrap().as_str(), Some("No suitable subprotocol"));
    check(
        "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwho\r\n1\r\n?\r\n0\r\n\r\n",
        401,
        "who?",
    )
    .await;
    check("HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 301, "301").await;
    check("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", 200, "200").await;
    // A body that does not come is not waited for.
    check("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 99\r\n\r\nlater", 503, "later").await;

    let endless = format!("HTTP/1.1 500 Oh\r\n\r\n{}", "x".repeat(50_000));
    assert_eq!(check(&endless, 500, "500").await.data().unwrap().as_str().unwrap().len(), 8 << 10);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_one_to_the_request_is_refused() {
    let good = switching("");
    for (answer, why) in [
        (good.replace("{accept}", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "does not belong to the key"),
        (good.replace("Sec-WebSocket-Accept: {accept}\r\n", ""), "`Sec-WebSocket-Accept` is missing"),
        (switching("Sec-WebSocket-Accept: {accept}\r\n"), "comes twice"),
        (good.replace("Upgrade: websocket\r\n", ""), "`Upgrade: websocket` is missing"),
        (
            good.replace("Connection: Upgrade\r\n", "Connection: keep-alive\r\n"),
            "`Connection: Upgrade` is missing",
        ),
        (good.replace("Sec-WebSocket-Protocol: swill/1\r\n", ""), "no subprotocol"),
        (good.replace("swill/1", "swill/2"), "`swill/2`, which was not offered"),
        (switching("Sec-WebSocket-Extensions: permessage-deflate\r\n"), "extension that was not offered"),
        (good.replace("HTTP/1.1", "HTTP/1.0"), "not HTTP/1.1"),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "not HTTP"),
        (format!("\r\n{good}"), "not HTTP"),
        (format!("HTTP/1.1 101 Yes\r\nx: {}\r\n\r\n", "y".repeat(20_000)), "exceeds 16 KiB"),
        ("HTTP/1.1 101 Yes\r\nbad header\r\n\r\n".to_owned(), "not HTTP"),
        (format!("HTTP/1.1 101 Yes\r\n{}\r\n", "x: y\r\n".repeat(101)), "not HTTP"),
    ] {
        let error = refused(&answer).await;
        assert_eq!(error.code(), Code::UNIMPLEMENTED, "{error}");
        assert!(error.message().contains(why), "{error} does not say {why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_up_or_says_nothing() {
    let (mut server, builder) = server();
    let (result, _) = tokio::join!(builder.connect(), async { drop(server.accept_raw().await) });
    assert_eq!(result.unwrap_err().code(), Code::UNAVAILABLE);

    let (mut server, builder) = crate::support::server();
    let start = tokio::time::Instant::now();
    let (result, _stream) = tokio::join!(builder.connect(), server.accept_raw());
    assert_eq!(result.unwrap_err().code(), Code::DEADLINE);
    assert_eq!(start.elapsed().as_secs(), 10);

    // Byte by byte, it never ends.
    let (mut server, builder) = crate::support::server();
    let start = tokio::time::Instant::now();
    let slow = async {
        let (mut stream, _) = server.accept_raw().await;
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nx: ").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let (result, ()) = tokio::join!(builder.connect(), slow);
    assert_eq!(result.unwrap_err().code(), Code::DEADLINE);
    assert!(start.elapsed().as_secs() <= 11);

    let (server, builder) = crate::support::server();
    drop(server);
    assert_eq!(builder.connect().await.unwrap_err().code(), Code::UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn lists_and_case_and_early_hints_do_not_matter() {
    let (mut server, builder) = server();
    let answer = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{}",
        switching("")
            .replace("websocket", "WebSocket")
            .replace("Connection: Upgrade", "connection: keep-alive, upgrade")
    );
    let (client, _stream) = tokio::join!(builder.connect(), server.answer(&answer));
    client.unwrap();
}

#[tokio::test(start_paused = true)]
async fn other_subprotocols_are_offered_and_accepted() {
    let (mut server, builder) = server();
    let builder = builder.subprotocols(["swill.1", "swill/1"]);
    let answer = switching("").replace("swill/1", "swill.1");
    let (client, _stream) = tokio::join!(builder.connect(), server.answer(&answer));
    client.unwrap();
}

#[tokio::test(start_paused = true)]
async fn bytes_that_come_with_the_answer_are_not_lost() {
    let (mut server, builder) = server();
    let connecting = tokio::spawn(builder.connect());
    let (mut stream, request) = server.accept_raw().await;
    let key = accept_key(header(&request, "sec-websocket-key").unwrap());
    let mut answer = switching("").replace("{accept}", &key).into_bytes();
    answer.extend_from_slice(b"\x89\x00");
    stream.write_all(&answer).await.unwrap();
    let _client = connecting.await.unwrap().unwrap();
    assert_eq!(Peer::new(stream).see().await, Seen::Pong);
}

#[tokio::test(start_paused = true)]
async fn compression_is_agreed_on_and_used() {
    let (mut server, builder) = server();
    let extensions = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let answer = switching(&format!("Sec-WebSocket-Extensions: {extensions}\r\n"));
    let (client, stream) = tokio::join!(builder.compression(true).connect(), server.answer(&answer));
    let client = client.unwrap();
    let mut config = Config::server();
    config.deflate = deflate::accept([extensions], &deflate::Options::default());
    let mut peer = Peer::with(stream, &config);
    let text = "swill ".repeat(10_000);
    let call = tokio::spawn({
        let text = text.clone();
        async move { client.call::<String>("echo", text).await }
    });
    let request = peer.request().await;
    assert_eq!(request.data.as_str(), Some(&*text));
    peer.answer(request.seq, request.data).await;
    assert_eq!(call.await.unwrap().unwrap(), text);
}

#[tokio::test]
async fn the_default_connector_is_tcp() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connecting = tokio::spawn(async move { Client::connect(&format!("ws://{address}/x?y=z")).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        tokio::io::AsyncReadExt::read_buf(&mut stream, &mut head).await.unwrap();
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("GET /x?y=z HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(&head, "host"), Some(&*address.to_string()));
    stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert_eq!(connecting.await.unwrap().unwrap_err().code(), Code::FORBIDDEN);

    drop(listener);
    let refused =
        Client::builder(&format!("ws://{address}")).connect_timeout(Duration::from_secs(5)).connect().await;
    let error = refused.unwrap_err();
    assert_eq!(error.code(), Code::UNAVAILABLE);
    assert!(error.source().is_some());
}

#[tokio::test(start_paused = true)]
async fn secrets_are_in_nothing_that_is_printed() {
    const SECRETS: [&str; 6] = ["a-token", "a-cookie", "a-bearer", "a-header", "a-query", "a-password"];
    let check = |printed: String| {
        for secret in SECRETS {
            assert!(!printed.contains(secret), "{printed}");
        }
    };
    let with_secrets = |builder: swill_client::Builder| {
        builder
            .subprotocols(["swill/1", "swill.token.a-token"])
            .cookie("session", "a-cookie")
            .bearer("a-bearer")
            .header("Proxy-Authorization", "a-header")
            .header("x-key", "a-header")
            .header("cookie", "other=a-cookie")
    };
    let (mut server, builder) = server();
    let builder = with_secrets(builder);
    let printed = format!("{builder:?} {builder:#?}");
    for name in ["server.test", "session", "authorization", "proxy-authorization", "x-key", "cookie"] {
        assert!(printed.contains(name), "{printed}");
    }
    check(printed);
    check(format!("{:?}", with_secrets(Client::builder("ws://host/ws?a-query"))));

    // A client, and what is made by it.
    let (client, peer) = tokio::join!(builder.connect(), server.accept());
    let client = client.unwrap();
    let items = client.stream::<()>("f", ()).await.unwrap();
    check(format!("{client:?} {:?} {:?} {items:?}", client.request("f"), client.watch()));
    drop((server, peer));
    check(format!("{:?} {:?}", client.state(), client.call::<()>("f", ()).await.unwrap_err()));

    // What goes wrong.
    for (builder, printed) in [
        (Client::builder("ws://host").header("authorization", "Bearer a-bearer\n"), "authorization"),
        (Client::builder("ws://host").header("authorization: Bearer a-bearer", ""), "authorization"),
        (Client::builder("ws://host").header("sec-websocket-protocol", "swill.token.a-token"), "protocol"),
        (Client::builder("ws://host").bearer("a-bearer\n"), "bearer"),
        (Client::builder("ws://host").cookie("session", "a-cookie;"), "session"),
        (Client::builder("ws://host").cookie("session=a-cookie", ""), "session"),
        (Client::builder("ws://host").subprotocols(["swill.token.a-token,"]), "subprotocol"),
        (Client::builder("ws://ann:a-password@host"), "host"),
        (Client::builder("wss://ann@host?a-query"), "host"),
    ] {
        check(format!("{builder:?}"));
        let error = with_secrets(builder).lazy().unwrap_err();
        assert!(error.message().contains(printed), "{error}");
        check(format!("{error:?} {error}"));
    }
    for answer in
        ["HTTP/1.1 401 Unauthorized\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "SSH-2.0", &switching("x: y\r\n")]
    {
        let (mut server, builder) = crate::support::server();
        let answer = answer.replace("swill/1", "swill/2");
        let (result, _stream) = tokio::join!(with_secrets(builder).connect(), async {
            server.answer(&answer).await.shutdown().await
        });
        let error = result.unwrap_err();
        check(format!("{error:?} {error}"));
    }
}
