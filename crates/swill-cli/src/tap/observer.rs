use super::{
    close,
    display::Display,
    frame::{Entry, Frame, Side},
    head,
    wire::Wire,
};
use std::{sync::Arc, time::SystemTime};
use swill_proto::Value;
use swill_ws::{Config, Event, Input, Limits, WebSocket, deflate::Negotiated};

/// The largest message that is decoded, after decompression; as much as a server of Swill answers with by default. Two of
/// them are in memory at most, one for each direction.
const MESSAGE: usize = 16 << 20;

/// Understands the bytes of one connection, which it is shown in the order in which they went.
#[derive(Debug)]
pub(super) struct Observer {
    number: u64,
    display: Arc<Display>,
    stage: Stage,
    /// Bytes that nothing can be made of yet: of the client, of the server.
    pending: [Vec<u8>; 2],
}

#[derive(Debug)]
enum Stage {
    /// Before the answer to the opening handshake.
    Heads(Option<head::Request>),
    Open(Box<Open>),
    /// Nothing is understood any more, and that was said.
    Opaque,
}

/// A connection after the opening handshake.
#[derive(Debug)]
struct Open {
    to_server: Direction,
    to_client: Direction,
    wire: Wire,
}

/// What goes one way.
#[derive(Debug)]
struct Direction {
    side: Side,
    machine: WebSocket,
    /// A copy, for messages are unmasked in place.
    bytes: Vec<u8>,
    /// The machine's own answers, which nobody hears.
    answers: Vec<u8>,
    is_over: bool,
}

impl Observer {
    pub(super) fn new(number: u64, display: Arc<Display>) -> Self {
        Self { number, display, stage: Stage::Heads(None), pending: [Vec::new(), Vec::new()] }
    }

    /// Bytes have come from a side.
    pub(super) fn saw(&mut self, side: Side, bytes: &[u8]) {
        match &mut self.stage {
            Stage::Opaque => {}
            Stage::Open(open) => open.saw(side, bytes, self.number, &self.display),
            Stage::Heads(_) => {
                let pending = &mut self.pending[side as usize];
                pending.extend_from_slice(bytes);
                if pending.len() > head::LONGEST && head::end(pending).is_none() {
                    self.give_up(side, "it does not begin with a handshake");
                } else {
                    self.heads();
                }
            }
        }
    }

    /// Something has happened to the connection.
    pub(super) fn happened(&self, side: Option<Side>, frame: Frame) {
        show(&self.display, self.number, side, frame, None);
    }

    /// Looks for heads in what has come.
    fn heads(&mut self) {
        let Stage::Heads(request) = &mut self.stage else { return };
        let [of_client, of_server] = &mut self.pending;
        if request.is_none()
            && let Some(end) = head::end(of_client)
        {
            match head::request(&of_client[..end]) {
                Some(asked) => *request = Some(asked),
                None => return self.give_up(Side::Client, "it does not begin with a handshake"),
            }
            of_client.drain(..end);
        }
        while let Some(end) = head::end(of_server) {
            let response = head::response(&of_server[..end]);
            of_server.drain(..end);
            match response {
                // Provisional: the answer is still to come.
                Some(response) if response.status < 200 && response.status != 101 => {}
                Some(response) => return self.answered(&response),
                None => return self.give_up(Side::Server, "its answer to the handshake is not HTTP"),
            }
        }
    }

    fn answered(&mut self, response: &head::Response) {
        let Stage::Heads(request) = &mut self.stage else { return };
        let asked =
            request.take().map(|request| format!("{} {}", request.method, request.path)).unwrap_or_default();
        if response.status != 101 {
            let note = format!(
                "{asked}: {} {}; what follows on this connection is not shown",
                response.status, response.reason
            );
            self.happened(Some(Side::Server), Frame::new("refused").note(note));
            return self.stop();
        }
        let subprotocol = response.subprotocol.as_deref();
        let spoken = subprotocol.unwrap_or("no subprotocol");
        let (deflate, compression) = match &response.deflate {
            Ok(None) => (None, String::new()),
            Ok(Some(deflate)) => (Some(*deflate), format!(", {deflate}")),
            Err(error) => (None, format!(", {error}")),
        };
        self.happened(Some(Side::Server), Frame::new("open").note(format!("{asked}: {spoken}{compression}")));
        let mut open = Box::new(Open {
            to_server: Direction::new(Side::Client, deflate),
            to_client: Direction::new(Side::Server, deflate),
            wire: Wire::named(subprotocol),
        });
        let [of_client, of_server] = std::mem::take(&mut self.pending);
        open.saw(Side::Client, &of_client, self.number, &self.display);
        open.saw(Side::Server, &of_server, self.number, &self.display);
        self.stage = Stage::Open(open);
    }

    fn give_up(&mut self, side: Side, why: &str) {
        self.happened(Some(side), Frame::new("violation").note(format!("{why}; what follows is not shown")));
        self.stop();
    }

    fn stop(&mut self) {
        self.stage = Stage::Opaque;
        self.pending = [Vec::new(), Vec::new()];
    }
}

impl Open {
    fn saw(&mut self, side: Side, bytes: &[u8], number: u64, display: &Display) {
        let direction = match side {
            Side::Client => &mut self.to_server,
            Side::Server => &mut self.to_client,
        };
        direction.saw(bytes, &mut self.wire, number, display);
    }
}

impl Direction {
    fn new(side: Side, deflate: Option<Negotiated>) -> Self {
        // Whoever listens to a client stands where the server stands.
        let mut config = match side {
            Side::Client => Config::server(),
            Side::Server => Config::client(),
        };
        config.limits = Limits { message: MESSAGE, frame: MESSAGE, ..Limits::default() };
        config.deflate = deflate;
        let machine = WebSocket::new(&config);
        Self { side, machine, bytes: Vec::new(), answers: Vec::new(), is_over: false }
    }

    fn saw(&mut self, bytes: &[u8], wire: &mut Wire, number: u64, display: &Display) {
        if self.is_over {
            return;
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        let side = Some(self.side);
        let mut input = Input::new(&mut self.bytes);
        loop {
            match self.machine.receive(&mut input, &mut self.answers) {
                Ok(None) => break,
                Ok(Some(Event::Message { kind, data })) => {
                    for frame in wire.message(self.side, kind, data) {
                        show(display, number, side, frame, Some(data));
                    }
                }
                Ok(Some(Event::Ping(data))) => control("ping", data, number, side, display),
                Ok(Some(Event::Pong(data))) => control("pong", data, number, side, display),
                Ok(Some(Event::Close { code, reason })) => {
                    let code = code.unwrap_or(1005);
                    let colon = if reason.is_empty() { "" } else { ": " };
                    let note = format!("{code} {}{colon}{reason}", close::meaning(code));
                    show(display, number, side, Frame::new("close").note(note), None);
                    self.is_over = true;
                    break;
                }
                Err(violation) => {
                    let note = format!("{}; what follows from this side is not shown", violation.reason);
                    show(display, number, side, Frame::new("violation").note(note), None);
                    self.is_over = true;
                    break;
                }
            }
            self.answers.clear();
        }
        self.answers.clear();
    }
}

fn control(kind: &'static str, data: &[u8], number: u64, side: Option<Side>, display: &Display) {
    let payload = match std::str::from_utf8(data) {
        Ok("") => None,
        Ok(text) => Some(Value::Text(text.to_owned())),
        Err(_) => Some(Value::Bytes(data.to_vec())),
    };
    show(display, number, side, Frame::new(kind).payload(payload), Some(data));
}

fn show(display: &Display, number: u64, side: Option<Side>, frame: Frame, message: Option<&[u8]>) {
    display.show(&Entry { at: SystemTime::now(), connection: Some(number), side, frame, message });
}
