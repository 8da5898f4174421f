//! A chat: everybody who takes part hears everybody else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swill::{Context, Metadata, Result, Stream, Streaming, stream};
use tokio::sync::broadcast::{self, error::RecvError};

/// Messages that a slow participant may lag behind.
const BEHIND: usize = 256;

pub(super) struct Chat {
    said: broadcast::Sender<Said>,
}

/// What somebody says.
#[swill::validate]
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Message {
    #[valid(length(1..=500))]
    #[schemars(example = &"Is anybody there?")]
    text: String,
}

/// What everybody hears.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Said {
    Joined {
        name: String,
    },
    Message {
        name: String,
        text: String,
    },
    Left {
        name: String,
    },
    /// So many messages came faster than they were read.
    Missed {
        messages: u64,
    },
}

impl Chat {
    pub(super) fn new() -> Self {
        Self { said: broadcast::Sender::new(BEHIND) }
    }
}

/// Says that somebody has left, however that came about.
struct Present {
    said: broadcast::Sender<Said>,
    name: String,
}

impl Drop for Present {
    fn drop(&mut self) {
        // Nobody may be there to hear it.
        let _ = self.said.send(Said::Left { name: std::mem::take(&mut self.name) });
    }
}

/// Everybody talks with everybody.
#[swill::module(name = "chat")]
impl Chat {
    /// Takes part: you send messages and hear what everybody says, until you end your side.
    #[swill(
        client_metadata("name", "By what name the others know you."),
        leading_metadata("present", "How many take part, you among them.")
    )]
    fn join(
        &self,
        mut messages: Streaming<Message>,
        cx: &Context,
    ) -> Result<impl Stream<Item = Result<Said>>> {
        let mut hears = self.said.subscribe();
        cx.set_leading(Metadata::from([("present", self.said.receiver_count() as u64)]))?;
        let name = cx.metadata().and_then(|it| it.get("name")?.as_str()).unwrap_or("somebody").to_owned();
        let present = Present { said: self.said.clone(), name: name.clone() };
        let _ = self.said.send(Said::Joined { name });
        Ok(stream! {
            loop {
                let heard = tokio::select! {
                    heard = hears.recv() => heard,
                    message = messages.next() => match message {
                        Some(Ok(Message { text })) => {
                            let _ = present.said.send(Said::Message { name: present.name.clone(), text });
                            continue;
                        }
                        Some(Err(error)) => {
                            yield Err(error);
                            return;
                        }
                        None => return,
                    },
                };
                match heard {
                    Ok(said) => yield Ok(said),
                    Err(RecvError::Lagged(messages)) => yield Ok(Said::Missed { messages }),
                    Err(RecvError::Closed) => return,
                }
            }
        })
    }
}
