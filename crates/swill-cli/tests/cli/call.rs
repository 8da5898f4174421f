//! `swill call`.

use crate::support::{Doorkeeper, Running, Server, output, run, run_command, swill};
use std::net::TcpListener;

#[test]
fn calls_answer_in_json() {
    let server = Server::start();
    let at = server.address.as_str();
    for (arguments, expected) in [
        (&["add", "1", "2"][..], "3"),
        (&["add", "[1, -2]"], "-1"),
        (&["add", "a=1", "b=2"], "3"),
        (&["add", "a:=1", "b:=2"], "3"),
        (&["add", "{\"a\": 1, \"b\": 2}"], "3"),
        (&["add", "9007199254740993", "0"], "9007199254740993"),
        (&["plain.echo", "18446744073709551615"], "18446744073709551615"),
        (&["plain.echo", "-9223372036854775808"], "-9223372036854775808"),
        (&["plain.echo", r#"{"b": [1, 2.5, null], "a": "é"}"#], r#"{"b":[1,2.5,null],"a":"é"}"#),
        (&["plain.echo", r#"{"$map": [[1, "one"]]}"#], r#"{"$map":[[1,"one"]]}"#),
        (&["plain.kind", r#"{"$bytes": "aGk="}"#], r#""bytes""#),
        (&["plain.reverse", "AAH/"], r#"{"$bytes":"/wEA"}"#),
        (&["plain.reverse", "data=AAH/"], r#"{"$bytes":"/wEA"}"#),
        (&["shop.greet", "Ann"], r#""Hello, Ann!""#),
        (&["shop.greet", "Ann", "--raw"], "Hello, Ann!"),
        (&["shop.greet", "5"], r#""Hello, 5!""#),
        (&["shop.greet", "name=Ann", "--metadata", "language=fr"], r#""Bonjour, Ann!""#),
        (&["shop.order", "customer=Ann", "loaves=2", "kind=wheat"], r#""2 loaves of Wheat for Ann""#),
        (&["add", "1", "2", "--compress"], "3"),
        (&["add", "1", "2", "--shape", "single", "--deadline", "none"], "3"),
    ] {
        let arguments = [&["call", at], arguments].concat();
        assert_eq!(output(&arguments, ""), format!("{expected}\n"), "{arguments:?}");
    }
}

#[test]
fn every_protocol_makes_the_same_of_parameters() {
    let server = Server::start();
    for protocol in ["swill", "json-rpc", "json-rpc-msgpack"] {
        for (arguments, expected) in [
            (&["add", "1", "2"][..], "3\n"),
            (&["add", "a=1", "b=2"], "3\n"),
            (&["plain.echo", "[1,2]"], "[1,2]\n"),
            (&["plain.echo", "value:={\"a\":1}"], "{\"a\":1}\n"),
            (&["shop.order", "customer=Ann", "loaves=2"], "\"2 loaves of Rye for Ann\"\n"),
            (&["count", "3"], "1\n2\n3\n"),
        ] {
            let arguments = [&["call", &server.address, "--protocol", protocol], arguments].concat();
            assert_eq!(output(&arguments, ""), expected, "{arguments:?}");
        }
    }
    // In JSON, bytes are text.
    let arguments = ["call", &server.address, "--protocol", "json-rpc", "plain.reverse", "AAH/"];
    assert_eq!(output(&arguments, ""), "\"/wEA\"\n");
}

#[test]
fn parameters_come_from_files_and_from_the_input() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("params.json"), "[1,\n2]\n").unwrap();
    std::fs::write(path("picture"), [0xff, 0x00]).unwrap();
    let call = |rest: &[&str], input: &str| output(&[&["call", &server.address], rest].concat(), input);
    assert_eq!(call(&["add", &format!("@{}", path("params.json"))], ""), "3\n");
    assert_eq!(call(&["add", "-"], "{\"a\": 3, \"b\": 4}"), "7\n");
    assert_eq!(
        call(&["plain.reverse", &format!("data=@{}", path("picture"))], ""),
        "{\"$bytes\":\"AP8=\"}\n"
    );
    assert_eq!(call(&["plain.echo", &format!("value:=@{}", path("params.json"))], ""), "[1,2]\n");
}

#[test]
fn streams_come_as_lines() {
    let server = Server::start();
    let call = |rest: &[&str], input: &str| output(&[&["call", &server.address], rest].concat(), input);
    assert_eq!(call(&["count", "3"], ""), "1\n2\n3\n");
    assert_eq!(call(&["count", "0"], ""), "");
    assert_eq!(call(&["total"], "1\n2\n\n3"), "6\n");
    assert_eq!(call(&["total", "-"], "1\n2\n"), "3\n");
    assert_eq!(call(&["total", "4", "5"], ""), "9\n");
    assert_eq!(call(&["total"], ""), "0\n");
    assert_eq!(call(&["multiply"], "2\n3\n4\n"), "2\n6\n24\n");
    assert_eq!(call(&["multiply", "--shape", "both"], "2\n3\n"), "2\n6\n");
    let many: String = (0..10_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(call(&["total"], &many), "49995000\n");
    assert_eq!(call(&["count", "10000"], "").lines().count(), 10_000);
}

#[test]
fn items_go_out_and_come_in_while_the_stream_is_open() {
    let server = Server::start();
    let mut call = Running::start(&["call", &server.address, "multiply"]);
    for (number, product) in [("2", "2"), ("3", "6"), ("7", "42")] {
        call.send(number);
        assert_eq!(call.line(), product);
    }
    let said = call.end();
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
}

#[test]
fn an_early_answer_or_failure_does_not_wait_for_the_input() {
    let server = Server::start();
    let mut call = Running::start(&["call", &server.address, "first_negative"]);
    call.send("5");
    call.send("-1");
    // The input is still open.
    assert_eq!(call.line(), "-1");
    assert_eq!(call.end().code, 0);

    let mut call = Running::start(&["call", &server.address, "first_negative"]);
    call.send("0");
    assert_eq!(call.line(), "");
    let said = call.end();
    assert_eq!(said.code, 1);
    assert!(said.err.contains("code 418: zero is neither"), "{}", said.err);
}

#[test]
fn metadata_is_shown_on_the_standard_error_output() {
    let server = Server::start();
    for protocol_and_shape in [&[][..], &["--shape", "single"]] {
        let arguments = [
            &["call", &server.address, "shop.greet", "Ann", "-m", "language=fr", "--show-metadata"],
            protocol_and_shape,
        ]
        .concat();
        let said = run(&arguments, "");
        assert_eq!(said.out, "\"Bonjour, Ann!\"\n");
        assert_eq!(said.err, "leading {\"language\":\"fr\"}\ntrailing {\"letters\":13}\n");
    }
    let arguments = ["call", &server.address, "shop.greet", "Ann", "-m", "language:=[1]", "--show-metadata"];
    assert!(run(&arguments, "").err.starts_with("leading {\"language\":[1]}\n"));
}

#[test]
fn a_notification_wants_no_answer() {
    let server = Server::start();
    for protocol in ["swill", "json-rpc"] {
        let arguments = ["call", &server.address, "add", "1", "2", "--notify", "--protocol", protocol];
        assert_eq!(output(&arguments, ""), "");
    }
    let said = run(&["call", &server.address, "count", "3", "--notify"], "");
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("`count` streams"), "{}", said.err);
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let server = Server::start();
    let at = server.address.as_str();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (arguments, code, messages) in [
        (&["call", at, "add", "1", "2"][..], 0, &[][..]),
        (
            &["call", at, "add", "9223372036854775807", "1"],
            1,
            &["`add` failed with code 400: the sum is too large", "data: [9223372036854775807,1]"],
        ),
        (&["call", at, "ad", "1"], 1, &["no procedure `ad`", "did you mean `add`?"]),
        (&["call", at, "order"], 1, &["did you mean `shop.order`?"]),
        (&["call", at, "entirely_else"], 1, &["no procedure", "lists what there is"]),
        (&["call", at, "ad", "1", "--shape", "single"], 1, &["code 404"]),
        (&["call", at, "add", "x", "1"], 1, &["code 422", "swill inspect"]),
        (
            &["call", at, "shop.order", "customer=", "loaves=13"],
            1,
            &["Validation Error", "customer", "loaves"],
        ),
        (&["call", at, "shop.order", "customer=Ann", "loaves=12"], 1, &["code 409", "data: {\"left\":10}"]),
        (&["call", at, "total", "1", "--protocol", "json-rpc"], 1, &["code 501", "`--protocol swill`"]),
        (&["call", at, "add", "c=1"], 2, &["no parameter `c`", "it takes `a`, `b`"]),
        (&["call", at, "add", "a=1", "2"], 2, &["some parameters have names"]),
        (&["call", at, "add", "{1"], 2, &["cannot be read as JSON"]),
        (&["call", at, "total", "--nonsense"], 2, &["--nonsense"]),
        (&["call", at], 2, &["PROCEDURE"]),
        (&["call", "ftp://localhost", "add"], 2, &["`ftp://`", "HOST[:PORT][/PATH]"]),
        (&["call", at, "add", "--deadline", "5x"], 2, &["`x` is no unit of time"]),
        (&["call", at, "add", "--header", "Host"], 2, &["a header is `Name: value`"]),
        (&["call", at, "add", "--metadata", "x"], 2, &["NAME=TEXT"]),
        (&["call", &nobody, "add"], 3, &["no connection to ws://127.0.0.1", "swill demo"]),
        (&["call", &format!("ws://{at}/elsewhere"), "add"], 3, &["404", "/ws"]),
        (&["call", at, "never", "--deadline", "50ms"], 4, &["code 504"]),
    ] {
        let said = run(arguments, "");
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        for message in messages {
            assert!(said.err.contains(message), "{arguments:?} does not say `{message}` but {}", said.err);
        }
        assert_eq!(said.err.is_empty(), code == 0, "{arguments:?}: {}", said.err);
    }
    let said = run(&["call", at, "total"], "1\nx\n");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("line 2 of the standard input: it cannot be read as JSON"), "{}", said.err);
}

#[test]
fn a_lost_connection_leaves_the_outcome_open() {
    let server = Server::start();
    let said = run(&["call", &server.address, "hang_up"], "");
    assert_eq!(said.code, 1);
    for message in ["code 503", "out of flour", "it may have been executed, or not"] {
        assert!(said.err.contains(message), "{}", said.err);
    }
}

#[test]
fn tokens_and_headers_open_doors() {
    let server = Server::serve(|app| app.hook(Doorkeeper));
    let arguments = ["call", &server.address, "add", "1", "2"];
    let said = run(&arguments, "");
    assert_eq!(said.code, 3);
    assert!(said.err.contains("who are you?") && said.err.contains("`--token TOKEN`"), "{}", said.err);
    assert_eq!(output(&[&arguments[..], &["--token", "open sesame"]].concat(), ""), "3\n");
    assert_eq!(
        output(&[&arguments[..], &["--header", "Authorization: Bearer open sesame"]].concat(), ""),
        "3\n"
    );
    let mut command = swill(&arguments);
    command.env("SWILL_TOKEN", "open sesame");
    assert_eq!(run_command(command, b"").out, "3\n");
}

#[test]
fn certificates_are_checked() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let tls = swill::Tls::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let server = Server::serve(move |app| app.tls(tls));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.pem");
    let file = file.to_str().unwrap();
    std::fs::write(file, certificate.pem()).unwrap();
    let at = format!("wss://localhost:{}/ws", server.address.rsplit(':').next().unwrap());
    let arguments = ["call", &at, "add", "1", "2"];
    assert_eq!(output(&[&arguments[..], &["--root-certificate", file]].concat(), ""), "3\n");
    let said = run(&arguments, "");
    assert_eq!(said.code, 3, "{}", said.err);
    for (path, message) in [("no/such/file", "no/such/file: "), ("Cargo.toml", "no root certificate")] {
        let said = run(&[&arguments[..], &["--root-certificate", path]].concat(), "");
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains(message), "{}", said.err);
    }
}

#[test]
fn a_server_that_does_not_describe_itself_can_be_called() {
    let server = Server::serve(|app| app.description(false));
    assert_eq!(output(&["call", &server.address, "add", "1", "2"], ""), "3\n");
    assert_eq!(output(&["call", &server.address, "count", "2", "--shape", "out"], ""), "1\n2\n");
    let said = run(&["call", &server.address, "nobody"], "");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("code 404"), "{}", said.err);
}

#[test]
#[cfg(unix)]
fn an_interrupt_cancels_the_call() {
    let server = Server::start();
    let mut call = Running::start(&["call", &server.address, "ticks"]);
    assert_eq!(call.line(), "0");
    call.interrupt();
    assert_eq!(server.cancelled.recv().unwrap(), "ticks");
    let said = call.end();
    assert_eq!(said.code, 130);
    assert_eq!(said.err, "error: interrupted\n");
}

#[test]
fn a_reader_that_goes_away_ends_the_call() {
    let server = Server::start();
    let mut call = Running::start(&["call", &server.address, "ticks"]);
    assert_eq!(call.line(), "0");
    let said = call.hang_up();
    assert_eq!(server.cancelled.recv().unwrap(), "ticks");
    assert_eq!((said.code, said.err.as_str()), (1, ""));
}

#[test]
fn a_deadline_ends_a_stream_that_has_begun() {
    let server = Server::start();
    let said = run(&["call", &server.address, "ticks", "--deadline", "300ms"], "");
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(
        said.err.contains("`ticks` failed with code 504: the deadline of the call has passed"),
        "{}",
        said.err
    );
    assert!(!said.out.is_empty());
    assert_eq!(server.cancelled.recv().unwrap(), "ticks");
}
