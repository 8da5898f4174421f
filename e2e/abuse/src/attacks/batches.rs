//! Many requests of JSON-RPC in one message.

use super::{Attack, JSON_RPC};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        flood::flood,
        frame::{Frame, TEXT},
        socket::{Connection, Heard, PATIENCE},
    },
};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("batches", JSON_RPC, "one error, or answers within limits; the next call works", batches),
        Attack::new("batch-flood", JSON_RPC, "worked off in turns, or closed", batch_flood),
    ]
}

const MOST: usize = 17 << 20;

/// The answer to a batch, after which a call has to work.
async fn answer(connection: &mut Connection, batch: &str) -> Result<Option<Value>> {
    connection.send(batch.as_bytes()).await?;
    let answer = match connection.heard(PATIENCE).await? {
        Heard::Message(_, payload) => {
            ensure!(payload.len() < MOST, "an answer of {} MiB", payload.len() >> 20);
            Some(serde_json::from_slice(&payload).map_err(|error| error.to_string())?)
        }
        Heard::Close(Some(1008 | 1009), _) => return Ok(None),
        other => return Err(format!("{other:?}").into()),
    };
    connection.works(PATIENCE).await?;
    Ok(answer)
}

async fn batches(target: Target) -> Result<Figures> {
    let add = r#"{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1}"#;
    let text = "x".repeat(100_000);
    let echo = json!({"jsonrpc": "2.0", "method": "echo", "params": [text], "id": 1}).to_string();
    let list = |entry: &str, count: usize| format!("[{}]", vec![entry; count].join(","));
    let cases = [
        ("empty", "[]".to_owned()),
        ("blank", "[ \n\t ]".into()),
        ("nested", "[[]]".into()),
        ("nested calls", format!("[[{add}],[{add}]]")),
        ("nested 60 times", format!("{}{add}{}", "[".repeat(60), "]".repeat(60))),
        ("of one", list(add, 1)),
        ("of 1,024", list(add, 1_024)),
        ("of 1,025", list(add, 1_025)),
        ("of 15,000", list(add, 15_000)),
        ("of 30,000 nothings", list("{}", 30_000)),
        ("of 300,000 numbers", list("1", 300_000)),
        ("of 300,000 lists", list("[]", 200_000)),
        ("of 200,000 nulls", list("null", 200_000)),
        ("of 9 echoes", list(&echo, 9)),
        ("of bad versions", list(r#"{"jsonrpc":"1.0","method":"add","params":[1,2],"id":1}"#, 1_000)),
        ("of unknown methods", list(r#"{"jsonrpc":"2.0","method":"nobody","id":1}"#, 1_000)),
        (
            "of notifications and one call",
            format!(
                "[{},{add}]",
                vec![r#"{"jsonrpc":"2.0","method":"add","params":[1,2]}"#; 1_000].join(",")
            ),
        ),
        (
            "of answers and one call",
            format!("[{},{add}]", vec![r#"{"jsonrpc":"2.0","result":1,"id":1}"#; 1_000].join(",")),
        ),
        ("that is cut off", format!("[{add},{add}")),
        ("with a comma too many", format!("[{add},]")),
        ("of 200 that wait", list(r#"{"jsonrpc":"2.0","method":"slow","params":[50],"id":1}"#, 200)),
    ];
    let mut connection = target.open().await?;
    let mut answers = vec![];
    for (what, batch) in &cases {
        match answer(&mut connection, batch).await.context(format!("a batch {what}"))? {
            Some(Value::Array(entries)) => {
                let proper =
                    entries.iter().all(|entry| entry["jsonrpc"] == "2.0" && entry.get("id").is_some());
                ensure!(proper && !entries.is_empty(), "a batch {what} has other entries than answers");
                answers.push(entries.len().to_string());
            }
            Some(error) => {
                ensure!(error["error"]["code"].is_i64() && error["id"].is_null(), "a batch {what}: {error}");
                answers.push("error".into());
            }
            None => {
                answers.push("closed".into());
                connection = target.open().await?;
            }
        }
    }
    Ok(vec![("batches", cases.len().to_string()), ("answers", answers.join(" "))])
}

async fn batch_flood(target: Target) -> Result<Figures> {
    let add = r#"{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1}"#;
    let batch = format!("[{}]", vec![add; 1_000].join(","));
    let frame = Frame::new(TEXT, batch.as_bytes()).bytes();
    let count = target.count(500);
    let mut connection = target.open().await?;
    let (mut messages, mut bytes) = (0, 0);
    let ended = flood(&mut connection, std::iter::repeat_n(frame, count), |heard| {
        if let Heard::Message(_, payload) = heard {
            messages += 1;
            bytes += payload.len();
        }
    })
    .await?;
    ensure!(ended.is_none(), "ordinary batches, if many: {ended:?}");
    while messages < count {
        match connection.heard(PATIENCE).await? {
            Heard::Message(_, payload) => {
                messages += 1;
                bytes += payload.len();
            }
            other => return Err(format!("after {messages} of {count} answers: {other:?}").into()),
        }
    }
    connection.works(PATIENCE).await?;
    Ok(vec![("batches", count.to_string()), ("answers", format!("{} MiB", bytes >> 20))])
}
