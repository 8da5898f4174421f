//! The driver of the Rust client: does what lines of JSON on standard input say, and writes down what it is told.
//! See the README for the commands and events, which are the same for the drivers of all clients.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::{
    io::{self, Write},
    process::ExitCode,
    time::{Duration, Instant},
};
use swill_client::{Client, Error, Items, Limits, Protocol, Reconnect, Request, Result, State};
use tokio::io::{AsyncBufReadExt, BufReader};

/// What the client is told when it is made. Times are in milliseconds.
#[derive(Deserialize)]
#[serde(default)]
struct Options {
    ping_after: u64,
    pong_within: u64,
    write_stall: u64,
    deadline: u64,
    connect_timeout: u64,
    attempts: Option<u32>,
    base: u64,
    cap: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ping_after: 20_000,
            pong_within: 20_000,
            write_stall: 30_000,
            deadline: 30_000,
            connect_timeout: 10_000,
            attempts: None,
            base: 100,
            cap: 10_000,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, Deserialize)]
struct Command {
    r#do: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    n: u64,
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    size: u64,
    deadline: Option<u64>,
    #[serde(default)]
    idempotent: bool,
}

#[derive(Deserialize)]
struct Numbered {
    n: u64,
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "errors of a program for the terminal")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faults-client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> std::result::Result<(), swill_client::BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, protocol, options] = arguments.as_slice() else {
        return Err("usage: faults-client URL PROTOCOL OPTIONS".into());
    };
    let client = client(url, protocol, &serde_json::from_str(options)?).map_err(Error::into_boxed)?;
    let mut states = client.watch();
    tell(&json!({ "event": "state", "kind": kind(&states.state()) }));
    let watching = tokio::spawn(async move {
        while let Some(state) = states.changed().await {
            tell(&json!({ "event": "state", "kind": kind(&state) }));
        }
    });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Command = serde_json::from_str(&line)?;
        let client = client.clone();
        tokio::spawn(async move { obey(&client, command).await });
    }
    client.close().await;
    watching.await?;
    Ok(())
}

fn client(url: &str, protocol: &str, options: &Options) -> Result<Client> {
    let ms = Duration::from_millis;
    let mut reconnect = Reconnect::default().delays(ms(options.base), ms(options.cap));
    if let Some(attempts) = options.attempts {
        reconnect = reconnect.attempts(attempts);
    }
    let limits = Limits::default()
        .keepalive(ms(options.ping_after), ms(options.pong_within))
        .write_stall(ms(options.write_stall));
    Client::builder(url)
        .protocol(if protocol == "swill" { Protocol::Swill } else { Protocol::JsonRpc })
        .deadline(ms(options.deadline))
        .connect_timeout(ms(options.connect_timeout))
        .reconnect(reconnect)
        .limits(limits)
        .lazy()
}

fn kind(state: &State) -> &'static str {
    match state {
        State::Connecting => "connecting",
        State::Open => "open",
        State::Waiting { .. } => "waiting",
        State::Closed(_) => "closed",
        _ => "unknown",
    }
}

async fn obey(client: &Client, command: Command) {
    let id = command.id.clone();
    let since = Instant::now();
    let outcome = match command.r#do.as_str() {
        "call" => call(client, &command).await,
        "large" => large(client, &command).await,
        "stream" => stream(client, &command).await,
        "in" => stream_in(client, &command).await,
        "both" => both(client, &command).await,
        "batch" => return batch(client, &command).await,
        "close" => {
            client.close().await;
            Ok(Json::Null)
        }
        other => panic!("there is no command `{other}`"),
    };
    ended(&id, outcome, since);
}

fn request<'c>(client: &'c Client, name: &'c str, command: &Command) -> Request<'c> {
    let request = client.request(name);
    let request = if command.idempotent { request.idempotent() } else { request };
    match command.deadline {
        Some(within) => request.deadline(Duration::from_millis(within)),
        None => request,
    }
}

async fn call(client: &Client, command: &Command) -> Result<Json> {
    let answer: String = request(client, "work", command).call((&command.id, command.ms)).await?;
    Ok(answer.into())
}

async fn large(client: &Client, command: &Command) -> Result<Json> {
    let answer: String = request(client, "large", command).call((&command.id, command.size)).await?;
    Ok(answer.len().into())
}

async fn stream(client: &Client, command: &Command) -> Result<Json> {
    let params = (&command.id, command.n, command.ms, command.size);
    let mut items: Items<Numbered> = request(client, "count", command).stream(params).await?;
    while let Some(item) = items.next().await {
        delivered(&command.id, item?.n);
    }
    Ok(Json::Null)
}

async fn stream_in(client: &Client, command: &Command) -> Result<Json> {
    let mut sender = request(client, "total", command).stream_in::<Json, u64>().await?;
    for n in 0..command.n {
        pause(command.ms).await;
        sender.send(json!({ "id": command.id, "n": n })).await?;
    }
    Ok(sender.finish().await?.into())
}

async fn both(client: &Client, command: &Command) -> Result<Json> {
    let (mut sender, mut items) = request(client, "relay", command).both::<Json, u64>().await?;
    let (id, n, ms) = (command.id.clone(), command.n, command.ms);
    let sending = tokio::spawn(async move {
        for n in 0..n {
            pause(ms).await;
            sender.send(json!({ "id": id, "n": n })).await?;
        }
        sender.finish().await
    });
    while let Some(item) = items.next().await {
        delivered(&command.id, item?);
    }
    sending.await.map_err(|error| Error::new(500, error.to_string()))??;
    Ok(Json::Null)
}

/// Calls with the ids `ID.0`, `ID.1` and so on.
async fn batch(client: &Client, command: &Command) {
    let ids: Vec<String> = (0..command.n).map(|n| format!("{}.{n}", command.id)).collect();
    let since = Instant::now();
    let mut batch = client.batch();
    for id in &ids {
        batch = batch.call("work", (id, command.ms));
    }
    if let Some(within) = command.deadline {
        batch = batch.deadline(Duration::from_millis(within));
    }
    match batch.send().await {
        Ok(answers) => {
            for (id, answer) in ids.iter().zip(answers) {
                let answer = answer.and_then(|value| value.deserialize::<String>());
                ended(id, answer.map(Json::from), since);
            }
        }
        Err(error) => ids.iter().for_each(|id| failed(id, &error, since)),
    }
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn delivered(id: &str, n: u64) {
    tell(&json!({ "event": "item", "id": id, "n": n }));
}

fn ended(id: &str, outcome: Result<Json>, since: Instant) {
    let took = since.elapsed().as_secs_f64() * 1000.0;
    match outcome {
        Ok(value) => tell(&json!({ "event": "end", "id": id, "ok": true, "took": took, "value": value })),
        Err(error) => failed(id, &error, since),
    }
}

fn failed(id: &str, error: &Error, since: Instant) {
    tell(&json!({
        "event": "end",
        "id": id,
        "ok": false,
        "took": since.elapsed().as_secs_f64() * 1000.0,
        "code": error.code().0,
        "unknown": error.outcome_unknown(),
        "message": error.message(),
        "data": error.data(),
    }));
}

/// A line on standard output. When nobody reads it any more there is nothing left to do.
fn tell(event: &Json) {
    if writeln!(io::stdout().lock(), "{event}").is_err() {
        std::process::exit(0);
    }
}
