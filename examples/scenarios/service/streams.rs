//! What streams.

use super::gates::{Gates, key};
use swill::{Context, Error, Result, Stream, Streaming, Value, stream};

pub(crate) struct Streams {
    pub(crate) gates: Gates,
}

#[swill::module]
impl Streams {
    /// The numbers from 0 to the one before this.
    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream::iter(0..to)
    }

    /// So many texts of that size, each of which begins with its number.
    fn texts(&self, to: u32, size: u32) -> impl Stream<Item = String> {
        stream::iter((0..to).map(move |number| {
            let mut text = format!("{number}:");
            let missing = (size as usize).saturating_sub(text.len());
            text.extend(std::iter::repeat_n('x', missing));
            text
        }))
    }

    /// The numbers as `count` yields them, and then an error.
    fn broken_count(&self, to: u32) -> impl Stream<Item = Result<u32>> {
        stream::iter((0..to).map(Ok).chain([Err(Error::new(409, "the count broke"))]))
    }

    /// The sum of the stream.
    async fn total(&self, numbers: Streaming<i64>) -> Result<i64> {
        sum(numbers).await
    }

    /// The first item, without waiting for another one.
    async fn first(&self, mut items: Streaming<Value>) -> Result<Value> {
        items.next().await.unwrap_or(Ok(Value::Nil))
    }

    /// How many numbers there are, none of which may be negative.
    async fn picky(&self, mut numbers: Streaming<i64>) -> Result<u64> {
        let mut count = 0;
        while let Some(number) = numbers.next().await {
            if number? < 0 {
                return Err(Error::new(409, "a negative item"));
            }
            count += 1;
        }
        Ok(count)
    }

    /// The sum of the stream, of which nothing is taken before the gate is open that the metadata names.
    async fn slow_total(&self, cx: &Context, numbers: Streaming<i64>) -> Result<i64> {
        let key = key(cx)?;
        self.gates.unlock(&format!("{key}.started"));
        self.gates.pass(&key).await;
        sum(numbers).await
    }

    /// The product so far, after each number.
    fn multiply(&self, mut numbers: Streaming<i64>) -> impl Stream<Item = Result<i64>> {
        stream! {
            let mut product = 1_i64;
            while let Some(number) = numbers.next().await {
                let next = number.and_then(|number| product.checked_mul(number).ok_or_else(too_large));
                if let Ok(next) = next {
                    product = next;
                }
                yield next;
            }
        }
    }

    /// Each item.
    fn parrot(&self, mut items: Streaming<Value>) -> impl Stream<Item = Result<Value>> {
        stream! {
            while let Some(item) = items.next().await {
                yield item;
            }
        }
    }

    /// All items, from the last to the first, when the stream has ended.
    fn backwards(&self, mut items: Streaming<Value>) -> impl Stream<Item = Result<Value>> {
        stream! {
            let mut all = Vec::new();
            while let Some(item) = items.next().await {
                all.push(item);
            }
            for item in all.into_iter().rev() {
                yield item;
            }
        }
    }

    /// Ends before the stream in has ended.
    fn hasty(&self, _items: Streaming<Value>) -> impl Stream<Item = &'static str> {
        stream::iter(["enough"])
    }
}

async fn sum(mut numbers: Streaming<i64>) -> Result<i64> {
    let mut sum = 0_i64;
    while let Some(number) = numbers.next().await {
        sum = sum.checked_add(number?).ok_or_else(too_large)?;
    }
    Ok(sum)
}

fn too_large() -> Error {
    Error::new(400, "the number does not fit into 64 bits")
}
