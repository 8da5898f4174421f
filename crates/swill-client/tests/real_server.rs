//! The four shapes, metadata and errors against the real server.

use futures_util::StreamExt;
use swill::{App, Stream, Streaming, stream};
use swill_client::{Client, Value};

struct Calc;

#[swill::module]
impl Calc {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
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

    let mut sender = client.request("total").send::<i64, i64>().await.unwrap();
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
