//! One round of an honest client: a call of some shape, and a look at what it brings.

use crate::figures::Figures;
use std::time::{Duration, Instant};
use swill_client::{Client, Error, Protocol};
use tokio::time::timeout;

type Outcome = Result<(), String>;

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn told(error: Error) -> String {
    error.to_string()
}

/// A round, by chance.
pub(crate) async fn one(client: &Client, protocol: Protocol, figures: &Figures) {
    let swill = protocol == Protocol::Swill;
    let (name, outcome) = match fastrand::u32(0..100) {
        0..60 => ("add", add(client, figures).await),
        60..70 => ("echo of 1 KB", echo(client, 1000, figures).await),
        70..73 => ("echo of 60 KB", echo(client, 60_000, figures).await),
        73 => ("echo of 700 KB", echo(client, 700_000, figures).await),
        74..78 => ("slow", slow(client, figures).await),
        78..81 => ("count", count(client, figures).await),
        81..84 => ("count, given up", given_up(client, figures).await),
        84..87 => ("slow, cancelled", cancelled(client, figures).await),
        87..90 => ("many at once", many(client, figures).await),
        90..93 if swill => ("total", total(client, figures).await),
        93..96 if swill => ("sums", sums(client, figures).await),
        90..93 => ("doubled", doubled(client, figures).await),
        93..96 => ("batch", batch(client, figures).await),
        96..98 => ("block", block(client, figures).await),
        _ => ("unknown", unknown(client, figures).await),
    };
    if let Err(why) = outcome {
        figures.failed(name, why);
    }
}

async fn add(client: &Client, figures: &Figures) -> Outcome {
    let (a, started) = (fastrand::i64(0..1_000_000), Instant::now());
    let sum: i64 = client.call("add", (a, 1)).await.map_err(told)?;
    figures.took(started.elapsed());
    figures.called(1);
    if sum == a + 1 { Ok(()) } else { Err(format!("{a} + 1 is {sum}")) }
}

async fn echo(client: &Client, bytes: usize, figures: &Figures) -> Outcome {
    let text = "x".repeat(bytes);
    let answer: String = client.call("echo", &text).await.map_err(told)?;
    figures.called(1);
    if answer == text { Ok(()) } else { Err(format!("{bytes} bytes came back as {}", answer.len())) }
}

async fn slow(client: &Client, figures: &Figures) -> Outcome {
    let _: u64 = client.call("slow", 20).await.map_err(told)?;
    figures.called(1);
    Ok(())
}

async fn block(client: &Client, figures: &Figures) -> Outcome {
    let _: u64 = client.call("block", 1).await.map_err(told)?;
    figures.called(1);
    Ok(())
}

async fn count(client: &Client, figures: &Figures) -> Outcome {
    const ITEMS: u64 = 300;
    let items = client.stream::<u64>("count", ITEMS).await.map_err(told)?.collect().await.map_err(told)?;
    figures.called(1);
    if items.into_iter().eq(0..ITEMS) { Ok(()) } else { Err("items are missing, or in another order".into()) }
}

/// A stream of which only the beginning is wanted.
async fn given_up(client: &Client, figures: &Figures) -> Outcome {
    let mut items = client.stream::<u64>("count", 1_000_000_000_u64).await.map_err(told)?;
    for expected in 0..10 {
        match items.next().await {
            Some(Ok(item)) if item == expected => {}
            other => return Err(format!("{other:?} in place of {expected}")),
        }
    }
    figures.called(1);
    Ok(())
}

/// A call that nobody waits for to its end.
async fn cancelled(client: &Client, figures: &Figures) -> Outcome {
    figures.called(1);
    match timeout(Duration::from_millis(5), client.call::<u64>("slow", 60_000)).await {
        Err(_) => Ok(()),
        Ok(ended) => Err(format!("it ended at once: {ended:?}")),
    }
}

async fn many(client: &Client, figures: &Figures) -> Outcome {
    const CALLS: i64 = 30;
    let calls: Vec<_> = (0..CALLS)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { client.call::<i64>("add", (number, 1)).await })
        })
        .collect();
    for (number, call) in (0..).zip(calls) {
        let sum = call.await.map_err(|error| error.to_string())?.map_err(told)?;
        figures.called(1);
        if sum != number + 1 {
            return Err(format!("{number} + 1 is {sum}"));
        }
    }
    Ok(())
}

async fn total(client: &Client, figures: &Figures) -> Outcome {
    const ITEMS: i64 = 200;
    let mut numbers = client.request("total").stream_in::<i64, i64>().await.map_err(told)?;
    for number in 0..ITEMS {
        numbers.send(number).await.map_err(told)?;
    }
    let total = numbers.finish().await.map_err(told)?;
    figures.called(1);
    if total == ITEMS * (ITEMS - 1) / 2 { Ok(()) } else { Err(format!("the total is {total}")) }
}

async fn sums(client: &Client, figures: &Figures) -> Outcome {
    let (mut numbers, mut sums) = client.request("sums").both::<i64, i64>().await.map_err(told)?;
    let mut expected = 0;
    for number in 0..50 {
        numbers.send(number).await.map_err(told)?;
        expected += number;
        match sums.next().await {
            Some(Ok(sum)) if sum == expected => {}
            other => return Err(format!("{other:?} in place of {expected}")),
        }
    }
    numbers.finish().await.map_err(told)?;
    figures.called(1);
    match sums.next().await {
        None => Ok(()),
        more => Err(format!("{more:?} after the end")),
    }
}

/// A call during which the server calls back.
async fn doubled(client: &Client, figures: &Figures) -> Outcome {
    let number = fastrand::i64(0..1_000_000);
    let double: i64 = client.call("doubled", number).await.map_err(told)?;
    figures.called(2);
    if double == 2 * number { Ok(()) } else { Err(format!("twice {number} is {double}")) }
}

async fn batch(client: &Client, figures: &Figures) -> Outcome {
    let answers = client.batch().call("add", (1, 2)).notify("add", (3, 4)).call("add", (5, 6)).send();
    let answers = answers.await.map_err(told)?;
    figures.called(3);
    let sums: Vec<Option<i64>> = answers.iter().map(|answer| answer.as_ref().ok()?.as_i64()).collect();
    if sums == [Some(3), Some(11)] { Ok(()) } else { Err(format!("{answers:?}")) }
}

/// An error that is due.
async fn unknown(client: &Client, figures: &Figures) -> Outcome {
    figures.called(1);
    match client.call::<i64>("nothing_of_that_name", ()).await {
        Err(error) if [404, -32601].contains(&error.code().0) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
