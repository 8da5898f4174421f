use super::{
    calls::{Items, Request},
    driver::Command,
    line::{Heard, Line, Raw},
    serve::Connect,
};
use crate::{App, calling, state::lock};
use http::HeaderMap;
use serde::{Serialize, de::DeserializeOwned};
use std::{borrow::Cow, future::Future, sync::Arc};
use swill_proto::{
    CallId, Close, Directory, Error, Frame, Head, Open, Payload, Result, Shape, Target, Value,
};
use tokio::sync::oneshot;

/// The other side of a connection to an app, in the same process. See [the module](super).
///
/// Dropped, the connection breaks, unless streams of it are still in use.
#[derive(Debug)]
pub struct TestPeer {
    line: Line,
    headers: HeaderMap,
}

impl TestPeer {
    pub(super) fn new(line: Line, headers: HeaderMap) -> Self {
        Self { line, headers }
    }

    /// Connects to an app at `/`, over Swill's own protocol, or over the app's default if it does not speak that.
    ///
    /// # Errors
    ///
    /// As [`Connect::connect`].
    pub async fn connect(app: App) -> Result<Self> {
        Self::builder(app).connect().await
    }

    /// Connects in another way: over another protocol, at another path, with headers.
    ///
    /// ```
    /// use swill::{App, Module, Protocol, testing::TestPeer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> swill::Result<()> {
    /// let module = Module::new().handle("add", ["a", "b"], async |a: i64, b: i64| a + b);
    /// let app = App::new().module(module).paths(["/calc/{room}"]);
    /// let peer = TestPeer::builder(app)
    ///     .over(Protocol::json_rpc())
    ///     .path("/calc/7")
    ///     .query("lang", "en")
    ///     .header("cookie", "session=1")
    ///     .connect()
    ///     .await?;
    /// assert_eq!(peer.call::<i64>("add", (1, 2)).await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(app: App) -> Connect {
        Connect::new(app.into_router())
    }

    /// The name of the protocol that is spoken, for people.
    pub fn protocol(&self) -> &'static str {
        self.line.shared.capabilities.name
    }

    /// A header of the answer to the handshake.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Calls a procedure and waits for its answer.
    ///
    /// `parameters` is a tuple or list, by position; a map or struct, by name; `()` if there are none; anything else is
    /// a single parameter. Where a protocol knows no positions, the app says which names go with them. A single
    /// parameter that is a list, a map or a struct itself is passed as it is over protocols that take single parameters
    /// whole (Swill's own, WebMesh), and in a tuple of one, `(list,)`, over the others.
    ///
    /// # Errors
    ///
    /// The error of the app, as the protocol tells it; 422 if the answer is of another type; 503 with
    /// [`Error::outcome_unknown`] if the connection ends, 504 if the answer does not come within the peer's
    /// [patience](Connect::patience).
    pub async fn call<R: DeserializeOwned>(&self, procedure: &str, parameters: impl Serialize) -> Result<R> {
        self.request(procedure).call(parameters).await
    }

    /// Calls a procedure without waiting for an answer.
    ///
    /// # Errors
    ///
    /// Parameters that cannot be written, and 503 if the connection is over.
    pub async fn notify(&self, procedure: &str, parameters: impl Serialize) -> Result<()> {
        self.request(procedure).notify(parameters).await
    }

    /// Calls a procedure that streams out.
    ///
    /// # Errors
    ///
    /// As [`notify`](Self::notify); what becomes of the call itself is said by [`Items::next`].
    pub async fn stream<T: DeserializeOwned>(
        &self,
        procedure: &str,
        parameters: impl Serialize,
    ) -> Result<Items<T>> {
        self.request(procedure).stream(parameters).await
    }

    /// A call with metadata, or with a stream in.
    pub fn request(&self, procedure: impl Into<String>) -> Request<'_> {
        Request::new(&self.line, procedure.into())
    }

    /// Answers what the app calls with [`Peer::call`](crate::Peer::call), from now on.
    ///
    /// ```
    /// use swill::{App, Module, Peer, Protocol, testing::TestPeer};
    ///
    /// struct Painter;
    ///
    /// #[swill::module]
    /// impl Painter {
    ///     async fn paint(&self, peer: &Peer) -> swill::Result<String> {
    ///         let colour: String = peer.call("colour", ("wall",)).await?;
    ///         peer.notify("painted", (&colour,)).await?;
    ///         Ok(format!("the wall is {colour}"))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> swill::Result<()> {
    /// let peer = TestPeer::builder(App::new().module(Painter)).over(Protocol::json_rpc()).connect().await?;
    /// peer.on("colour", async |(thing,): (String,)| match &*thing {
    ///     "wall" => Ok("green"),
    ///     _ => Err(swill::Error::new(404, "that has no colour")),
    /// });
    /// assert_eq!(peer.call::<String>("paint", ()).await?, "the wall is green");
    /// assert_eq!(peer.heard().await?.name, "painted");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// What nobody answers is refused as the protocol does with unknown names.
    pub fn on<P, R, F, Fut>(&self, name: impl Into<String>, answer: F)
    where
        P: DeserializeOwned,
        R: Serialize,
        F: Fn(P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let handler = move |parameters: Value| {
            let answering = parameters.deserialize::<P>().map(&answer);
            Box::pin(async move {
                let answer = answering?.await?;
                Value::from_serialize(&answer).map_err(Error::internal)
            }) as _
        };
        lock(&self.line.shared.handlers).insert(name.into(), Arc::new(handler));
    }

    /// What the app tells next without wanting an answer: [`Peer::notify`](crate::Peer::notify), in the order of the
    /// wire. Nothing is lost while nobody asks.
    ///
    /// # Errors
    ///
    /// 504 if nothing comes in time, 503 if the connection is over and everything was heard.
    pub async fn heard(&self) -> Result<Heard> {
        let heard = self.line.wait("a notification", self.line.shared.heard.take()).await?;
        heard.unwrap_or_else(|| Err(self.line.gone()))
    }

    /// Sends a text message as it is.
    ///
    /// # Errors
    ///
    /// 503 if the connection is over.
    pub async fn send_text(&self, text: impl Into<String>) -> Result<()> {
        self.line.tell(Command::Send(Raw::Text(text.into())))
    }

    /// Sends a binary message as it is.
    ///
    /// # Errors
    ///
    /// 503 if the connection is over.
    pub async fn send_binary(&self, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.line.tell(Command::Send(Raw::Binary(bytes.into())))
    }

    /// Waits until everything that was said before is on its way: it has been read by the app, or lies in the
    /// [pipe](Connect::pipe). An app that does not read, because the peer keeps too much waiting, keeps this waiting.
    ///
    /// # Errors
    ///
    /// 504 if the app does not take it in time, 503 if the connection is over.
    pub async fn flushed(&self) -> Result<()> {
        let (sender, flushed) = oneshot::channel();
        self.line.tell(Command::Flush(sender))?;
        let flushed = self.line.wait("the app to take what was said", flushed).await?;
        flushed.map_err(|_| self.line.gone())
    }

    /// Sends a ping, and waits for the app to answer it. By then the app has read everything that was said before, and
    /// what it answered at once has come.
    ///
    /// # Errors
    ///
    /// 504 if the answer does not come in time, 503 if the connection is over.
    pub async fn ping(&self) -> Result<()> {
        let (sender, answered) = oneshot::channel();
        self.line.tell(Command::Ping(sender))?;
        let answered = self.line.wait("the answer to a ping", answered).await?;
        answered.map_err(|_| self.line.gone())
    }

    /// The next message of the app as it is on the wire. Every message can be had here, in order, whether or not
    /// something else has been made of it; of those that nobody takes, the last 4,096 are kept.
    ///
    /// # Errors
    ///
    /// 504 if nothing comes in time, 503 if the connection is over and everything was taken.
    pub async fn receive_raw(&self) -> Result<Raw> {
        let raw = self.line.wait("a message", self.line.shared.raw.take()).await?;
        raw.ok_or_else(|| self.line.gone())
    }

    /// The next message of the app as it is on the wire, if one has come already: to see that there is no other.
    pub fn try_receive_raw(&self) -> Option<Raw> {
        self.line.shared.raw.try_take()
    }

    /// Reads nothing more, as a peer that is slow or gone, until [`read_on`](Self::read_on): the app's answers fill the
    /// [pipe](Connect::pipe), then the app's own limits.
    pub fn stop_reading(&self) {
        // Of a connection that is over, nothing is read anyway.
        let _ = self.line.tell(Command::Read(false));
    }

    /// Reads again.
    pub fn read_on(&self) {
        let _ = self.line.tell(Command::Read(true));
    }

    /// Closes the connection and waits for the app to answer that; returns what it ended with.
    ///
    /// # Errors
    ///
    /// 504 if the app does not answer in time.
    pub async fn close(&self, code: u16, reason: impl Into<Cow<'static, str>>) -> Result<Close> {
        // If it is over already, it was closed in another way.
        let _ = self.line.tell(Command::Close(code, reason.into().into_owned()));
        self.closed().await
    }

    /// Waits for the end of the connection, and tells how it came: the close code and reason of the app, or 1006 if the
    /// connection just broke. If the app breaks the rules of the protocol, this side closes with a code that says so.
    ///
    /// # Errors
    ///
    /// 504 if the connection does not end in time.
    pub async fn closed(&self) -> Result<Close> {
        let mut closed = self.line.shared.closed.subscribe();
        let ended = self.line.wait("the end of the connection", closed.wait_for(Option::is_some)).await?;
        match ended {
            Ok(close) => Ok(close.clone().unwrap_or_else(|| Close::new(1006, ""))),
            Err(_) => Err(self.line.gone()),
        }
    }
}

impl Line {
    /// The first frame of a call.
    pub(super) fn open(
        &self,
        call: CallId,
        name: &str,
        shape: Shape,
        head: Head,
        parameters: &impl Serialize,
        reply: bool,
    ) -> Result<Frame<'static>> {
        let format = self.shared.capabilities.format;
        let written = calling::encode(self.shared.capabilities, parameters)?;
        let input = written.map(|bytes| Payload::shared(format, bytes.into()));
        let input = match input {
            Some(input) if self.by_name => Some(self.named(name, input)?),
            input => input,
        };
        let target = Target::Named(Cow::Owned(name.to_owned()));
        Ok(Frame::Open(Open { call, target, shape, input, head, reply }))
    }

    /// Parameters by position as parameters by name; others as they are.
    fn named(&self, procedure: &str, input: Payload<'static>) -> Result<Payload<'static>> {
        let (Some(found), Value::List(values)) = (self.service.find(procedure), input.decode::<Value>()?)
        else {
            return Ok(input);
        };
        let names = self.service.parameters(found.id);
        if values.len() > names.len() {
            let message = format!("`{procedure}` has {} parameters, not {}", names.len(), values.len());
            return Err(Error::invalid("", message));
        }
        let named = names.into_iter().map(Value::from).zip(values).collect();
        Payload::encode(input.format(), &Value::Map(named))
    }
}
