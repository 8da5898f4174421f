//! What calls back.

use schemars::JsonSchema;
use serde::Serialize;
use swill::{Peer, Result, Value};

/// What a client has answered.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Value(Value),
    Error(Problem),
}

#[derive(Serialize, JsonSchema)]
struct Problem {
    code: i64,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl From<Result<Value>> for Answer {
    fn from(answer: Result<Value>) -> Self {
        match answer {
            Ok(value) => Self::Value(value),
            Err(error) => Self::Error(Problem {
                code: error.code().0,
                message: error.message().to_owned(),
                data: error.data().cloned(),
            }),
        }
    }
}

pub(crate) struct BothWays;

#[swill::module]
impl BothWays {
    /// Calls a method of the client, and tells what it answers.
    async fn call_me(&self, peer: &Peer, method: String, params: Value) -> Answer {
        peer.call::<Value>(&method, params).await.into()
    }

    /// Sends the client a notification, several times.
    async fn notify_me(
        &self,
        peer: &Peer,
        method: String,
        params: Value,
        times: u32,
    ) -> Result<&'static str> {
        for _ in 0..times {
            peer.notify(&method, &params).await?;
        }
        Ok("sent")
    }

    /// Calls a method of the client with each of these parameters, all in one message.
    async fn batch_me(&self, peer: &Peer, method: String, list: Vec<Value>) -> Result<Vec<Answer>> {
        let calls = list.iter().fold(peer.batch(), |batch, params| batch.call(&method, params));
        Ok(calls.send().await?.into_iter().map(Answer::from).collect())
    }
}
