//! What goes wrong in real life, and what is rarer: deadlines, errors, bytes, calls in the other direction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use swill::{Bytes, Code, Error, Peer, Result};

pub(super) struct Lab;

/// What is to be known of some bytes.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Digest {
    length: u64,
    /// FNV-1a, 64 bits.
    hash: u64,
    /// The same bytes, the last one first.
    reversed: Bytes,
}

/// What became of a job.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Job {
    steps: u32,
    /// What the caller said when it was asked.
    approved: bool,
}

/// What is rare, slow, or wrong.
#[swill::module(name = "lab")]
impl Lab {
    /// Waits. After two seconds the deadline of this procedure passes, and the call fails with code 504.
    #[swill(deadline = "2s")]
    async fn wait(
        &self,
        #[swill(default = 500)]
        #[valid(le = 10_000)]
        ms: u32,
    ) -> u32 {
        tokio::time::sleep(Duration::from_millis(ms.into())).await;
        ms
    }

    /// Fails, as it is told to.
    async fn fail(
        &self,
        #[swill(default = 400)]
        #[valid(ge = 400, le = 599)]
        code: i64,
        #[swill(default = "as you wish".to_owned())] message: String,
    ) -> Result<()> {
        Err(Error::new(Code(code), message))
    }

    /// Looks at bytes: binary in MessagePack, base64 in JSON.
    async fn digest(&self, data: Bytes) -> Digest {
        let mut reversed = data.clone();
        reversed.reverse();
        Digest { length: data.len() as u64, hash: swill::spec::fnv1a(&data), reversed }
    }

    /// Does a job, tells the caller how far it is by notifications (`progress`), and asks it for its approval (`approve`) at
    /// the end. For that it calls its caller, which needs JSON-RPC.
    #[swill(deadline = "60s")]
    async fn job(
        &self,
        #[swill(default = 3)]
        #[valid(ge = 1, le = 100)]
        steps: u32,
        peer: &Peer,
    ) -> Result<Job> {
        for step in 1..=steps {
            tokio::time::sleep(Duration::from_millis(200)).await;
            peer.notify("progress", (step, steps)).await?;
        }
        let approved = peer.call_within(Duration::from_secs(30), "approve", (steps,)).await?;
        Ok(Job { steps, approved })
    }
}
