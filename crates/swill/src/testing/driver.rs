//! The task behind a [`TestPeer`](super::TestPeer): the client's end of the connection.

use super::{
    line::{Line, MOST_UNREAD, Raw, Shared},
    serve::Task,
};
use crate::{connection::Frames, state::lock};
use rustc_hash::FxHashMap;
use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};
use swill_proto::{
    CallId, Close, Code, Directory, Error, Found, Frame, Kind, Message, Open, Payload, ProcedureId, Protocol,
    Received, Shape, Target, Value,
};
use swill_ws::{Config, Event, Input, State, WebSocket};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
};

/// What a [`TestPeer`](super::TestPeer) wants of its task.
#[derive(Debug)]
pub(super) enum Command {
    /// To say something in the words of the protocol.
    Say(Frame<'static>),
    /// To send a message as it is.
    Send(Raw),
    /// To close the connection.
    Close(u16, String),
    /// To read on, or not to.
    Read(bool),
    /// To be told when everything has been written.
    Flush(oneshot::Sender<()>),
    /// To send a ping, and be told of its pong.
    Ping(oneshot::Sender<()>),
}

const BROKEN: &str = "the connection broke";

/// Larger messages than any app sends by default.
const LARGEST: usize = 64 << 20;

pub(super) struct Driver {
    ws: WebSocket,
    machine: Box<dyn Protocol>,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// For the answers of handlers. Weak, or the task would keep itself alive.
    line: mpsc::WeakUnboundedSender<Command>,
    names: Names,
    serving: FxHashMap<CallId, Task>,
    out: Vec<u8>,
    /// Who waits until everything is written.
    flushing: Vec<oneshot::Sender<()>>,
    /// Who waits for a pong.
    pinging: VecDeque<oneshot::Sender<()>>,
    reading: bool,
}

/// What the server calls by name: anything, since an unknown name is worth hearing of, too.
#[derive(Default)]
struct Names(RefCell<Vec<Box<str>>>);

impl Names {
    fn name(&self, id: ProcedureId) -> Option<String> {
        self.0.borrow().get(id.0 as usize).map(|name| name.to_string())
    }
}

impl Directory for Names {
    fn find(&self, name: &str) -> Option<Found> {
        let mut names = self.0.borrow_mut();
        let known = names.iter().position(|known| **known == *name);
        let id = known.unwrap_or_else(|| {
            names.push(name.into());
            names.len() - 1
        });
        Some(Found { id: ProcedureId(u32::try_from(id).ok()?), shape: Shape::SINGLE })
    }
}

impl Driver {
    pub(super) fn new(
        machine: Box<dyn Protocol>,
        shared: Arc<Shared>,
        commands: mpsc::UnboundedReceiver<Command>,
        line: &Line,
    ) -> Self {
        let mut config = Config::client();
        (config.limits.message, config.limits.frame) = (LARGEST, LARGEST);
        Self {
            ws: WebSocket::new(&config),
            machine,
            shared,
            commands,
            line: line.commands.downgrade(),
            names: Names::default(),
            serving: FxHashMap::default(),
            out: Vec::new(),
            flushing: Vec::new(),
            pinging: VecDeque::new(),
            reading: true,
        }
    }

    /// Drives the connection to its end: the server's, or that of the last handle.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(mut self, socket: S) {
        let (mut reading, mut writing) = tokio::io::split(socket);
        let mut buffer = vec![0; 16 << 10];
        loop {
            let full = self.shared.unread.load(Ordering::SeqCst) >= MOST_UNREAD;
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                () = self.shared.room.notified(), if full => {}
                read = reading.read(&mut buffer), if self.reading && !full => match read {
                    Ok(bytes @ 1..) => self.take(&mut buffer[..bytes]),
                    Ok(0) | Err(_) => break,
                },
                written = writing.write(&self.out), if !self.out.is_empty() => match written {
                    Ok(bytes) => drop(self.out.drain(..bytes)),
                    // The server may have said more before it went.
                    Err(_) => self.out.clear(),
                },
            }
            if self.out.is_empty() {
                for flushed in self.flushing.drain(..) {
                    // Whoever waited may have lost patience.
                    let _ = flushed.send(());
                }
            }
            if self.out.is_empty() && self.ws.state() == State::Closed {
                // It is the server's part to end the connection below.
                let _ = writing.shutdown().await;
            }
        }
        self.shared.over(&Close::new(1006, BROKEN));
    }

    fn obey(&mut self, command: Command) {
        let (_, writer) = self.ws.split();
        match command {
            Command::Say(frame) => self.say(frame),
            Command::Send(Raw::Text(text)) => {
                writer.send(swill_ws::Kind::Text, text.as_bytes(), &mut self.out)
            }
            Command::Send(Raw::Binary(bytes)) => writer.send(swill_ws::Kind::Binary, &bytes, &mut self.out),
            Command::Close(code, reason) => writer.close(code, &reason, &mut self.out),
            Command::Read(reading) => self.reading = reading,
            Command::Ping(answered) => {
                writer.ping(&[], &mut self.out);
                self.pinging.push_back(answered);
            }
            Command::Flush(flushed) => self.flushing.push(flushed),
        }
    }

    fn say(&mut self, frame: Frame<'_>) {
        if !frame.call().is_ours() {
            self.serving.remove(&frame.call());
        }
        let (_, writer) = self.ws.split();
        let mut frames = Frames::new(writer, &mut self.out, None);
        if let Err(close) = self.machine.send(frame, &mut frames) {
            self.broken(&close);
        }
    }

    /// Ends the connection with words of this side.
    fn broken(&mut self, close: &Close) {
        self.ws.close(close.code, &close.reason, &mut self.out);
        self.shared.over(close);
    }

    fn take(&mut self, bytes: &mut [u8]) {
        let mut input = Input::new(bytes);
        let mut heard: Vec<Frame<'static>> = Vec::new();
        let (reader, writer) = self.ws.split();
        let broken = loop {
            let (kind, data) = match reader.receive(&mut input, writer, &mut self.out) {
                Ok(None) => break None,
                Ok(Some(Event::Message { kind, data })) => (kind, data),
                Ok(Some(Event::Ping(_))) => continue,
                Ok(Some(Event::Pong(_))) => {
                    if let Some(answered) = self.pinging.pop_front() {
                        // Whoever waited may have lost patience.
                        let _ = answered.send(());
                    }
                    continue;
                }
                Ok(Some(Event::Close { code, reason })) => {
                    self.shared.over(&Close::new(code.unwrap_or(1005), reason.to_owned()));
                    continue;
                }
                Err(violation) => break Some(Close::new(violation.code, violation.reason)),
            };
            let kind = match kind {
                swill_ws::Kind::Text => Kind::Text,
                swill_ws::Kind::Binary => Kind::Binary,
            };
            self.shared.received(Raw::new(kind, data));
            let mut frames = Frames::new(writer, &mut self.out, None);
            match self.machine.receive(Message { kind, data }, &self.names, &mut frames) {
                Received::Nothing => {}
                Received::One(frame) => heard.push(frame.into_owned()),
                Received::Many(frames) => heard.extend(frames.into_iter().map(Frame::into_owned)),
                Received::Close(close) => break Some(close),
            }
        };
        for frame in heard {
            self.hear(frame);
        }
        if let Some(close) = broken {
            self.broken(&close);
        }
    }

    /// Takes what the server says.
    fn hear(&mut self, frame: Frame<'static>) {
        match frame {
            Frame::Open(open) => self.called(open),
            Frame::Batch(opens) => opens.into_iter().for_each(|open| self.called(open)),
            Frame::Cancel { call, reason } if !call.is_ours() => {
                if self.serving.remove(&call).is_some() {
                    self.say(Frame::Fail { call, error: Error::cancelled(reason) });
                }
            }
            frame => self.shared.heard_of_call(frame),
        }
    }

    /// The server calls, or tells something.
    fn called(&mut self, open: Open<'static>) {
        let name = match open.target {
            Target::Known(id) => self.names.name(id).unwrap_or_default(),
            Target::Named(name) => name.into_owned(),
        };
        let input = open.input.as_ref().map(Payload::decode::<Value>).transpose();
        if !open.reply {
            return self.shared.told(name, input.map(Option::unwrap_or_default));
        }
        let call = open.call;
        let handler = lock(&self.shared.handlers).get(&*name).cloned();
        let Some(handler) = handler else {
            return self.say(Frame::Fail { call, error: unknown() });
        };
        let answering = match input {
            Ok(input) => handler(input.unwrap_or_default()),
            Err(error) => return self.say(Frame::Fail { call, error }),
        };
        let (line, format) = (self.line.clone(), self.shared.capabilities.format);
        let task = tokio::spawn(async move {
            let answer = answering.await.and_then(|value| Payload::encode(format, &value));
            let frame = match answer {
                Ok(answer) => Frame::End { call, last: Some(answer), leading: None, trailing: None },
                Err(error) => Frame::Fail { call, error },
            };
            if let Some(line) = line.upgrade() {
                // The connection may have ended meanwhile.
                let _ = line.send(Command::Say(frame));
            }
        });
        self.serving.insert(call, Task(task));
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.over(&Close::new(1006, BROKEN));
    }
}

/// What a server hears that calls what nobody serves.
fn unknown() -> Error {
    Error::new(Code::NOT_FOUND, "Method not found").with_json_rpc_code(-32601)
}
