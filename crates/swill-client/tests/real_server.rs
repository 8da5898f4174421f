//! The four shapes, metadata and errors against the real server.

use futures_util::StreamExt;
use std::time::Duration;
use swill::{App, Context, Stream, Streaming, stream};
use swill_client::{Client, Code, Limits, Metadata, State, Value};

struct Calc;

#[swill::module]
impl Calc {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn echo(&self, text: String) -> String {
        text
    }

    async fn slow(&self, number: i64) -> i64 {
        tokio::task::yield_now().await;
        number
    }

    async fn sleep(&self) {
        std::future::pending().await
    }

    async fn greet(&self, cx: &Context, name: String) -> swill::Result<String> {
        let language =
            cx.metadata().and_then(|metadata| metadata.get("language")?.as_str()).unwrap_or("en").to_owned();
        cx.set_leading(Metadata::from([("heard", &*language)]))?;
        cx.set_trailing(Metadata::from([("done", true)]));
        Ok(format!("{} {name}", if language == "fr" { "Salut" } else { "Hello" }))
    }

    fn forever(&self) -> impl Stream<Item = u32> {
        stream! {
            for number in 0.. {
                yield number;
                tokio::task::yield_now().await;
            }
        }
    }

    async fn fail(&self, code: i64) -> swill::Result<()> {
        Err(swill::Error::new(code, "as you wish").with_data([1, 2]))
    }

    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream! {
            for number in 0..to {
                yield number;
            }
        }
    }

    async fn total(&self, mut numbers: Streaming<i64>) -> swill::Result<i64> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    fn double(&self, mut numbers: Streaming<i64>) -> impl Stream<Item = swill::Result<i64>> {
        stream! {
            while let Some(number) = numbers.next().await {
                yield number.map(|number| 2 * number);
            }
        }
    }
}

async fn serve() -> (Client, swill::ShutdownHandle) {
    let server = App::new().module(Calc).bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", server.local_addr());
    let shutdown = server.shutdown_handle();
    tokio::spawn(server.run());
    (Client::connect(&url).await.unwrap(), shutdown)
}

#[tokio::test]
async fn all_four_shapes() {
    let (client, _server) = serve().await;
    assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    let sum = client.call::<Value>("add", Value::from(vec![Value::from(1), Value::from(2)])).await.unwrap();
    assert_eq!(sum, Value::from(3));

    let numbers = client.stream::<u32>("count", 1000).await.unwrap().collect().await.unwrap();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());

    let mut sender = client.request("total").stream_in::<i64, i64>().await.unwrap();
    for number in 1..=100 {
        sender.send(number).await.unwrap();
    }
    sender.send(&7).await.unwrap();
    sender.send(-7).await.unwrap();
    assert_eq!(sender.finish().await.unwrap(), 5050);

    let (mut numbers, doubles) = client.request("double").both::<i64, i64>().await.unwrap();
    let sending = tokio::spawn(async move {
        for number in 0..100 {
            numbers.send(number).await.unwrap();
        }
        numbers.finish().await.unwrap();
    });
    let doubles: Vec<_> = doubles.map(Result::unwrap).collect().await;
    assert_eq!(doubles, (0..100).map(|number| 2 * number).collect::<Vec<_>>());
    sending.await.unwrap();
    client.close().await;
}

#[tokio::test]
async fn errors_and_metadata() {
    let (client, _server) = serve().await;
    let error = client.call::<()>("fail", 418).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code(418), "as you wish"));
    assert_eq!(error.data().unwrap().deserialize::<[i32; 2]>().unwrap(), [1, 2]);
    assert_eq!(client.call::<()>("nothing", ()).await.unwrap_err().code(), Code::NOT_FOUND);
    let error = client.call::<i64>("add", (1, "two")).await.unwrap_err();
    assert_eq!(error.code(), Code::INVALID);

    let request = client.request("greet").metadata([("language", "fr")]);
    let response = request.call_with_metadata::<String>("Ann").await.unwrap();
    assert_eq!(response.value, "Salut Ann");
    assert_eq!(response.leading, Metadata::from([("heard", "fr")]));
    assert_eq!(response.trailing, Metadata::from([("done", true)]));
}

#[tokio::test]
async fn cancelling_reaches_the_procedure() {
    let (client, _server) = serve().await;
    let error = client.request("sleep").deadline(Duration::from_millis(20)).call::<()>(()).await.unwrap_err();
    assert_eq!(error.code(), Code::DEADLINE);
    let items = client.stream::<u32>("forever", ()).await.unwrap();
    drop(items);
    // More than the server lets run at the same time: those before have ended.
    for _ in 0..300 {
        let mut items = client.stream::<u32>("forever", ()).await.unwrap();
        assert_eq!(items.next().await.unwrap().unwrap(), 0);
    }
    assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
}

#[tokio::test]
async fn more_calls_at_the_same_time_than_the_server_allows() {
    let (client, _server) = serve().await;
    let calls = (0..1000_i64).map(|number| {
        let client = client.clone();
        tokio::spawn(async move { client.call::<i64>("slow", number).await })
    });
    for (number, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), number as i64);
    }
}

#[tokio::test]
async fn large_messages_go_both_ways() {
    let (client, _server) = serve().await;
    let text = "x".repeat(900_000);
    for _ in 0..3 {
        assert_eq!(client.call::<String>("echo", &text).await.unwrap(), text);
    }
    let error = client.call::<String>("echo", "x".repeat(2 << 20)).await.unwrap_err();
    assert_eq!(error.code(), Code::TOO_LARGE);
}

#[tokio::test]
async fn a_server_that_comes_back_is_found() {
    let server = App::new().module(Calc).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr();
    let shutdown = server.shutdown_handle();
    let running = tokio::spawn(server.run());
    let client = Client::connect(&format!("ws://{address}/ws")).await.unwrap();
    assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    shutdown.shutdown();
    running.await.unwrap().unwrap();
    client.watch().until(|state| *state != State::Open).await;
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<i64>("add", (3, 4)).await }
    });
    let server = App::new().module(Calc).bind(address).await.unwrap();
    tokio::spawn(server.run());
    assert_eq!(call.await.unwrap().unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_at_once_with_little_room() {
    let server = App::new().module(Calc).bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", server.local_addr());
    tokio::spawn(server.run());
    let limits = Limits::default().calls(10).outbox(256).unread(2000, 5000);
    let client = Client::builder(&url).limits(limits).connect().await.unwrap();
    let tasks = (0..16_i64).map(|task| {
        let client = client.clone();
        tokio::spawn(async move {
            for round in 0..36 {
                match (task + round) % 4 {
                    0 => assert_eq!(client.call::<i64>("add", (task, round)).await.unwrap(), task + round),
                    1 => {
                        let numbers =
                            client.stream::<u32>("count", 300).await.unwrap().collect().await.unwrap();
                        assert_eq!(numbers, (0..300).collect::<Vec<_>>());
                    }
                    2 => {
                        let mut items = client.stream::<u32>("forever", ()).await.unwrap();
                        assert_eq!(items.next().await.unwrap().unwrap(), 0);
                    }
                    _ => {
                        let mut sender = client.request("total").stream_in::<i64, i64>().await.unwrap();
                        for number in 0..50 {
                            sender.send(number).await.unwrap();
                        }
                        assert_eq!(sender.finish().await.unwrap(), 1225);
                    }
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    client.close().await;
}
