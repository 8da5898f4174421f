//! `swill call`: one call, from parameters to exit code.

mod lines;
mod show;

use crate::{
    Error, Result,
    connection::Connection,
    duration::{self, Limit},
    interrupt::Interrupts,
    nearest,
    params::{self, Arguments, Known},
    source,
};
use clap::{Args, ValueEnum};
use lines::Lines;
use show::Show;
use swill_client::{Client, Code, Items, Metadata, Protocol, Request, SendHalf, Sender, Value};
use swill_proto::{Shape, spec::Spec};

const AFTER_HELP: &str = "\
Streams:
  items go out as they are read, one JSON value a line, and end with the input; or they are
  given as parameters; items that come are printed as they come, one a line

Examples:
  swill call localhost add 1 2
  swill call localhost add a=1 b=2 --deadline 2s
  swill call localhost hello Welcome --metadata name=Ann --show-metadata
  swill call localhost total < numbers.jsonl
  swill call localhost count 3 | jq .
  swill call ws://localhost:9000/rpc add '[1, 2]' --protocol json-rpc";

/// Calls a procedure: JSON in, JSON out
#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{AFTER_HELP}", params::HELP))]
pub(crate) struct Call {
    /// The server: a URL, or HOST[:PORT][/PATH]
    address: String,
    /// The procedure's full name
    procedure: String,
    /// Its parameters, or the items of its stream in
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,
    /// Which directions stream, where the server does not say so itself
    #[arg(long, value_name = "SHAPE")]
    shape: Option<Streams>,
    /// Wants no answer
    #[arg(long, conflicts_with_all = ["shape", "show_metadata", "raw"])]
    notify: bool,
    /// Sends metadata, as NAME=TEXT or NAME:=JSON; may be given several times
    #[arg(short, long, value_name = "NAME=TEXT", value_parser = params::metadata)]
    metadata: Vec<(String, Value)>,
    /// Prints the metadata that comes, on the standard error output
    #[arg(long)]
    show_metadata: bool,
    /// How long the call may take: 30s unless said otherwise, streams without end; `none` for as long as it takes
    #[arg(long, value_name = "TIME", value_parser = duration::parse_or_none)]
    deadline: Option<Limit>,
    /// Prints text without quotes, and bytes as they are
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    connection: Connection,
}

/// A shape, as users name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Streams {
    /// One message each way
    Single,
    /// The answer is a stream
    Out,
    /// The parameters are a stream
    In,
    /// Both are
    Both,
}

impl From<Streams> for Shape {
    fn from(streams: Streams) -> Self {
        match streams {
            Streams::Single => Self::SINGLE,
            Streams::Out => Self::STREAM_OUT,
            Streams::In => Self::STREAM_IN,
            Streams::Both => Self::BOTH,
        }
    }
}

/// What is known of a procedure before it is called.
#[derive(Debug)]
pub(crate) struct Target {
    /// The description that tells, if there is one.
    spec: Option<Spec>,
    name: String,
    pub(crate) shape: Shape,
}

impl Target {
    /// Asks the server what `name` is, unless the user has said of which shape.
    ///
    /// # Errors
    ///
    /// The server knows no such procedure, or the connection is lost.
    pub(crate) async fn find(
        client: &Client,
        address: &str,
        name: &str,
        shape: Option<Streams>,
    ) -> Result<Self> {
        let name = name.to_owned();
        if let Some(shape) = shape {
            return Ok(Self { spec: None, name, shape: shape.into() });
        }
        // The framework's own are not described.
        if name.starts_with("swill.") {
            let shape = if name == "swill.introspect" { Shape::STREAM_OUT } else { Shape::SINGLE };
            return Ok(Self { spec: None, name, shape });
        }
        let spec = source::ask_kindly(client).await?;
        let shape = match &spec {
            None => Shape::SINGLE,
            Some(spec) => match spec.procedure(&name) {
                Some(procedure) => procedure.shape(),
                None => return Err(unknown(&name, address, spec)),
            },
        };
        Ok(Self { spec, name, shape })
    }

    /// What the description says, if there is one.
    pub(crate) fn known(&self) -> Option<Known<'_>> {
        let spec = self.spec.as_ref()?;
        Some(Known { spec, procedure: spec.procedure(&self.name)? })
    }
}

fn unknown(name: &str, address: &str, spec: &Spec) -> Error {
    let error = Error::failed(format!("no procedure `{name}` at {address}"));
    match nearest::nearest(name, spec.procedures.iter().map(|it| it.name.as_str())) {
        Some(meant) => error.advice(format!("did you mean `{meant}`?")),
        None => error.advice(format!("`swill inspect {address}` lists what there is")),
    }
}

impl Call {
    pub(crate) async fn run(self) -> Result<()> {
        let mut interrupts = Interrupts::listen()?;
        let client = interrupts.or(self.connection.open(&self.address)).await?;
        let result = interrupts.or(self.make(&client)).await;
        // What was dropped is cancelled before the connection ends.
        tokio::select! {
            () = client.close() => result,
            () = interrupts.next() => Err(Error::interrupted()),
        }
    }

    async fn make(&self, client: &Client) -> Result<()> {
        let target = Target::find(client, &self.address, &self.procedure, self.shape).await?;
        let (known, protocol) = (target.known(), self.connection.protocol());
        if self.notify {
            if target.shape.streams_in || target.shape.streams_out {
                let what = format!("`{}` streams, and a notification is one message", self.procedure);
                return Err(Error::usage(what).advice("call it without `--notify`"));
            }
            let params = params::parameters(&Arguments::read(&self.params).await?, known, protocol)?;
            return self.request(client).notify(params).await.map_err(|error| self.failed(&error));
        }
        let mut show = Show::new(self.raw, self.show_metadata);
        let result = if target.shape.streams_in {
            let lines = match self.params.as_slice() {
                [] => Lines::stdin(),
                [all] if all == "-" => Lines::stdin(),
                items => Lines::given(params::items(&Arguments::read(items).await?, known, protocol)?),
            };
            let mut items = Outgoing { lines, known, protocol };
            match target.shape.streams_out {
                true => self.in_time(self.both(client, &mut items, &mut show)).await,
                false => self.stream_in(client, &mut items, &mut show).await,
            }
        } else {
            let params = params::parameters(&Arguments::read(&self.params).await?, known, protocol)?;
            match target.shape.streams_out {
                true => self.in_time(self.stream(client, params, &mut show)).await,
                false => self.single(client, params, &mut show).await,
            }
        };
        // What has come is printed, also if the call has failed then.
        let printed = show.finish().await;
        result?;
        Ok(printed?)
    }

    fn request<'c>(&'c self, client: &'c Client) -> Request<'c> {
        let mut request = client.request(&self.procedure);
        if !self.metadata.is_empty() {
            let metadata: Metadata = self.metadata.iter().cloned().collect();
            request = request.metadata(metadata);
        }
        match self.deadline {
            Some(Limit(within)) => request.deadline(within),
            None => request,
        }
    }

    fn failed(&self, error: &swill_client::Error) -> Error {
        let failure = Error::call(&self.procedure, error);
        let (address, procedure) = (&self.address, &self.procedure);
        match error.code() {
            // What JSON-RPC says of parameters that do not fit.
            Code::INVALID | Code(-32602) => {
                failure.advice(format!("`swill inspect {address} {procedure}` tells what it takes"))
            }
            Code::UNIMPLEMENTED if self.connection.protocol() != Protocol::Swill => {
                failure.advice("`--protocol swill` can carry it")
            }
            Code::UNAUTHENTICATED | Code::FORBIDDEN => {
                failure.advice("say who you are with `--token TOKEN`, or with a `--header`")
            }
            Code::DEADLINE if self.deadline.is_none() => {
                failure.advice("`--deadline TIME` gives it more time")
            }
            _ if error.outcome_unknown() => {
                failure.advice("it may have been executed, or not: look before you call again")
            }
            _ => failure,
        }
    }

    async fn single(&self, client: &Client, params: Value, show: &mut Show) -> Result<()> {
        let response = self.request(client).call_with_metadata::<Value>(params).await;
        let response = response.map_err(|error| self.failed(&error))?;
        show.leading(&response.leading).await?;
        show.answer(&response.value).await?;
        show.trailing(&response.trailing).await?;
        Ok(())
    }

    /// Ends a call with a stream out when its deadline has passed. That of the client ends with the first item.
    async fn in_time(&self, stream: impl Future<Output = Result<()>>) -> Result<()> {
        let Some(Limit(Some(within))) = self.deadline else { return stream.await };
        let ended = tokio::time::timeout(within, stream).await;
        ended.unwrap_or_else(|_| Err(self.failed(&past_deadline())))
    }

    async fn stream(&self, client: &Client, params: Value, show: &mut Show) -> Result<()> {
        let items = self.request(client).stream::<Value>(params).await;
        let mut items = items.map_err(|error| self.failed(&error))?;
        show.leading(items.leading().await).await?;
        self.print_items(&mut items, show).await
    }

    async fn print_items(&self, items: &mut Items<Value>, show: &mut Show) -> Result<()> {
        while let Some(item) = items.next().await {
            show.item(&item.map_err(|error| self.failed(&error))?).await?;
        }
        match items.trailing() {
            Some(trailing) => Ok(show.trailing(trailing).await?),
            None => Ok(()),
        }
    }

    async fn stream_in(&self, client: &Client, items: &mut Outgoing<'_>, show: &mut Show) -> Result<()> {
        let sender = self.request(client).stream_in::<Value, Value>().await;
        let mut sender = sender.map_err(|error| self.failed(&error))?;
        let mut led = !show.wants_metadata();
        loop {
            tokio::select! {
                item = items.next() => match item? {
                    // Why it could not be sent is what the call ends with, unless it is still going on.
                    Some(item) => match sender.send(item).await {
                        Err(error) if !sender.is_over() => return Err(self.failed(&error)),
                        _ => {}
                    },
                    None => break,
                },
                word = word(&mut sender, led) => match word {
                    Some(leading) => {
                        show.leading(&leading).await?;
                        led = true;
                    }
                    None => break,
                },
            }
        }
        let response = sender.finish_with_metadata().await.map_err(|error| self.failed(&error))?;
        show.leading(&response.leading).await?;
        show.answer(&response.value).await?;
        show.trailing(&response.trailing).await?;
        Ok(())
    }

    async fn both(&self, client: &Client, items: &mut Outgoing<'_>, show: &mut Show) -> Result<()> {
        let halves = self.request(client).both::<Value, Value>().await;
        let (sending, mut receiving) = halves.map_err(|error| self.failed(&error))?;
        let receive = async {
            show.leading(receiving.leading().await).await?;
            self.print_items(&mut receiving, show).await
        };
        let send = self.send_all(sending, items);
        tokio::pin!(send, receive);
        tokio::select! {
            // The end of the stream out is the end of the call, whatever could still be read.
            received = &mut receive => received,
            sent = &mut send => {
                sent?;
                receive.await
            }
        }
    }

    async fn send_all(&self, mut sending: SendHalf<Value>, items: &mut Outgoing<'_>) -> Result<()> {
        while let Some(item) = items.next().await? {
            if let Err(error) = sending.send(item).await {
                match sending.is_over() {
                    // The other half tells why.
                    true => break,
                    false => return Err(self.failed(&error)),
                }
            }
        }
        // If that fails, the other half tells why.
        let _ = sending.finish().await;
        Ok(())
    }
}

/// What a call fails with that takes too long.
pub(crate) fn past_deadline() -> swill_client::Error {
    swill_client::Error::new(Code::DEADLINE, "the deadline of the call has passed")
}

/// The next thing that a server says before the stream in has ended: its leading metadata, or that the call is over.
async fn word(sender: &mut Sender<Value, Value>, led: bool) -> Option<Metadata> {
    match led {
        false => Some(sender.leading().await),
        true => {
            sender.over().await;
            None
        }
    }
}

/// The items of a stream in.
#[derive(Debug)]
struct Outgoing<'s> {
    lines: Lines,
    known: Option<Known<'s>>,
    protocol: Protocol,
}

impl Outgoing<'_> {
    /// The next item. Safe to drop halfway.
    async fn next(&mut self) -> Result<Option<Value>> {
        let (known, protocol) = (self.known, self.protocol);
        self.lines.next(|line| params::item(line, known, protocol)).await
    }
}
