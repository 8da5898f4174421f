//! A server for one attack alone: `abused`, which has what the standard test services do not have.

use crate::{
    failure::{Context, Failure, Result, ensure},
    server::Server,
    target::Target,
    wire::{
        head::{Answer, Head},
        protocol::{Protocol, Said},
        socket::{Connection, Heard, PATIENCE, Raw},
    },
};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::io::AsyncReadExt;

/// How long something may take that limits of a second bring about, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(4);

/// A while in which nothing may happen.
pub(crate) const A_WHILE: Duration = Duration::from_millis(500);

/// The server, and the limits of which it has shorter ones. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) server: Server,
}

/// An answer of HTTP, with its body.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) head: Answer,
    pub(crate) body: Vec<u8>,
}

impl Own {
    pub(crate) fn start(target: &Target) -> Result<Self> {
        Self::start_with(target, &[])
    }

    pub(crate) fn start_with(target: &Target, arguments: &[&str]) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("abused");
        if !program.exists() {
            return Err(Failure::Skipped(format!("{} has not been built", program.display())));
        }
        Ok(Self { server: Server::start_program(&program, arguments, target.build)? })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub(crate) async fn connect(&self) -> Result<Raw> {
        Raw::connect(self.address()).await
    }

    /// What opens a WebSocket at a path.
    pub(crate) fn head(&self, protocol: Protocol, path: &str) -> Head {
        Head::upgrade(path, &self.address().to_string(), protocol.subprotocol())
    }

    /// A WebSocket.
    pub(crate) async fn open(&self, protocol: Protocol, path: &str) -> Result<Connection> {
        self.connect().await?.upgrade_with(protocol, &self.head(protocol, path)).await
    }

    /// One that speaks `swill/1`, with limits of a second.
    pub(crate) async fn swill(&self) -> Result<Connection> {
        self.open(Protocol::Swill1, "/swill").await
    }

    /// The same for JSON-RPC.
    pub(crate) async fn json_rpc(&self) -> Result<Connection> {
        self.open(Protocol::JsonRpc, "/json-rpc").await
    }

    /// For one who reads slowly or not at all.
    pub(crate) async fn narrow(&self, protocol: Protocol, path: &str) -> Result<Connection> {
        Raw::connect_narrow(self.address(), 4 << 10)
            .await?
            .upgrade_with(protocol, &self.head(protocol, path))
            .await
    }

    /// Whether others are served.
    pub(crate) async fn serves(&self) -> Result {
        self.swill().await?.works(PATIENCE).await.context("afterwards")
    }

    /// The status with which a request is answered; none if the connection ends without a word.
    pub(crate) async fn status(&self, head: &Head) -> Result<Option<u16>> {
        let mut raw = self.connect().await?;
        raw.write(&head.bytes()).await?;
        Ok(raw.answer(PATIENCE).await?.map(|answer| answer.status))
    }

    /// Fails unless a request is answered with one of these.
    pub(crate) async fn refuses(&self, what: &str, head: &Head, statuses: &[u16]) -> Result {
        let status = self.status(head).await.context(what)?;
        ensure!(status.is_none_or(|status| statuses.contains(&status)), "{what}: answered with {status:?}");
        Ok(())
    }

    /// Asks for a document with this path, as it is written.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Document> {
        let mut head = Head { line: format!("GET {path} HTTP/1.1"), headers: vec![] }
            .with("Host", self.address().to_string())
            .with("Connection", "close");
        for (name, value) in headers {
            head = head.with(*name, *value);
        }
        let mut stream = self.connect().await?.stream;
        tokio::io::AsyncWriteExt::write_all(&mut stream, &head.bytes()).await?;
        let mut read = vec![];
        let all = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await;
        all.map_err(|_| format!("{path} is not answered to its end"))??;
        let head = Answer::take(&mut read)?.ok_or_else(|| format!("{path} is not answered"))?;
        Ok(Document { head, body: read })
    }
}

/// Calls, and returns what is said.
pub(crate) async fn call(
    connection: &mut Connection,
    procedure: &str,
    arguments: &[(&str, Value)],
    within: Duration,
) -> Result<Said> {
    let id = connection.fresh_id();
    let call = connection.protocol.call(id, procedure, arguments);
    connection.send(&call).await?;
    connection.answer_to(id, within).await.context(procedure)
}

/// Fails unless a call fails with this code.
pub(crate) async fn fails_with(connection: &mut Connection, message: &[u8], id: i64, code: i64) -> Result {
    connection.send(message).await?;
    let said = connection.answer_to(id, SOON).await?;
    ensure!(said == Said::Error(code), "answered with {} instead of {code}", brief(&said));
    Ok(())
}

/// Fails if anything comes.
pub(crate) async fn is_silent(connection: &mut Connection, within: Duration) -> Result {
    let heard = connection.heard(within).await?;
    ensure!(heard == Heard::Silence, "instead of silence: {}", brief(&heard));
    Ok(())
}

/// What something looks like, but not all of a long one.
pub(crate) fn brief(what: &impl std::fmt::Debug) -> String {
    let text = format!("{what:?}");
    text.char_indices().nth(120).map_or_else(|| text.clone(), |(end, _)| format!("{}...", &text[..end]))
}

/// A message of `swill/1` that goes on with a stream, or ends it: of this type.
pub(crate) fn part(id: i64, data: &Value, procedure: &str, kind: u8) -> Vec<u8> {
    crate::wire::protocol::packed(&json!([id, data, procedure, kind]))
}
