//! JSON-RPC 2.0 against the real server, in both codecs: calls in both directions, batches, streams, cancellation.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use swill::{App, Peer, Stream, Streaming, stream};
use swill_client::{Builder, Client, Code, Metadata, Protocol, State, Value};
use tokio::sync::Notify;

/// Both codecs, and the tokens that ask a server for them.
const BOTH: [(Protocol, &str); 2] =
    [(Protocol::JsonRpc, "jsonrpc"), (Protocol::JsonRpcMsgpack, "jsonrpc.msgpack")];

#[derive(Default)]
struct Service {
    stopped: Arc<AtomicUsize>,
    gone: Arc<Notify>,
}

/// Says that a procedure was dropped.
struct Guard(Arc<AtomicUsize>, Arc<Notify>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        self.1.notify_one();
    }
}

#[swill::module]
impl Service {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn later(&self, text: String) -> String {
        tokio::task::yield_now().await;
        text
    }

    async fn fail(&self, code: i64) -> swill::Result<()> {
        Err(swill::Error::new(code, "as you wish").with_data([1, 2]))
    }

    async fn sleep(&self) {
        let _guard = Guard(self.stopped.clone(), self.gone.clone());
        std::future::pending().await
    }

    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream! {
            for number in 0..to {
                yield number;
            }
        }
    }

    fn forever(&self) -> impl Stream<Item = u32> {
        let guard = Guard(self.stopped.clone(), self.gone.clone());
        stream! {
            for number in 0.. {
                yield number;
                tokio::task::yield_now().await;
            }
            drop(guard);
        }
    }

    fn breaks(&self) -> impl Stream<Item = swill::Result<u32>> {
        stream! {
            yield Ok(0);
            yield Err(swill::Error::new(418, "halfway"));
        }
    }

    async fn total(&self, mut numbers: Streaming<i64>) -> swill::Result<i64> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    /// Asks the caller, from inside a call.
    async fn paint(&self, peer: &Peer, wall: String) -> swill::Result<String> {
        let colour: String = peer.call("colour", (&wall,)).await?;
        Ok(format!("{wall} is {colour}"))
    }

    async fn ask(&self, peer: &Peer, name: String) -> swill::Result<Value> {
        peer.call(&name, ()).await
    }

    async fn hurry(&self, peer: &Peer) -> swill::Result<Value> {
        peer.call_within(Duration::from_millis(20), "late", ()).await
    }

    async fn ask_all(&self, peer: &Peer) -> swill::Result<Vec<Value>> {
        let batch =
            peer.batch().call("colour", ("a",)).notify("seen", (1,)).call("nobody", ()).call("later", [7]);
        let answers = batch.send().await?;
        Ok(answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|error| Value::from(error.code().0)))
            .collect())
    }

    async fn tell(&self, peer: &Peer, times: u32) -> swill::Result<()> {
        for number in 0..times {
            peer.notify("seen", (number,)).await?;
        }
        Ok(())
    }
}

async fn serve(
    app: App,
    address: &str,
) -> (String, swill::ShutdownHandle, tokio::task::JoinHandle<swill::Result<()>>) {
    let protocols =
        [swill::Protocol::json_rpc(), swill::Protocol::json_rpc_msgpack(), swill::Protocol::swill()];
    let server = app.protocols(protocols).bind(address).await.unwrap();
    let address = server.local_addr().to_string();
    let shutdown = server.shutdown_handle();
    (address, shutdown, tokio::spawn(server.run()))
}

/// A client of a server that runs as long as the test.
async fn connect(
    protocol: Protocol,
    token: &str,
    service: Service,
    prepare: impl FnOnce(Builder) -> Builder,
) -> Client {
    let (address, _, _) = serve(App::new().module(service), "127.0.0.1:0").await;
    let builder = Client::builder(&format!("ws://{address}/ws")).protocol(protocol).subprotocols([token]);
    prepare(builder).connect().await.unwrap()
}

#[tokio::test]
async fn calls_notifications_and_batches() {
    for (protocol, token) in BOTH {
        let client = connect(protocol, token, Service::default(), |builder| builder).await;
        assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
        assert_eq!(
            client
                .call::<i64>("add", Value::Map(vec![("b".into(), 2.into()), ("a".into(), 1.into())]))
                .await
                .unwrap(),
            3
        );
        assert_eq!(client.call::<String>("later", "alone").await.unwrap(), "alone");
        client.notify("later", "unheard").await.unwrap();
        let batch =
            client.batch().call("later", ("a",)).call("fail", 418).notify("add", (1, 2)).call("add", (3, 4));
        let answers = batch.send().await.unwrap();
        assert_eq!(answers[0].as_ref().unwrap(), &Value::from("a"));
        assert_eq!(answers[1].as_ref().unwrap_err().code(), Code(418));
        assert_eq!(answers[2].as_ref().unwrap(), &Value::from(7));

        let error = client.call::<()>("fail", [418]).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code(418), "as you wish"));
        assert_eq!(error.data().unwrap().deserialize::<[i32; 2]>().unwrap(), [1, 2]);
        assert_eq!(client.call::<()>("nobody", ()).await.unwrap_err().code(), Code(-32601));
        let error = client.call::<()>("add", (1, "two")).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code(-32602), "Invalid params"));
        assert!(format!("{:?}", error.data()).contains("\"b\""), "{error:?}");
        assert_eq!(
            client.request("total").stream_in::<i64, i64>().await.unwrap_err().code(),
            Code::UNIMPLEMENTED
        );
        client.close().await;
    }
}

#[tokio::test]
async fn the_same_client_speaks_swill_to_the_same_server() {
    let (address, _, _) = serve(App::new().module(Service::default()), "127.0.0.1:0").await;
    let builder = Client::builder(&format!("ws://{address}/ws"));
    let client = builder.handle("colour", async |(wall,): (String,)| Ok(wall)).connect().await.unwrap();
    let answers =
        client.batch().call("add", (1, 2)).notify("add", (3, 4)).call("later", "a").send().await.unwrap();
    let answers: swill_client::Result<Vec<Value>> = answers.into_iter().collect();
    assert_eq!(answers.unwrap(), [Value::from(3), Value::from("a")]);
    client.notify("add", (1, 2)).await.unwrap();
    // Its servers do not call.
    let error = client.call::<String>("paint", "wall").await.unwrap_err();
    assert_eq!(error.code(), Code::UNIMPLEMENTED);
    client.close().await;
}

#[tokio::test]
async fn streams_out_arrive_whole_and_end_with_their_errors() {
    for (protocol, token) in BOTH {
        let service = Service::default();
        let (stopped, gone) = (service.stopped.clone(), service.gone.clone());
        let client = connect(protocol, token, service, |builder| builder).await;
        let numbers = client.stream::<u32>("count", 10_000).await.unwrap().collect().await.unwrap();
        assert_eq!(numbers, (0..10_000).collect::<Vec<_>>());
        assert_eq!(client.stream::<u32>("count", 0).await.unwrap().collect().await.unwrap(), [0; 0]);

        let mut items = client.stream::<u32>("breaks", ()).await.unwrap();
        assert_eq!(items.leading().await, &Metadata::default());
        assert_eq!(items.next().await.unwrap().unwrap(), 0);
        let error = items.next().await.unwrap().unwrap_err();
        assert_eq!((error.code(), error.message()), (Code(418), "halfway"));
        assert!(items.next().await.is_none());
        let mut items = client.stream::<u32>("nobody", ()).await.unwrap();
        assert_eq!(items.next().await.unwrap().unwrap_err().code(), Code(-32601));

        let mut items = client.stream::<u32>("forever", ()).await.unwrap();
        assert_eq!(items.next().await.unwrap().unwrap(), 0);
        drop(items);
        gone.notified().await;
        assert_eq!(stopped.load(Ordering::SeqCst), 1);
        // More than the server lets run at the same time: those before have ended.
        for _ in 0..150 {
            let mut items = client.stream::<u32>("forever", ()).await.unwrap();
            assert_eq!(items.next().await.unwrap().unwrap(), 0);
        }
        client.close().await;
    }
}

#[tokio::test]
async fn cancelling_reaches_the_procedure() {
    for (protocol, token) in BOTH {
        let service = Service::default();
        let (stopped, gone) = (service.stopped.clone(), service.gone.clone());
        let client = connect(protocol, token, service, |builder| builder).await;
        let request = client.request("sleep").deadline(Duration::from_millis(20));
        assert_eq!(request.call::<()>(()).await.unwrap_err().code(), Code::DEADLINE);
        gone.notified().await;
        let batch = client.batch().call("sleep", ()).call("add", (1, 2)).deadline(Duration::from_millis(20));
        let answers = batch.send().await.unwrap();
        assert_eq!(answers[0].as_ref().unwrap_err().code(), Code::DEADLINE);
        gone.notified().await;
        assert_eq!(stopped.load(Ordering::SeqCst), 2);
        assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
        client.close().await;
    }
}

/// The handlers of most tests, and how often `seen` was called.
fn handlers(builder: Builder) -> (Builder, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let builder = builder
        .handle("colour", async |(wall,): (String,)| Ok(format!("red {wall}")))
        .handle("later", async |(number,): (i64,)| {
            tokio::task::yield_now().await;
            Ok(number)
        })
        .handle("fails", async |()| Err::<(), _>(swill_client::Error::new(418, "no").with_data("why")))
        .handle("panics", async |()| -> swill_client::Result<()> { panic!("a secret") })
        .handle("seen", move |(_,): (u32,)| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        });
    (builder, seen)
}

#[tokio::test]
async fn the_server_calls_the_client_from_inside_a_procedure() {
    for (protocol, token) in BOTH {
        let mut seen = None;
        let client = connect(protocol, token, Service::default(), |builder| {
            let (builder, count) = handlers(builder);
            seen = Some(count);
            builder
        })
        .await;
        let seen = seen.unwrap();
        assert_eq!(client.call::<String>("paint", "wall").await.unwrap(), "wall is red wall");
        let error = client.call::<Value>("ask", "fails").await.unwrap_err();
        assert_eq!(
            (error.code(), error.message(), error.data()),
            (Code(418), "no", Some(&Value::from("why")))
        );
        // What is wrong on this side is told to the server, which passes it on.
        let error = client.call::<Value>("ask", "panics").await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code(-32603), "Internal error"));
        assert_eq!(client.call::<Value>("ask", "nobody").await.unwrap_err().code(), Code(-32601));
        assert_eq!(client.call::<Value>("ask", "colour").await.unwrap_err().code(), Code(-32602));
        let answers = client.call::<Vec<Value>>("ask_all", ()).await.unwrap();
        assert_eq!(answers, [Value::from("red a"), Value::from(-32601), Value::from(7)]);
        assert_eq!(seen.load(Ordering::SeqCst), 1);
        client.call::<()>("tell", 1000).await.unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), 1001);
        client.close().await;
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_ignored() {
    for (protocol, token) in BOTH {
        let release = Arc::new(Notify::new());
        let client = connect(protocol, token, Service::default(), |builder| {
            let release = release.clone();
            handlers(builder).0.handle("late", move |()| {
                let release = release.clone();
                async move {
                    release.notified().await;
                    Ok("too late")
                }
            })
        })
        .await;
        // The server waits no longer than it said.
        assert_eq!(client.call::<Value>("hurry", ()).await.unwrap_err().code(), Code::DEADLINE);
        release.notify_one();
        for _ in 0..100 {
            assert_eq!(client.call::<String>("paint", "wall").await.unwrap(), "wall is red wall");
        }
        client.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_cross_in_both_directions() {
    for (protocol, token) in BOTH {
        let client = connect(protocol, token, Service::default(), |builder| {
            // The server asks the client, which asks the server.
            builder.handle_with("colour", async |client: Client, (wall,): (String,)| {
                client.call::<String>("later", wall).await
            })
        })
        .await;
        let tasks = (0..8_i64).map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for round in 0..50 {
                    let wall = format!("{task}.{round}");
                    assert_eq!(
                        client.call::<String>("paint", &wall).await.unwrap(),
                        format!("{wall} is {wall}")
                    );
                    assert_eq!(client.call::<i64>("add", (task, round)).await.unwrap(), task + round);
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        client.close().await;
    }
}

#[tokio::test]
async fn handlers_outlive_a_server_that_comes_back() {
    for (protocol, token) in BOTH {
        let (address, shutdown, running) = serve(App::new().module(Service::default()), "127.0.0.1:0").await;
        let builder = Client::builder(&format!("ws://{address}/ws")).protocol(protocol).subprotocols([token]);
        let client = handlers(builder).0.connect().await.unwrap();
        assert_eq!(client.call::<String>("paint", "a").await.unwrap(), "a is red a");
        shutdown.shutdown();
        running.await.unwrap().unwrap();
        client.watch().until(|state| *state != State::Open).await;
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.call::<String>("paint", "b").await }
        });
        let (_, shutdown, _) = serve(App::new().module(Service::default()), &address).await;
        assert_eq!(call.await.unwrap().unwrap(), "b is red b");
        client.close().await;
        shutdown.shutdown();
    }
}
