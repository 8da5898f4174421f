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

#[cfg(test)]
mod tests {
    use super::{super::display::Look, *};
    use proptest::prelude::*;
    use std::{
        io::{self, Write},
        sync::Mutex,
    };
    use swill_ws::{Kind, deflate};

    const ASKED: &[u8] = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n";

    fn answered(subprotocol: &str, deflate: Option<&Negotiated>) -> Vec<u8> {
        let extensions = deflate.map(|it| format!("Sec-WebSocket-Extensions: {it}\r\n")).unwrap_or_default();
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: {subprotocol}\r\n{extensions}\r\n"
        )
        .into_bytes()
    }

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is shown of bytes that come in pieces of this size, as `from kind procedure payload`.
    fn shown(bytes: &[(Side, &[u8])], piece: usize) -> Vec<String> {
        let written = Shared::default();
        let (display, done) = Display::start(Look { json: true, ..Look::default() }, written.clone());
        let mut observer = Observer::new(1, Arc::new(display));
        for (side, bytes) in bytes {
            bytes.chunks(piece).for_each(|piece| observer.saw(*side, piece));
        }
        drop(observer);
        done.blocking_recv().unwrap().unwrap();
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line = |line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let of = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            let payload =
                if line["payload"].is_null() { String::new() } else { format!(" {}", line["payload"]) };
            format!("{} {} {}{payload}", of("from"), of("kind"), of("procedure"))
        };
        written.lines().map(line).collect()
    }

    #[test]
    fn pieces_of_any_size_mean_the_same() {
        let takeover = deflate::Options {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            ..deflate::Options::default()
        };
        let compressed = deflate::accept([takeover.offer().as_str()], &takeover);
        assert!(compressed.is_some());
        let text = "bread ".repeat(400);
        let call = rmp_call(1, &text);
        let answer = [b"\x95\x01".as_slice(), &rmp_text(&text), b"\x00\xc0\xc0"].concat();
        for deflate in [None, compressed] {
            let config = |config: Config| WebSocket::new(&Config { deflate, ..config });
            let (mut client, mut server) = (config(Config::client()), config(Config::server()));
            let (mut asked, mut answer_bytes) = (ASKED.to_vec(), answered("swill.1", deflate.as_ref()));
            let (mut more, mut more_answers) = (Vec::new(), Vec::new());
            client.send(Kind::Binary, &call, &mut asked);
            client.ping(b"are you there?", &mut asked);
            server.send(Kind::Binary, &answer, &mut answer_bytes);
            client.send(Kind::Binary, &rmp_call(2, &text), &mut more);
            client.close(1000, "", &mut more);
            server.close(1001, "bye", &mut more_answers);
            let all = [
                (Side::Client, asked.as_slice()),
                (Side::Server, answer_bytes.as_slice()),
                (Side::Client, more.as_slice()),
                (Side::Server, more_answers.as_slice()),
            ];
            let expected = [
                "server open -".to_owned(),
                // Early bytes are kept until it is known what they are.
                format!("client call add {text:?}"),
                "client ping - \"are you there?\"".to_owned(),
                format!("server message add {text:?}"),
                format!("client call add {text:?}"),
                "client close -".to_owned(),
                "server close -".to_owned(),
            ];
            for piece in [1, 7, 100, usize::MAX] {
                assert_eq!(shown(&all, piece), expected, "{deflate:?} {piece}");
            }
        }
    }

    /// `[seq, text, "add"]`.
    fn rmp_call(seq: u8, text: &str) -> Vec<u8> {
        [&[0x93, seq], rmp_text(text).as_slice(), b"\xa3add"].concat()
    }

    fn rmp_text(text: &str) -> Vec<u8> {
        [&[0xda], (text.len() as u16).to_be_bytes().as_slice(), text.as_bytes()].concat()
    }

    #[test]
    fn what_is_not_understood_is_said_once() {
        let answer = answered("swill/1", None);
        let long = [b'x'; head::LONGEST + 1];
        for (bytes, expected) in [
            (
                &[(Side::Client, &b"nonsense\r\n\r\n"[..]), (Side::Client, b"more")][..],
                &["client violation -"][..],
            ),
            (&[(Side::Client, &long), (Side::Client, &long)], &["client violation -"]),
            (&[(Side::Client, ASKED), (Side::Server, b"SMTP\r\n\r\n")], &["server violation -"]),
            (
                &[
                    (Side::Client, ASKED),
                    (Side::Server, b"HTTP/1.1 404 Not Found\r\n\r\nbody"),
                    (Side::Client, ASKED),
                ],
                &["server refused -"],
            ),
            (
                &[
                    (Side::Client, ASKED),
                    (Side::Server, b"HTTP/1.1 103 Early Hints\r\n\r\n"),
                    (Side::Server, &answer),
                ],
                &["server open -"],
            ),
            (
                // Not masked, and no control frame is this long.
                &[
                    (Side::Client, ASKED),
                    (Side::Server, &answer),
                    (Side::Client, b"\x82\x01\xc0\x82"),
                    (Side::Server, b"\x89\x7e"),
                ],
                &["server open -", "client violation -", "server violation -"],
            ),
        ] {
            assert_eq!(shown(bytes, usize::MAX), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn nothing_that_anybody_sends_breaks_it(
            subprotocol in prop::sample::select(vec!["swill/1", "jsonrpc", "jsonrpc.msgpack", "events", "other"]),
            messages in prop::collection::vec((any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..20),
            noise in prop::collection::vec(any::<u8>(), 0..100),
            piece in 1_usize..50,
        ) {
            let (mut client, mut server) = (WebSocket::new(&Config::client()), WebSocket::new(&Config::server()));
            let answer = answered(subprotocol, None);
            let mut all = vec![(Side::Client, ASKED.to_vec()), (Side::Server, answer)];
            for (of_client, binary, data) in messages {
                let mut bytes = Vec::new();
                let kind = if binary { Kind::Binary } else { Kind::Text };
                let side = if of_client { Side::Client } else { Side::Server };
                let data = if binary { data } else { String::from_utf8_lossy(&data).into_owned().into_bytes() };
                if of_client { client.send(kind, &data, &mut bytes) } else { server.send(kind, &data, &mut bytes) };
                all.push((side, bytes));
            }
            let count = all.len();
            all.push((Side::Client, noise.clone()));
            all.push((Side::Server, noise));
            let all: Vec<_> = all.iter().map(|(side, bytes)| (*side, bytes.as_slice())).collect();
            // One line for the answer, and at least one for every message.
            prop_assert!(shown(&all, piece).len() >= count - 1);
        }
    }
}
