//! A server to call, and the command to call it with.

use assert_cmd::cargo::CommandCargoExt;
use serde::{Deserialize, Serialize};
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};
use swill::{
    App, Bytes, Context, Error, Handshake, Hook, Metadata, Protocol, Stream, Streaming, Value, stream,
};

/// A server that lives as long as this.
pub(crate) struct Server {
    pub(crate) address: String,
    /// Names of calls that were dropped before their end.
    pub(crate) cancelled: Receiver<&'static str>,
    shutdown: swill::ShutdownHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Serves the app below.
    pub(crate) fn start() -> Self {
        Self::serve(|app| app)
    }

    /// Serves the app below, with something changed.
    pub(crate) fn serve(change: impl FnOnce(App) -> App + Send + 'static) -> Self {
        let (report, ready) = mpsc::channel();
        let (dropped, cancelled) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = change(app(dropped)).bind("127.0.0.1:0").await.unwrap();
                report.send((server.local_addr().to_string(), server.shutdown_handle())).unwrap();
                server.run().await.unwrap();
            });
        });
        let (address, shutdown) = ready.recv().unwrap();
        Self { address, cancelled, shutdown, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.shutdown();
        let ended = self.thread.take().map(thread::JoinHandle::join);
        if !thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

fn app(dropped: Sender<&'static str>) -> App {
    App::new()
        .title("Bakery")
        .version("1.2.0")
        .protocols([
            Protocol::json_rpc(),
            Protocol::swill(),
            Protocol::json_rpc_msgpack(),
            Protocol::events(),
        ])
        .compression()
        .module(Calc { dropped: Arc::new(dropped) })
        .module(Shop)
        .module(Plain)
}

/// Says so if it is dropped.
struct Dropped(Arc<Sender<&'static str>>, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        // A test that does not care has gone away.
        let _ = self.0.send(self.1);
    }
}

struct Calc {
    dropped: Arc<Sender<&'static str>>,
}

/// Numbers, in and out.
#[swill::module]
impl Calc {
    /// Adds two numbers.
    ///
    /// They may be negative.
    async fn add(&self, a: i64, b: i64) -> swill::Result<i64> {
        a.checked_add(b).ok_or_else(|| Error::new(400, "the sum is too large").with_data((a, b)))
    }

    /// Counts from one.
    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream! { for number in 1..=to { yield number; } }
    }

    /// Counts for ever.
    fn ticks(&self) -> impl Stream<Item = u64> {
        let dropped = Dropped(self.dropped.clone(), "ticks");
        stream! {
            let _dropped = dropped;
            for number in 0.. { yield number; }
        }
    }

    /// Sums the numbers streamed in.
    async fn total(&self, mut numbers: Streaming<i64>) -> swill::Result<i64> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    /// Answers with the first number that is negative, as soon as it comes.
    async fn first_negative(&self, mut numbers: Streaming<i64>) -> swill::Result<Option<i64>> {
        while let Some(number) = numbers.next().await {
            let number = number?;
            if number < 0 {
                return Ok(Some(number));
            }
            if number == 0 {
                return Err(Error::new(418, "zero is neither"));
            }
        }
        Ok(None)
    }

    /// Answers every number with the product so far.
    fn multiply(&self, mut numbers: Streaming<i64>) -> impl Stream<Item = swill::Result<i64>> {
        stream! {
            let mut product = 1;
            while let Some(number) = numbers.next().await {
                product *= number?;
                yield Ok(product);
            }
        }
    }

    /// Takes its time.
    async fn slow(&self, milliseconds: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
    }

    /// Never answers.
    async fn never(&self) {
        let _ = self.dropped.send("never begins");
        let _dropped = Dropped(self.dropped.clone(), "never");
        std::future::pending::<()>().await;
    }

    /// Ends the connection.
    async fn hang_up(&self) -> swill::Result<()> {
        Err(Error::close_connection(1011, "out of flour"))
    }

    /// Takes a number every time somebody asks, and gives none.
    async fn swallow(&self, mut numbers: Streaming<i64>) -> swill::Result<()> {
        let _dropped = Dropped(self.dropped.clone(), "swallow");
        while let Some(number) = numbers.next().await {
            number?;
        }
        Ok(())
    }
}

struct Shop;

#[swill::validate]
#[derive(Debug, Deserialize, Serialize, schemars::JsonSchema)]
/// What a customer wants.
struct Order {
    /// Who is to get it.
    #[valid(length(1..=20))]
    customer: String,
    /// How many of each.
    #[valid(ge = 1, le = 12)]
    loaves: u8,
    #[serde(default)]
    kind: Kind,
    note: Option<String>,
}

#[derive(Debug, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
/// A kind of bread.
enum Kind {
    #[default]
    Rye,
    Wheat,
}

#[derive(Debug, swill::Error)]
enum OrderError {
    /// The oven has not made enough.
    #[error(code = 409, message = "only {left} loaves are left")]
    SoldOut { left: u8 },
}

/// Bread, to be ordered.
#[swill::module(name = "shop")]
impl Shop {
    /// Takes an order.
    async fn order(&self, order: Order) -> Result<String, OrderError> {
        match order.loaves {
            0..=10 => Ok(format!("{} loaves of {:?} for {}", order.loaves, order.kind, order.customer)),
            _ => Err(OrderError::SoldOut { left: 10 }),
        }
    }

    /// Greets in a language.
    #[swill(
        deadline = "5s",
        client_metadata("language", "The language, such as `fr`."),
        leading_metadata("language", "The language that was chosen."),
        trailing_metadata("letters", "How many letters there are.")
    )]
    async fn greet(&self, name: String, cx: &Context) -> swill::Result<String> {
        let asked = cx.metadata().and_then(|metadata| metadata.get("language")).cloned();
        let language = asked.unwrap_or_else(|| Value::from("en"));
        let hello = if language.as_str() == Some("fr") { "Bonjour" } else { "Hello" };
        cx.set_leading(Metadata::from([("language", language)]))?;
        let greeting = format!("{hello}, {name}!");
        cx.set_trailing(Metadata::from([("letters", greeting.len() as u64)]));
        Ok(greeting)
    }
}

struct Plain;

/// Values as they are.
#[swill::module(name = "plain")]
impl Plain {
    /// Answers with what it was given.
    async fn echo(&self, value: Value) -> Value {
        value
    }

    /// Turns bytes around.
    async fn reverse(&self, data: Bytes) -> Bytes {
        Bytes(data.0.into_iter().rev().collect())
    }

    /// The type of a value, as it is on the wire.
    async fn kind(&self, value: Value) -> &'static str {
        match value {
            Value::Nil => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::UInt(_) => "integer",
            Value::Float(_) | Value::Float32(_) => "float",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Extension(..) => "extension",
        }
    }
}

/// Lets nobody in without the right token.
pub(crate) struct Doorkeeper;

impl Hook for Doorkeeper {
    async fn before_connection(&self, handshake: &mut Handshake) -> swill::Result<()> {
        match handshake.request().token() {
            Some("open sesame") => Ok(()),
            _ => Err(Error::close_connection(401, "who are you?")),
        }
    }
}

/// The command, with an environment that is the same everywhere.
pub(crate) fn swill(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("swill").unwrap();
    command.args(arguments);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "SWILL_TOKEN", "COLUMNS", "TERM"] {
        command.env_remove(name);
    }
    command
}

/// What a command has said when it has ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str], input: &str) -> Said {
    run_command(swill(arguments), input.as_bytes())
}

pub(crate) fn run_command(mut command: Command, input: &[u8]) -> Said {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Who does not read all of it has its reasons.
    let writing = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What it prints if all is well.
#[track_caller]
pub(crate) fn output(arguments: &[&str], input: &str) -> String {
    let said = run(arguments, input);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
    said.out
}

/// A command that runs, line by line. It is killed if it is still there at the end.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
    errors: ChildStderr,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = swill(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        let errors = child.stderr.take().unwrap();
        Self { child, input, output, errors }
    }

    pub(crate) fn send(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// The next line; empty at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.as_mut().unwrap().read_line(&mut line).unwrap();
        line.truncate(line.trim_end().len());
        line
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let killed = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Reads no more, and waits for the end.
    pub(crate) fn hang_up(mut self) -> Said {
        self.output = None;
        self.end()
    }

    /// Ends the input and waits for the end.
    pub(crate) fn end(mut self) -> Said {
        drop(self.input.take());
        let (mut out, mut err) = (String::new(), String::new());
        if let Some(mut output) = self.output.take() {
            output.read_to_string(&mut out).unwrap();
        }
        self.errors.read_to_string(&mut err).unwrap();
        Said { code: self.child.wait().unwrap().code().unwrap(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
