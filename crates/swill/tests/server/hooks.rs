//! Hooks: what runs when, what they may change, and what a refusal does.

use crate::common::*;
use std::sync::{Arc, Mutex};
use swill::{
    App, Close, Code, Context, DataKind, Error, Handshake, Hook, Metadata, Module, Next, Outcome, Payload,
    Peer, Result, Value,
};
use tokio::net::TcpStream;

/// What a client does, and what the hooks see of it, in order.
async fn check(name: &str, talk: impl AsyncFnOnce(&mut Client<TcpStream>), expected: &[&str]) {
    let probe = Probe::new();
    let server = serve(probe.app().hook(Recorder::new(&probe))).await;
    let mut client = server.connect().await;
    until("the connection is open", || probe.noted("after_accept")).await;
    assert_eq!(probe.log(), ["before_connection", "before_accept", "after_accept"]);
    talk(&mut client).await;
    until("the call is over", || expected.is_empty() || probe.noted(expected[expected.len() - 1])).await;
    let log: Vec<String> = probe.log().into_iter().filter(|line| !line.starts_with("cancelled: ")).collect();
    assert_eq!(log, expected, "{name}");
    client.goodbye().await;
    until("the connection is over", || probe.noted("after_connection 1000")).await;
    assert_eq!(probe.log(), ["after_connection 1000"], "{name}");
    server.stop().await;
}

#[tokio::test]
async fn hooks_run_in_the_order_of_the_table() {
    check(
        "a single call",
        async |client| drop(client.call(1, "add", (1, 2)).await),
        &[
            "before_request add",
            "before_request_message list of 2",
            "call {",
            "} ok",
            "before_trailing_metadata nil",
            "before_response_message 3",
            "before_leading_metadata nil",
            "after_request answered",
        ],
    )
    .await;
    check(
        "metadata, leading at once",
        async |client| {
            client.send(&message(1, true, "lead", MESSAGE, Some(&Metadata::from([("user", "ann")])))).await;
            assert_eq!(client.answer().await.kind, METADATA);
            assert_eq!(client.answer().await.data, Value::from(7));
        },
        &[
            "before_request lead",
            "before_request_metadata user",
            "before_request_message Ok(Bool(true))",
            "call {",
            "before_leading_metadata lead",
            "} ok",
            "before_trailing_metadata trail",
            "before_response_message 7",
            "after_request answered",
        ],
    )
    .await;
    check(
        "leading with the answer",
        async |client| drop(client.call(1, "lead", false).await),
        &[
            "before_request lead",
            "before_request_message Ok(Bool(false))",
            "call {",
            "} ok",
            "before_trailing_metadata trail",
            "before_response_message 7",
            "before_leading_metadata lead",
            "after_request answered",
        ],
    )
    .await;
    check(
        "a stream out",
        async |client| {
            client.request(1, "count", 2).await;
            for kind in [MESSAGE, MESSAGE, END] {
                assert_eq!(client.answer().await.kind, kind);
            }
        },
        &[
            "before_request count",
            "before_request_message 2",
            "call {",
            "before_response_message 0",
            "before_leading_metadata nil",
            "before_response_message 1",
            "} ok",
            "before_trailing_metadata nil",
            "after_request answered",
        ],
    )
    .await;
    check(
        "a stream out without items",
        async |client| {
            client.request(1, "count", 0).await;
            assert_eq!(client.answer().await.kind, END);
        },
        &[
            "before_request count",
            "before_request_message 0",
            "call {",
            "} ok",
            "before_trailing_metadata nil",
            "before_leading_metadata nil",
            "after_request answered",
        ],
    )
    .await;
    check(
        "a stream in",
        async |client| {
            client.request(1, "total", 1).await;
            client.request(1, "total", 2).await;
            client.kind(1, "total", END).await;
            assert_eq!(client.answer().await.data, Value::from(3));
        },
        &[
            "before_request total",
            "call {",
            "before_request_message 1",
            "before_request_data Message",
            "before_request_message 2",
            "before_request_data End",
            "} ok",
            "before_trailing_metadata nil",
            "before_response_message 3",
            "before_leading_metadata nil",
            "after_request answered",
        ],
    )
    .await;
    check(
        "a stream in that begins without an item",
        async |client| {
            client.kind(1, "total", METADATA).await;
            client.kind(1, "total", END).await;
            assert_eq!(client.answer().await.data, Value::from(0));
        },
        &[
            "before_request total",
            "call {",
            "before_request_data End",
            "} ok",
            "before_trailing_metadata nil",
            "before_response_message 0",
            "before_leading_metadata nil",
            "after_request answered",
        ],
    )
    .await;
    check(
        "streams both ways",
        async |client| {
            client.request(1, "double", 4).await;
            assert_eq!(client.answer().await.data, Value::from(8));
            client.kind(1, "double", END).await;
            assert_eq!(client.answer().await.kind, END);
        },
        &[
            "before_request double",
            "call {",
            "before_request_message 4",
            "before_response_message 8",
            "before_leading_metadata nil",
            "before_request_data End",
            "} ok",
            "before_trailing_metadata nil",
            "after_request answered",
        ],
    )
    .await;
    check(
        "parameters that do not fit",
        async |client| assert_eq!(client.refused(1, "add", "x").await, 422),
        &["before_request add", "after_request failed 422"],
    )
    .await;
    check(
        "an item that does not fit",
        async |client| {
            client.request(1, "total", 1).await;
            client.request(1, "total", "x").await;
            assert_eq!(client.answer().await.code(), 422);
        },
        &[
            "before_request total",
            "call {",
            "before_request_message 1",
            "before_request_data Message",
            "} 422",
            "after_request failed 422",
        ],
    )
    .await;
    check(
        "a procedure that fails",
        async |client| assert_eq!(client.refused(1, "fail", ()).await, 500),
        &["before_request fail", "before_request_message nil", "call {", "} 500", "after_request failed 500"],
    )
    .await;
    check(
        "a cancellation",
        async |client| {
            client.request(1, "wait", ()).await;
            client.kind(1, "wait", CANCEL).await;
        },
        &[
            "before_request wait",
            "before_request_message nil",
            "call {",
            "before_request_data Cancel",
            "after_request cancelled Client",
        ],
    )
    .await;
    check(
        "an unknown procedure",
        async |client| assert_eq!(client.refused(1, "no such thing", ()).await, 404),
        &[],
    )
    .await;
    check(
        "messages for no call",
        async |client| {
            client.kind(1, "total", END).await;
            client.kind(1, "add", CANCEL).await;
        },
        &[],
    )
    .await;
}

#[tokio::test]
async fn calls_of_a_broken_connection_end_before_it() {
    let probe = Probe::new();
    let server = serve(probe.app().hook(Recorder::new(&probe))).await;
    let mut client = server.connect().await;
    for seq in 1..=5 {
        client.request(seq, "wait", ()).await;
    }
    until("all run", || probe.running() == 5).await;
    probe.log();
    drop(client);
    until("it is over", || probe.noted("after_connection 1006")).await;
    let log = probe.log();
    assert_eq!(log.last().map(String::as_str), Some("after_connection 1006"));
    assert_eq!(log.iter().filter(|line| *line == "after_request cancelled Disconnect").count(), 5, "{log:?}");
    assert_eq!(log.len(), 11, "guards, ends, and nothing else: {log:?}");
}

#[tokio::test]
async fn hooks_of_modules_run_inside_those_around_them() {
    let probe = Probe::new();
    let hook = |name| Recorder { probe: probe.clone(), name };
    let leaf = |name: &'static str| Module::new().handle(name, [], async || 1);
    let app = App::new().hook(hook("app ")).module(leaf("root")).nest(
        "outer",
        leaf("x").hook(hook("outer ")).hook(hook("second ")).nest("inner", leaf("y").hook(hook("inner "))),
    );
    let server = serve(app).await;
    let mut client = server.connect().await;
    until("it is open", || probe.noted("app after_accept")).await;
    for (rpc, hooks) in [
        ("root", &["app "][..]),
        ("outer.x", &["app ", "outer ", "second "]),
        ("outer.inner.y", &["app ", "outer ", "second ", "inner "]),
    ] {
        probe.log();
        assert_eq!(client.call(1, rpc, ()).await, Ok(Value::from(1)));
        let all = |what: &str| hooks.iter().map(|hook| format!("{hook}{what}")).collect::<Vec<_>>();
        let expected = [
            all(&format!("before_request {rpc}")),
            all("before_request_message nil"),
            all("call {"),
            all("} ok").into_iter().rev().collect(),
            all("before_trailing_metadata nil"),
            all("before_response_message 1"),
            all("before_leading_metadata nil"),
            all("after_request answered"),
        ];
        assert_eq!(probe.log(), expected.concat(), "{rpc}");
    }
    client.goodbye().await;
    until("it is over", || probe.noted("app after_connection 1000")).await;
    assert_eq!(probe.log(), ["app after_connection 1000"], "connections are the app's business");
}

/// Changes whatever it sees.
struct Changes;

impl Hook for Changes {
    async fn before_request(&self, cx: &mut Context) -> Result<()> {
        cx.insert(42_u32);
        Ok(())
    }

    async fn before_request_metadata(&self, _: &Context, metadata: &mut Metadata) -> Result<()> {
        metadata.insert("seen", cx_free("yes"));
        Ok(())
    }

    async fn before_request_message(&self, cx: &Context, message: &mut Payload<'static>) -> Result<()> {
        assert_eq!(cx.get::<u32>(), Some(&42));
        match message.decode::<i64>() {
            Ok(13) => *message = Payload::encode(message.format(), "thirteen")?,
            Ok(number) => *message = Payload::encode(message.format(), &(number + 1))?,
            Err(_) => {}
        }
        Ok(())
    }

    async fn before_response_message(&self, _: &Context, message: &mut Payload<'static>) -> Result<()> {
        if let Ok(number) = message.decode::<i64>() {
            *message = Payload::encode(message.format(), &(number * 10))?;
        }
        Ok(())
    }

    async fn before_leading_metadata(&self, _: &Context, metadata: &mut Option<Box<Metadata>>) -> Result<()> {
        metadata.get_or_insert_default().insert("by", "hook");
        Ok(())
    }

    async fn before_trailing_metadata(
        &self,
        _: &Context,
        metadata: &mut Option<Box<Metadata>>,
    ) -> Result<()> {
        *metadata = Some(Box::new(Metadata::from([("end", "hook")])));
        Ok(())
    }
}

fn cx_free(text: &str) -> Value {
    text.into()
}

fn map(entries: &[(&str, &str)]) -> Value {
    Value::Map(entries.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

#[tokio::test]
async fn hooks_change_what_they_see() {
    let module = Module::new().handle("same", ["n"], async |n: i64| n);
    let server = serve(Probe::new().app().module(module).hook(Changes)).await;
    let mut client = server.connect().await;
    client.request(1, "same", 1).await;
    let answer = client.answer().await;
    assert_eq!(answer.data, Value::from(20));
    assert_eq!((answer.leading, answer.trailing), (map(&[("by", "hook")]), map(&[("end", "hook")])));
    client.send(&message(2, (), "metadata", MESSAGE, Some(&Metadata::from([("user", "ann")])))).await;
    assert_eq!(client.answer().await.data, map(&[("user", "ann"), ("seen", "yes")]));
    client.request(3, "double", 1).await;
    let answer = client.answer().await;
    assert_eq!((answer.data, answer.leading), (Value::from(40), map(&[("by", "hook")])));
    client.request(3, "double", 2).await;
    let answer = client.answer().await;
    assert_eq!((answer.data, answer.leading), (Value::from(60), Value::Nil));
    client.kind(3, "double", END).await;
    assert_eq!(client.answer().await.trailing, map(&[("end", "hook")]));
    // What a hook puts in the place of the parameters has to fit, too.
    assert_eq!(client.refused(4, "same", 13).await, 422);
    client.request(5, "double", 13).await;
    assert_eq!(client.answer().await.code(), 422);
    client.goodbye().await;
}

/// Refuses at one place, with an error or a close.
#[derive(Clone)]
struct Refuses(&'static str, Arc<Mutex<Vec<String>>>);

impl Refuses {
    fn at(&self, place: &str) -> Result<()> {
        match self.0.split_once(' ') {
            Some((here, "close")) if here == place => Err(Error::close_connection(4444, "no")),
            Some((here, "error")) if here == place => Err(Error::new(477, "no")),
            Some((here, "http")) if here == place => Err(Error::close_connection(401, "who are you?")),
            _ => Ok(()),
        }
    }
}

impl Hook for Refuses {
    async fn before_connection(&self, _: &mut Handshake) -> Result<()> {
        self.at("before_connection")
    }
    async fn before_accept(&self, _: &mut Handshake) -> Result<()> {
        self.at("before_accept")
    }
    async fn after_accept(&self, _: &Peer) -> Result<()> {
        self.at("after_accept")
    }
    async fn before_request(&self, _: &mut Context) -> Result<()> {
        self.at("before_request")
    }
    async fn before_request_metadata(&self, _: &Context, _: &mut Metadata) -> Result<()> {
        self.at("before_request_metadata")
    }
    async fn before_request_data(&self, _: &Context, _: DataKind) -> Result<()> {
        self.at("before_request_data")
    }
    async fn before_request_message(&self, _: &Context, _: &mut Payload<'static>) -> Result<()> {
        self.at("before_request_message")
    }
    async fn before_leading_metadata(&self, _: &Context, _: &mut Option<Box<Metadata>>) -> Result<()> {
        self.at("before_leading_metadata")
    }
    async fn before_response_message(&self, _: &Context, _: &mut Payload<'static>) -> Result<()> {
        self.at("before_response_message")
    }
    async fn before_trailing_metadata(&self, _: &Context, _: &mut Option<Box<Metadata>>) -> Result<()> {
        self.at("before_trailing_metadata")
    }
    async fn after_request(&self, _: &Context, outcome: Outcome<'_>) {
        let line = match outcome {
            Outcome::Failed(error) => format!("failed {}", error.code()),
            Outcome::Answered => "answered".into(),
            other => format!("{other:?}"),
        };
        self.1.lock().unwrap().push(line);
    }
    async fn after_connection(&self, _: &Peer, close: &Close) {
        self.1.lock().unwrap().push(format!("closed {}", close.code));
    }
    async fn call(&self, _: &Context, next: Next<'_>) -> Result<()> {
        self.at("call")?;
        next.run().await?;
        self.at("after")
    }
}

const PLACES: &[&str] = &[
    "before_request",
    "before_request_metadata",
    "before_request_data",
    "before_request_message",
    "before_leading_metadata",
    "before_response_message",
    "before_trailing_metadata",
    "call",
    "after",
];

#[tokio::test]
async fn a_hook_can_refuse_a_call_at_every_point() {
    for place in PLACES {
        for how in ["error", "close"] {
            let log = Arc::default();
            let name: &'static str = format!("{place} {how}").leak();
            let server = serve(Probe::new().app().hook(Refuses(name, Arc::clone(&log)))).await;
            let mut client = server.connect().await;
            // A stream both ways passes every point.
            client.send(&message(1, 1, "double", MESSAGE, Some(&Metadata::from([("a", "b")])))).await;
            let _ = client.try_write(&frame(0x82, &message(1, 2, "double", MESSAGE, None))).await;
            let _ = client.try_write(&frame(0x82, &message(1, (), "double", END, None))).await;
            let end = loop {
                match client.next().await {
                    Got::Answer(answer) if answer.kind == MESSAGE => {}
                    other => break other,
                }
            };
            match (how, end) {
                ("error", Got::Answer(answer)) => {
                    assert_eq!(answer.clone().result(), Err((477, "no".into())), "{name}");
                    assert_eq!(client.call(2, "no such thing", ()).await.map_err(|(code, _)| code), Err(404));
                    until(name, || !log.lock().unwrap().is_empty()).await;
                    assert_eq!(log.lock().unwrap().remove(0), "failed 477", "{name}");
                    client.goodbye().await;
                }
                ("close", Got::Close(code, reason)) => {
                    assert_eq!((code, reason.as_str()), (4444, "no"), "{name}");
                    assert_eq!(client.next().await, Got::Gone, "{name}");
                    drop(client);
                    until(name, || log.lock().unwrap().len() == 2).await;
                    assert_eq!(*log.lock().unwrap(), ["failed 4444", "closed 4444"], "{name}");
                }
                (_, end) => panic!("{name} ends with {end:?}"),
            }
            server.stop().await;
        }
    }
}

#[tokio::test]
async fn a_hook_can_refuse_a_connection() {
    for (name, status) in [
        ("before_connection http", 401),
        ("before_connection close", 403),
        ("before_connection error", 477),
        ("before_accept http", 401),
        ("before_accept close", 403),
    ] {
        let server = serve(Probe::new().app().hook(Refuses(name, Arc::default()))).await;
        let (_, response) = server.upgrade("/", &[]).await;
        assert_eq!(response.status, status, "{name}");
        assert_eq!(response.text(), if name.ends_with("http") { "who are you?" } else { "no" }, "{name}");
        server.stop().await;
    }
    for (name, code) in
        [("after_accept http", 1000), ("after_accept close", 4444), ("after_accept error", 1008)]
    {
        let server = serve(Probe::new().app().hook(Refuses(name, Arc::default()))).await;
        let mut client = server.connect().await;
        let _ = client.try_write(&frame(0x82, &message(1, (1, 2), "add", MESSAGE, None))).await;
        assert!(matches!(client.next().await, Got::Close(is, _) if is == code), "{name}");
        assert_eq!(client.next().await, Got::Gone);
        drop(client);
        server.stop().await;
    }
}

/// Says that all is well, whatever happened.
struct Optimist;

impl Hook for Optimist {
    async fn call(&self, cx: &Context, next: Next<'_>) -> Result<()> {
        if cx.procedure() != "nothing" {
            let _ = next.run().await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_hook_cannot_make_an_answer_of_nothing() {
    let server = serve(Probe::new().app().hook(Optimist)).await;
    let mut client = server.connect().await;
    for rpc in ["fail", "nothing", "panic"] {
        assert_eq!(client.refused(1, rpc, ()).await, Code::INTERNAL.0, "{rpc}");
    }
    assert_eq!(client.call(2, "add", (1, 2)).await, Ok(Value::from(3)));
    client.goodbye().await;
}

/// Puts something into every call that has to be given back.
struct Borrows(Arc<()>);

impl Hook for Borrows {
    async fn before_request(&self, cx: &mut Context) -> Result<()> {
        cx.insert(Arc::clone(&self.0));
        Ok(())
    }
}

#[tokio::test]
async fn what_a_hook_puts_into_a_call_is_dropped_with_it() {
    let lent = Arc::new(());
    let server = serve(Probe::new().app().hook(Borrows(Arc::clone(&lent)))).await;
    let mut client = server.connect().await;
    for (rpc, data) in
        [("echo", 1), ("sleep", 1), ("no parameters", 1), ("add", 1), ("first", 1), ("count", 0)]
    {
        client.request(1, rpc, data).await;
        client.answer().await;
        until(rpc, || Arc::strong_count(&lent) == 2).await;
    }
    client.goodbye().await;
}

/// Only looks at connections, and would fail every call.
struct Doorkeeper(Probe);

impl Hook for Doorkeeper {
    fn sees_calls(&self) -> bool {
        false
    }

    async fn before_connection(&self, _: &mut Handshake) -> Result<()> {
        self.0.note("before_connection");
        Ok(())
    }

    async fn after_accept(&self, _: &Peer) -> Result<()> {
        self.0.note("after_accept");
        Ok(())
    }

    async fn before_request(&self, _: &mut Context) -> Result<()> {
        Err(Error::new(403, "it was not to see this"))
    }

    async fn call(&self, _: &Context, _: Next<'_>) -> Result<()> {
        Err(Error::new(403, "it was not to see this"))
    }

    async fn after_connection(&self, _: &Peer, close: &Close) {
        self.0.note(format!("after_connection {}", close.code));
    }
}

#[tokio::test]
async fn a_hook_may_look_at_connections_only() {
    let probe = Probe::new();
    let server = serve(probe.app().hook(Doorkeeper(probe.clone()))).await;
    let mut client = server.connect().await;
    assert_eq!(client.call(1, "add", (1, 2)).await, Ok(Value::from(3)));
    client.goodbye().await;
    until("the connection is over", || probe.noted("after_connection 1000")).await;
    let log = probe.log();
    let seen: Vec<_> = log.iter().filter(|line| !line.starts_with("cancelled: ")).collect();
    assert_eq!(seen, ["before_connection", "after_accept", "after_connection 1000"]);
    server.stop().await;
}
