//! Metadata of the client, leading and trailing.

use super::gates::Gates;
use swill::{Context, Metadata, Result, Stream, Streaming, Value, stream};

pub(crate) struct Talking {
    pub(crate) gates: Gates,
}

#[swill::module]
impl Talking {
    /// The client's metadata.
    async fn metadata(&self, cx: &Context) -> Metadata {
        said(cx)
    }

    /// The client's metadata, as the only item.
    fn metadata_out(&self, cx: &Context) -> impl Stream<Item = Metadata> {
        stream::iter([said(cx)])
    }

    /// The client's metadata, and how many items there were.
    async fn metadata_in(&self, cx: &Context, mut items: Streaming<Value>) -> Result<Value> {
        let mut count = 0_u64;
        while items.next().await.transpose()?.is_some() {
            count += 1;
        }
        Ok(Value::Map(vec![("metadata".into(), value(cx)), ("items".into(), count.into())]))
    }

    /// The client's metadata, and then each item.
    fn metadata_both(&self, cx: &Context, mut items: Streaming<Value>) -> impl Stream<Item = Result<Value>> {
        stream! {
            yield Ok(value(cx));
            while let Some(item) = items.next().await {
                yield item;
            }
        }
    }

    /// Sets metadata as the mode says.
    async fn meta(&self, cx: &Context, mode: String) -> Result<&'static str> {
        set(cx, &mode).await?;
        Ok("ok")
    }

    /// Sets metadata as its first item says.
    async fn meta_in(&self, cx: &Context, mut items: Streaming<String>) -> Result<&'static str> {
        let mode = items.next().await.transpose()?.unwrap_or_default();
        set(cx, &mode).await?;
        while items.next().await.transpose()?.is_some() {}
        Ok("ok")
    }

    /// Sets metadata as the mode says, waits for the gate, and yields two items.
    fn meta_out(&self, cx: &Context, mode: String, key: String) -> impl Stream<Item = Result<&'static str>> {
        stream! {
            if let Err(error) = set(cx, &mode).await {
                yield Err(error);
                return;
            }
            if !key.is_empty() {
                self.gates.pass(&key).await;
            }
            if mode != "empty" {
                yield Ok("one");
                yield Ok("two");
            }
        }
    }

    /// Says so many things of that size ahead of its answer.
    async fn much_metadata(&self, cx: &Context, keys: u32, size: u32) -> Result<&'static str> {
        let mut metadata = Metadata::new();
        for key in 0..keys {
            metadata.insert(format!("key-{key}"), "x".repeat(size as usize).as_str());
        }
        cx.set_leading(metadata)?;
        Ok("ok")
    }
}

fn said(cx: &Context) -> Metadata {
    cx.metadata().cloned().unwrap_or_default()
}

fn value(cx: &Context) -> Value {
    Value::Map(said(cx).iter().map(|(key, value)| (key.into(), value.clone())).collect())
}

async fn set(cx: &Context, mode: &str) -> Result<()> {
    match mode {
        "now" | "now_trail" => cx.send_leading(Metadata::from([("lead", "now")])).await?,
        "first" | "both" | "empty" => cx.set_leading(Metadata::from([("lead", "first")]))?,
        _ => {}
    }
    if matches!(mode, "trail" | "both" | "now_trail" | "empty") {
        cx.set_trailing(Metadata::from([("trail", 1)]));
    }
    Ok(())
}
