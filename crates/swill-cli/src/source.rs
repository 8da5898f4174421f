//! Where descriptions come from.

use crate::{Error, Result, connection::Connection};
use std::{io::Read, path::Path, time::Duration};
use swill_client::{Client, Code};
use swill_proto::spec::{self, Spec};

/// The procedure by which apps describe themselves.
const DESCRIBE: &str = "swill.describe";

/// How long a server may take to describe itself.
const WITHIN: Duration = Duration::from_secs(10);

/// Loads the description of an app from `source`: a file, `-` for the standard input, or the address of a server that
/// runs.
///
/// What exists as a file, and what ends with `.json`, is a file.
///
/// # Errors
///
/// There is no such file or server; the server does not describe itself; what was read is no description.
pub(crate) async fn load(source: &str, connection: &Connection) -> Result<Spec> {
    if source == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        return read(&text, "the standard input");
    }
    if Path::new(source).is_file() || source.ends_with(".json") && !source.contains("://") {
        let text = std::fs::read_to_string(source);
        let text = text.map_err(|error| Error::usage(format!("{source}: {error}")))?;
        return read(&text, source);
    }
    let client = connection.open(source).await?;
    let described = ask(&client).await;
    client.close().await;
    match described.map_err(|error| Error::call(DESCRIBE, &error))? {
        Some(spec) => Ok(spec),
        None => Err(Error::failed(format!("the server at {source} does not describe itself"))
            .advice("a server of Swill does unless it is told not to, see `App::description`")),
    }
}

/// Asks a server for its description, which is not needed: `None` if there is none, whyever.
///
/// # Errors
///
/// The connection is lost.
pub(crate) async fn ask_kindly(client: &Client) -> Result<Option<Spec>> {
    match ask(client).await {
        Ok(described) => Ok(described),
        Err(error) if error.code() == Code::UNAVAILABLE => Err(Error::call(DESCRIBE, &error)),
        Err(_) => Ok(None),
    }
}

/// Asks a server for its description. `None` if it has none to give.
async fn ask(client: &Client) -> swill_client::Result<Option<Spec>> {
    /// What JSON-RPC says of methods that nobody serves.
    const METHOD_NOT_FOUND: Code = Code(-32601);
    match client.request(DESCRIBE).deadline(WITHIN).call::<serde_json::Value>(()).await {
        Ok(described) => Ok(serde_json::from_value(described).ok().filter(is_known)),
        Err(error) if matches!(error.code(), Code::NOT_FOUND | METHOD_NOT_FOUND) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a description has a form that this command understands.
fn is_known(spec: &Spec) -> bool {
    spec.swill == spec::VERSION
}

/// Reads a description.
///
/// # Errors
///
/// It is none, or one of another version.
pub(crate) fn read(text: &str, name: &str) -> Result<Spec> {
    let advice = "`swill describe ADDRESS -o FILE` writes one; an OpenRPC or AsyncAPI document is none";
    let spec: Spec = serde_json::from_str(text).map_err(|error| {
        Error::usage(format!("{name} is no description of an app: {error}")).advice(advice)
    })?;
    match is_known(&spec) {
        true => Ok(spec),
        false => Err(Error::usage(format!(
            "{name} is a description of version {}, and this command knows version {}",
            spec.swill,
            spec::VERSION
        ))),
    }
}
