use crate::{Error, Result, address, duration};
use clap::{Args, ValueEnum};
use std::{path::PathBuf, time::Duration};
use swill_client::{Builder, Client, Protocol, Reconnect};

/// How to connect. The same options for every command that does.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Sends a header with the handshake; may be given several times
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// Says who you are: sent as `Authorization: Bearer TOKEN`
    #[arg(long, env = "SWILL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// What to speak
    #[arg(long, value_name = "PROTOCOL", default_value = "swill")]
    protocol: Spoken,
    /// Offers this subprotocol, in place of the one that goes with the protocol; may be given several times
    #[arg(long, value_name = "NAME")]
    subprotocol: Vec<String>,
    /// Trusts the authorities in this PEM file, in place of those that the system trusts
    #[arg(long, value_name = "FILE")]
    root_certificate: Option<PathBuf>,
    /// Offers to compress messages (permessage-deflate)
    #[arg(long)]
    compress: bool,
    /// How long opening a connection may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    connect_timeout: Duration,
}

/// A protocol, as users name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spoken {
    /// Swill's own: everything can be said
    Swill,
    /// JSON-RPC 2.0 in text
    JsonRpc,
    /// JSON-RPC 2.0 in MessagePack
    JsonRpcMsgpack,
}

impl Connection {
    /// What is spoken.
    pub(crate) fn protocol(&self) -> Protocol {
        match self.protocol {
            Spoken::Swill => Protocol::Swill,
            Spoken::JsonRpc => Protocol::JsonRpc,
            Spoken::JsonRpcMsgpack => Protocol::JsonRpcMsgpack,
        }
    }

    /// Connects, once: a command that has lost its connection fails.
    pub(crate) async fn open(&self, address: &str) -> Result<Client> {
        self.open_with(address, |builder| builder).await
    }

    /// Connects, once, with something changed.
    pub(crate) async fn open_with(
        &self,
        address: &str,
        change: impl FnOnce(Builder) -> Builder,
    ) -> Result<Client> {
        let url = address::url(address)?;
        let mut builder = Client::builder(&url)
            .protocol(self.protocol())
            .compression(self.compress)
            .connect_timeout(self.connect_timeout)
            .reconnect(Reconnect::never());
        let subprotocols: Vec<&str> = match (self.subprotocol.is_empty(), self.protocol) {
            (false, _) => self.subprotocol.iter().map(String::as_str).collect(),
            (true, Spoken::Swill) => vec!["swill/1"],
            (true, Spoken::JsonRpc) => vec!["jsonrpc"],
            (true, Spoken::JsonRpcMsgpack) => vec!["jsonrpc.msgpack"],
        };
        builder = builder.subprotocols(subprotocols);
        for (name, value) in &self.header {
            builder = builder.header(name, value);
        }
        if let Some(token) = &self.token {
            builder = builder.bearer(token);
        }
        if let Some(path) = &self.root_certificate {
            let read = std::fs::read(path);
            let pem = read.map_err(|error| Error::usage(format!("{}: {error}", path.display())))?;
            builder = builder.root_certificate(&pem);
        }
        change(builder).connect().await.map_err(|error| Error::connect(&url, &error))
    }
}

/// Takes `Name: value` apart.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
