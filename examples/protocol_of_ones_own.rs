//! A protocol of one's own, complete: lines of words, as one types them into a terminal.
//!
//! | | |
//! |---|---|
//! | call | `add 1 2`: a procedure's name and its parameters, by position; a word that is no JSON number, `true`, `false` or `null` is text |
//! | answer | `ok`, and the answer as JSON |
//! | error | `error`, its code, and its message |
//!
//! There are no ids, so the calls of a connection run one after the other. Procedures know nothing of all this: the same
//! module could be served over every other protocol, too. What a protocol does not have, Swill refuses in its name: a
//! call of a procedure that streams is answered with `error 501 …`.
//!
//! `cargo run --example protocol_of_ones_own` talks to itself and ends; with `-- serve` it goes on serving at
//! ws://127.0.0.1:8000, to be tried with any WebSocket client.

#![expect(clippy::print_stdout, reason = "it shows what happens")]

use swill::{
    App, Format, Payload, Protocol, Settings, Subprotocol, Value,
    proto::{
        self, CallId, Capabilities, Close, Directory, Error, Frame, Head, Held, Kind, Message, Open,
        Outgoing, Parameters, Received, Target,
    },
};

/// What the protocol can say. Parameters always come as a list, answers are JSON, and one call waits for the other.
static CAPABILITIES: Capabilities = Capabilities {
    parameters: Parameters::Listed,
    serial: true,
    ..Capabilities::basic("lines of words", Format::Json)
};

/// How the protocol is asked for. Without tokens it can only be the default of an app.
#[derive(Debug)]
struct Words;

impl Subprotocol for Words {
    fn tokens(&self) -> &'static [&'static str] {
        &[]
    }

    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn start(&self, _: &Settings<'_>) -> Box<dyn proto::Protocol> {
        Box::new(Machine { calls: 0, open: None })
    }
}

/// The state of a connection: which call is open. It knows no socket and no clock; Swill hands it messages and frames.
struct Machine {
    calls: u64,
    open: Option<CallId>,
}

impl proto::Protocol for Machine {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    /// A message of the peer becomes a frame, or is answered at once.
    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        // Text is valid UTF-8 when it arrives here.
        let (Kind::Text, Ok(line)) = (message.kind, str::from_utf8(message.data)) else {
            return Received::Close(Close::new(1003, "words are text"));
        };
        let mut words = line.split_ascii_whitespace();
        let Some(name) = words.next() else { return Received::Nothing };
        let Some(found) = directory.find(name) else {
            fail(out, &Error::new(404, format!("there is no `{name}`")));
            return Received::Nothing;
        };
        let input = match Payload::encode(Format::Json, &words.map(value).collect::<Vec<_>>()) {
            Ok(input) => input,
            Err(error) => {
                fail(out, &error);
                return Received::Nothing;
            }
        };
        self.calls += 1;
        let call = CallId::theirs(self.calls);
        self.open = Some(call);
        Received::One(Frame::Open(Open {
            call,
            target: Target::Known(found.id),
            shape: found.shape,
            input: Some(input),
            head: Head::default(),
            reply: true,
        }))
    }

    /// A frame becomes a message. One of a call that is over is dropped.
    fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        if self.open != Some(frame.call()) {
            return Ok(());
        }
        match frame {
            Frame::End { last, .. } => {
                let buffer = out.begin(Kind::Text, 64);
                buffer.extend_from_slice(b"ok");
                if let Some(answer) = last {
                    buffer.push(b' ');
                    buffer.extend_from_slice(answer.bytes());
                }
                out.finish();
            }
            Frame::Fail { error, .. } => fail(out, &error),
            Frame::Cancel { .. } => {}
            // The capabilities say that there are no streams, no metadata, and no calls of the peer.
            Frame::Open(_)
            | Frame::Batch(_)
            | Frame::Accepted { .. }
            | Frame::Item { .. }
            | Frame::Metadata { .. } => return Ok(()),
        }
        self.open = None;
        Ok(())
    }

    fn held(&self) -> Held {
        Held { calls: usize::from(self.open.is_some()), bytes: 0 }
    }
}

/// What a word means.
fn value(word: &str) -> Value {
    match Payload::new(Format::Json, word.as_bytes()).decode() {
        Ok(value @ (Value::Nil | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_))) => value,
        _ => word.into(),
    }
}

fn fail(out: &mut dyn Outgoing, error: &Error) {
    let violations = error.violations().iter().map(ToString::to_string).collect::<Vec<_>>();
    let text = if violations.is_empty() { error.message().to_owned() } else { violations.join("; ") };
    out.message(Kind::Text, format!("error {} {text}", error.code()).as_bytes());
}

struct Calc;

#[swill::module]
impl Calc {
    /// Adds two numbers.
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    /// Divides.
    async fn divide(&self, a: f64, b: f64) -> swill::Result<f64> {
        if b == 0.0 {
            return Err(swill::Error::new(400, "division by zero"));
        }
        Ok(a / b)
    }

    /// Greets.
    async fn greet(&self, name: String) -> String {
        format!("hello {name}")
    }

    /// Counts: a stream, which words have no way to say.
    fn count(&self, to: u32) -> impl swill::Stream<Item = u32> {
        swill::stream::iter(0..to)
    }
}

#[tokio::main]
async fn main() -> swill::Result<()> {
    let app = App::new().protocols([Protocol::custom(Words)]).module(Calc);
    if std::env::args().any(|argument| argument == "serve") {
        println!("serving at ws://127.0.0.1:8000, Ctrl-C ends it");
        return app.serve("127.0.0.1:8000").await;
    }

    let server = app.bind("127.0.0.1:0").await?;
    let url = format!("ws://{}", server.local_addr());
    let shutdown = server.shutdown_handle();
    let running = tokio::spawn(server.run());

    tokio::task::spawn_blocking(move || talk(&url)).await??;

    shutdown.shutdown();
    running.await?
}

/// What a client of another library says and hears.
fn talk(url: &str) -> Result<(), tungstenite::Error> {
    let (mut socket, _) = tungstenite::connect(url)?;
    for line in ["add 1 2", "divide 7 2", "divide 1 0", "greet ann", "add 1 two", "subtract 1 2", "count 3"] {
        socket.send(line.into())?;
        println!("{line}: {}", socket.read()?);
    }
    socket.close(None)
}
