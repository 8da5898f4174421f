use super::*;
use serde_json::{Value, json};
use swill_client::{Client, Protocol};

#[test]
fn there_is_something_of_everything() {
    let spec = app().spec().expect("it can be served");
    for (streams_in, streams_out) in [(false, false), (false, true), (true, false), (true, true)] {
        let has = |it: &&swill::spec::ProcedureSpec| {
            it.shape().streams_in == streams_in && it.shape().streams_out == streams_out
        };
        assert!(spec.procedures.iter().any(|it| has(&it)), "in: {streams_in}, out: {streams_out}");
    }
    let add = spec.procedures.first().expect("a procedure");
    assert_eq!(add.name, "add");
    let hello = spec.procedure("hello").expect("it is there");
    for keys in [&hello.metadata.client, &hello.metadata.leading, &hello.metadata.trailing] {
        assert!(!keys.is_empty());
    }
    assert!(spec.procedures.iter().all(|it| !it.doc.is_empty()), "every procedure is explained");
    assert!(spec.modules.iter().any(|it| it.name == "shop.stock"), "a module in a module");
    assert!(spec.procedures.iter().any(|it| !it.errors.is_empty()), "typed errors");
    assert!(spec.procedures.iter().any(|it| it.deadline_ms.is_some()), "a deadline");
}

#[test]
fn addresses_are_those_that_can_be_typed() {
    for (address, server, url) in [
        ("127.0.0.1:8000", "localhost", "http://127.0.0.1:8000/docs"),
        ("0.0.0.0:8000", "localhost", "http://localhost:8000/docs"),
        ("127.0.0.1:4711", "127.0.0.1:4711", "http://127.0.0.1:4711/docs"),
        ("[::]:4711", "localhost:4711", "http://localhost:4711/docs"),
        ("[::1]:8000", "localhost", "http://[::1]:8000/docs"),
    ] {
        let address = address.parse().expect("an address");
        assert_eq!((short(address).as_str(), page(address).as_str()), (server, url));
    }
}

#[test]
fn credentials_have_a_colon() {
    assert_eq!(credentials("ann:a:b"), Ok(("ann".to_owned(), "a:b".to_owned())));
    assert!(credentials("ann").is_err());
}

/// The app on a free port, with a client.
async fn served(protocol: Protocol) -> Client {
    let server = app().bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/ws", server.local_addr());
    tokio::spawn(server.run());
    let client = Client::builder(&url).protocol(protocol);
    let client = client.handle("approve", async |(steps,): (u32,)| Ok(steps == 1));
    client.connect().await.expect("a connection")
}

/// A list of parameters as the protocol wants it: a single one goes as it is over Swill's own.
fn form(protocol: Protocol, params: &Value) -> &Value {
    match params.as_array().map(Vec::as_slice) {
        Some([single]) if protocol == Protocol::Swill => single,
        _ => params,
    }
}

#[tokio::test]
async fn everything_that_is_called_once_answers() {
    for protocol in [Protocol::Swill, Protocol::JsonRpc] {
        let client = served(protocol).await;
        let order = json!({
            "customer": { "name": "Ada", "email": "ada@example.org" },
            "lines": [{ "article": "tea", "quantity": 2 }, { "article": "mug" }],
            "payment": { "method": "card", "digits": "4242" },
            "delivery": "express",
        });
        let receipt = json!({ "number": 1, "customer": "Ada", "total_cents": 2600, "delivery": "express" });
        for (name, params, expected) in [
            ("add", json!([1, 2]), json!(3)),
            ("add", json!([i64::MAX, 1]), json!(i64::MAX)),
            ("divide", json!([1.0, 4.0]), json!(0.25)),
            ("hello", json!(["Hi"]), json!("Hi, stranger!")),
            ("shop.order", json!([order]), receipt),
            ("shop.prices", json!([]), json!({ "tea": 450, "coffee": 690, "mug": 1200 })),
            ("shop.stock.level", json!(["mug"]), json!(12)),
            ("lab.wait", json!([0]), json!(0)),
        ] {
            let answer: Value = client
                .call(name, form(protocol, &params))
                .await
                .unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(answer, expected, "{name} over {protocol:?}");
        }
        for (name, params, code) in [
            ("divide", json!([1.0, 0.0]), 400),
            ("lab.fail", json!({ "code": 418, "message": "a teapot" }), 418),
            ("lab.wait", json!([10_001]), 422),
            ("shop.order", json!([{}]), 422),
        ] {
            let error = client.call::<Value>(name, form(protocol, &params)).await.expect_err(name);
            // JSON-RPC has a code of its own for what is not valid.
            let code = if code == 422 && protocol == Protocol::JsonRpc { -32602 } else { code };
            assert_eq!(error.code().0, code, "{name} over {protocol:?}: {error}");
        }
    }
}

#[tokio::test]
async fn metadata_comes_in_all_places() {
    let client = served(Protocol::Swill).await;
    let request = client.request("hello").metadata(swill_client::Metadata::from([("name", "Ada")]));
    let answer = request.call_with_metadata::<String>("Good day").await.expect("an answer");
    assert_eq!(answer.value, "Good day, Ada!");
    assert_eq!(answer.leading.get("language").and_then(|it| it.as_str()), Some("en"));
    assert!(answer.trailing.get("took_us").is_some());
}

#[tokio::test]
async fn streams_flow() {
    let client = served(Protocol::Swill).await;
    let mut numbers =
        client.stream::<u32>("count", json!({ "to": 10_000, "pause_ms": 0 })).await.expect("a stream");
    let mut count = 0;
    while let Some(number) = numbers.next().await {
        assert_eq!(number.expect("a number"), count);
        count += 1;
    }
    assert_eq!(count, 10_000);
    let mut ticks = client.stream::<Value>("ticks", 10).await.expect("a stream");
    assert_eq!(ticks.next().await.expect("a tick").expect("no error")["number"], 1);

    let mut numbers = client.request("total").stream_in::<i64, i64>().await.expect("a stream");
    for number in [1, 2, 3] {
        numbers.send(number).await.expect("it is taken");
    }
    assert_eq!(numbers.finish().await.expect("a sum"), 6);
}

#[tokio::test]
async fn a_job_tells_how_far_it_is_and_asks() {
    let client = served(Protocol::JsonRpc).await;
    let job: Value = client.call("lab.job", (1,)).await.expect("an answer");
    assert_eq!(job, json!({ "steps": 1, "approved": true }));
    let client = served(Protocol::Swill).await;
    assert_eq!(client.call::<Value>("lab.job", 1).await.expect_err("nobody can be asked").code().0, 501);
}
