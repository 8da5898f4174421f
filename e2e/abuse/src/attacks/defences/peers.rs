//! Peers that the server calls, and that do not play by the rules.

use super::own::{Own, SOON, brief};
use crate::{
    attacks::{ANY, Attack},
    failure::{Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        frame::{Frame, TEXT},
        protocol::Protocol,
        socket::{Connection, Heard},
    },
};
use serde_json::{Value, json};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("peers-that-answer-oddly", ANY, "each call ends once, with what came first", oddly),
        Attack::new("peers-that-flood-answers", ANY, "answers to nothing are dropped", floods),
    ]
}

/// Makes the server call us `n` times, hands each question to `answer`, and returns what the server makes of it all.
async fn asked(
    connection: &mut Connection,
    n: u64,
    answer: impl Fn(&Value) -> Vec<Vec<u8>>,
) -> Result<Value> {
    let id = connection.fresh_id();
    connection.send(&Protocol::JsonRpc.call(id, "ask", &[("n", json!(n))])).await?;
    loop {
        let Heard::Message(_, message) = connection.heard(SOON).await? else {
            return Err("the server does not say how its calls went".into());
        };
        let value: Value = serde_json::from_slice(&message).map_err(|error| error.to_string())?;
        if value.get("method").is_some() {
            for message in answer(&value["id"]) {
                connection.frame(&Frame::new(TEXT, &message)).await?;
            }
        } else if value["id"] == json!(id) {
            return Ok(value["result"].clone());
        }
    }
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

async fn oddly(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.json_rpc().await?;
    let result = |id: &Value| json!({"jsonrpc": "2.0", "id": id, "result": 1});
    let error = |id: &Value| json!({"jsonrpc": "2.0", "id": id, "error": {"code": 7, "message": "no"}});
    let deep = (0..60).fold(json!(1), |value, _| json!([value]));
    type Answers<'a> = &'a dyn Fn(&Value) -> Vec<Vec<u8>>;
    let cases: [(&str, Answers<'_>, Value); 9] = [
        ("answers", &|id| vec![text(&result(id))], json!([0, 20, 0])),
        ("answers twice", &|id| vec![text(&result(id)), text(&result(id))], json!([0, 20, 0])),
        ("answers, then fails", &|id| vec![text(&result(id)), text(&error(id))], json!([0, 20, 0])),
        ("fails, then answers", &|id| vec![text(&error(id)), text(&result(id))], json!([0, 0, 20])),
        (
            "answers for others",
            &|_| vec![text(&result(&json!(1_i64 << 40))), text(&result(&json!("x")))],
            json!([0, 0, 20]),
        ),
        (
            "answers with both",
            &|id| {
                vec![text(
                    &json!({"jsonrpc": "2.0", "id": id, "result": 1, "error": {"code": 7, "message": "no"}}),
                )]
            },
            json!([0, 0, 20]),
        ),
        (
            "answers deep values",
            &|id| vec![text(&json!({"jsonrpc": "2.0", "id": id, "result": deep}))],
            json!([0, 20, 0]),
        ),
        (
            "answers with odd errors",
            &|id| {
                vec![text(
                    &json!({"jsonrpc": "2.0", "id": id, "error": {"code": "x", "message": [1], "data": {}}}),
                )]
            },
            json!([0, 0, 20]),
        ),
        ("answers its id as text", &|id| vec![text(&result(&json!(id.to_string())))], json!([0, 0, 20])),
    ];
    for (what, answers, expected) in &cases {
        let said = asked(&mut connection, 20, answers).await?;
        ensure!(said == *expected, "a peer that {what}: {} instead of {expected}", brief(&said));
        connection.works(SOON).await?;
    }
    Ok(vec![("tried", cases.len().to_string())])
}

async fn floods(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    let mut connection = own.json_rpc().await?;
    connection.works(SOON).await?;
    let before = own.server.process.memory()?;
    let mut bytes = vec![];
    for number in 0..500 {
        let answer = json!({"jsonrpc": "2.0", "id": number, "result": "x".repeat(200)}).to_string();
        Frame::new(TEXT, answer.as_bytes()).append(&mut bytes);
    }
    let count = target.count(100);
    for _ in 0..count {
        connection.writer.write(&bytes).await?;
    }
    connection.works(SOON * 4).await?;
    let more = own.server.process.memory()?.saturating_sub(before);
    ensure!(more < 4 << 20, "{} MiB for answers to nothing", more >> 20);
    Ok(vec![("answers", (count * 500).to_string()), ("KiB", (more >> 10).to_string())])
}
