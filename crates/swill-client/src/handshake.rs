//! The client's side of the opening handshake (RFC 6455 §4.1): one request, one answer, over any socket.

use crate::{connector::Socket, settings::Settings};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::{io, time::Duration};
use swill_proto::{Close, Code, Error};
use swill_ws::{
    deflate::{self, Negotiated},
    handshake::{accepts, new_key},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// The largest head of an answer, in bytes.
const HEAD: usize = 16 << 10;

/// The most headers of an answer.
const HEADERS: usize = 100;

/// How much of the body of a refusal is read.
const BODY: usize = 8 << 10;

/// How long the body of a refusal is waited for.
const BODY_WITHIN: Duration = Duration::from_secs(2);

/// A connection whose handshake is done.
pub(crate) struct Link {
    pub(crate) socket: Socket,
    /// What came behind the answer.
    pub(crate) early: Vec<u8>,
    pub(crate) deflate: Option<Negotiated>,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server cannot be reached, or broke the connection.
    Io(io::Error),
    /// TLS did not come about; `lasting` if trying again would give the same.
    #[cfg(feature = "tls")]
    Tls { why: String, lasting: bool, error: io::Error },
    /// It took too long.
    Timeout,
    /// The server said no.
    Refused { status: StatusCode, body: String },
    /// The server speaks something else.
    Foreign(String),
}

impl Failure {
    /// Whether trying again would give the same.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Io(_) | Self::Timeout => false,
            #[cfg(feature = "tls")]
            Self::Tls { lasting, .. } => *lasting,
            Self::Refused { status, .. } => {
                !status.is_server_error() && !matches!(status.as_u16(), 408 | 425 | 429)
            }
            Self::Foreign(_) => true,
        }
    }

    /// What the client is closed with.
    pub(crate) fn close(&self) -> Close {
        match self {
            Self::Refused { status, .. } => Close::new(status.as_u16(), self.to_string()),
            Self::Foreign(_) => Close::new(1002, self.to_string()),
            #[cfg(feature = "tls")]
            Self::Tls { .. } => Close::new(1015, self.to_string()),
            Self::Io(_) | Self::Timeout => Close::new(1006, self.to_string()),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the server cannot be reached: {error}"),
            #[cfg(feature = "tls")]
            Self::Tls { why, .. } => f.write_str(why),
            Self::Timeout => f.write_str("the server did not answer in time"),
            Self::Refused { status, body } => {
                write!(f, "the server refused the connection with {status}")?;
                match body.trim() {
                    "" => Ok(()),
                    // A page for people is left to the error's data.
                    text if text.len() > 200 || text.starts_with('<') => Ok(()),
                    text => write!(f, ": {text}"),
                }
            }
            Self::Foreign(why) => {
                write!(f, "the server does not answer as the WebSocket server that was asked for: {why}")
            }
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Io(error) => Self::new(Code::UNAVAILABLE, message).with_source(error),
            #[cfg(feature = "tls")]
            Failure::Tls { error, .. } => Self::new(Code::UNAVAILABLE, message).with_source(error),
            Failure::Timeout => Self::new(Code::DEADLINE, message),
            Failure::Refused { status, body } => {
                let error = Self::new(Code(i64::from(status.as_u16())), message);
                if body.is_empty() { error } else { error.with_data(body) }
            }
            Failure::Foreign(_) => Self::new(Code::UNIMPLEMENTED, message),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

pub(crate) fn foreign(why: impl Into<String>) -> Failure {
    Failure::Foreign(why.into())
}

/// Whether a header belongs to the handshake itself.
pub(crate) fn is_reserved(name: &HeaderName) -> bool {
    [header::CONNECTION, header::UPGRADE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(name)
        || name.as_str().starts_with("sec-websocket-")
}

/// Whether the value of a header is usually a secret.
pub(crate) fn is_secret(name: &HeaderName) -> bool {
    [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE].contains(name)
}

/// Opens a connection, within the time for that.
pub(crate) async fn connect(settings: &Settings) -> Result<Link, Failure> {
    let link = async {
        let socket = settings.connector.open(&settings.address).await?;
        shake_hands(socket, settings).await
    };
    timeout(settings.connect_within, link).await.unwrap_or(Err(Failure::Timeout))
}

async fn shake_hands(mut socket: Socket, settings: &Settings) -> Result<Link, Failure> {
    let key = new_key();
    socket.write_all(&request(settings, &key)).await?;
    socket.flush().await?;
    let mut input = Vec::with_capacity(1024);
    loop {
        let end = read_head(&mut socket, &mut input).await?;
        let answer = Answer::parse(&input[..end])?;
        input.drain(..end);
        match answer.status {
            StatusCode::SWITCHING_PROTOCOLS => {
                let deflate = answer.check(settings, &key)?;
                return Ok(Link { socket, early: input, deflate });
            }
            // An answer ahead of the answer, such as 103 Early Hints.
            status if status.is_informational() => {}
            status => {
                let body = answer.body(&mut socket, input).await;
                return Err(Failure::Refused { status, body });
            }
        }
    }
}

fn request(settings: &Settings, key: &str) -> Vec<u8> {
    let mut request = Vec::with_capacity(512);
    let address = &settings.address;
    request.extend_from_slice(b"GET ");
    request.extend_from_slice(address.target.as_bytes());
    request.extend_from_slice(b" HTTP/1.1\r\n");
    let mut line = |name: &str, value: &[u8]| {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            request.extend_from_slice(part);
        }
    };
    if !settings.headers.contains_key(header::HOST) {
        line("Host", address.authority.as_bytes());
    }
    line("Connection", b"Upgrade");
    line("Upgrade", b"websocket");
    line("Sec-WebSocket-Version", b"13");
    line("Sec-WebSocket-Key", key.as_bytes());
    if !settings.subprotocols.is_empty() {
        line("Sec-WebSocket-Protocol", settings.subprotocols.join(", ").as_bytes());
    }
    if let Some(options) = &settings.deflate {
        line("Sec-WebSocket-Extensions", options.offer().as_bytes());
    }
    for (name, value) in &settings.headers {
        line(name.as_str(), value.as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// Reads until the head of an answer is complete; returns where it ends.
async fn read_head(socket: &mut Socket, input: &mut Vec<u8>) -> Result<usize, Failure> {
    let mut searched = 0;
    loop {
        // Asked first: what is no HTTP is none, however much of it has come.
        if input.len() >= 5 && !input.starts_with(b"HTTP/") {
            return Err(foreign("its answer is not HTTP"));
        }
        if let Some(at) = input[searched..].windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(searched + at + 4);
        }
        searched = input.len().saturating_sub(3);
        if input.len() >= HEAD {
            return Err(foreign("the head of its answer exceeds 16 KiB"));
        }
        if socket.read_buf(input).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
}

impl Answer {
    fn parse(head: &[u8]) -> Result<Self, Failure> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(foreign("its answer is not HTTP")),
            Err(error) => return Err(foreign(format!("its answer is not HTTP: {error}"))),
        }
        let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| foreign("its answer has no status"))?;
        if response.version != Some(1) && status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(foreign("its answer is not HTTP/1.1"));
        }
        let headers = response
            .headers
            .iter()
            .map(|header| {
                let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
                Some((name, HeaderValue::from_bytes(header.value).ok()?))
            })
            .collect::<Option<HeaderMap>>()
            .ok_or_else(|| foreign("its answer has a header that is none"))?;
        Ok(Self { status, headers })
    }

    /// The elements of a list that a header holds.
    fn list(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(name).into_iter();
        values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
    }

    fn check(&self, settings: &Settings, key: &str) -> Result<Option<Negotiated>, Failure> {
        if !self.list(header::UPGRADE).any(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
            return Err(foreign("`Upgrade: websocket` is missing"));
        }
        if !self.list(header::CONNECTION).any(|option| option.eq_ignore_ascii_case("upgrade")) {
            return Err(foreign("`Connection: Upgrade` is missing"));
        }
        match self.one(&header::SEC_WEBSOCKET_ACCEPT)? {
            Some(answer) if accepts(key, answer) => {}
            Some(_) => return Err(foreign("`Sec-WebSocket-Accept` does not belong to the key")),
            None => return Err(foreign("`Sec-WebSocket-Accept` is missing")),
        }
        match self.one(&header::SEC_WEBSOCKET_PROTOCOL)?.map(str::trim) {
            Some(name) if settings.subprotocols.iter().any(|offered| offered == name) => {}
            Some(name) => {
                return Err(foreign(format!("it chose the subprotocol `{name}`, which was not offered")));
            }
            // Many servers speak JSON-RPC and look at no subprotocol.
            None if !settings.protocol.needs_subprotocol() => {}
            None => return Err(foreign("it chose no subprotocol")),
        }
        let mut values = Vec::new();
        for value in self.headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS) {
            values.push(value.to_str().map_err(|_| foreign("`Sec-WebSocket-Extensions` is not readable"))?);
        }
        match &settings.deflate {
            Some(options) => deflate::check(values, options).map_err(|error| foreign(error.to_string())),
            None if values.iter().all(|value| value.trim().is_empty()) => Ok(None),
            None => Err(foreign("it uses an extension that was not offered")),
        }
    }

    /// The value of a header that may come once.
    fn one(&self, name: &HeaderName) -> Result<Option<&str>, Failure> {
        let mut values = self.headers.get_all(name).into_iter();
        let first = values.next();
        if values.next().is_some() {
            return Err(foreign(format!("`{name}` comes twice")));
        }
        first
            .map(|value| value.to_str().map_err(|_| foreign(format!("`{name}` is not readable"))))
            .transpose()
    }

    /// What a server says in the body of its refusal, as far as it comes soon.
    async fn body(&self, socket: &mut Socket, mut input: Vec<u8>) -> String {
        let chunked =
            self.list(header::TRANSFER_ENCODING).any(|coding| coding.eq_ignore_ascii_case("chunked"));
        let length =
            self.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let most = match length {
            Some(length) if !chunked => BODY.min(length),
            _ => BODY,
        };
        let read = async {
            while input.len() < most && !(chunked && input.ends_with(b"0\r\n\r\n")) {
                if !matches!(socket.read_buf(&mut input).await, Ok(bytes) if bytes > 0) {
                    break;
                }
            }
        };
        // What has come by then is enough.
        let _ = timeout(BODY_WITHIN, read).await;
        input.truncate(most);
        if chunked {
            input = join_chunks(&input);
        }
        String::from_utf8_lossy(&input).into_owned()
    }
}

/// The content of a chunked body, as far as it goes.
fn join_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(rest) {
        rest = rest.get(start..).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        if size == 0 {
            break;
        }
        content.extend_from_slice(&rest[..size]);
        rest = rest.get(size + 2..).unwrap_or_default();
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_as_far_as_they_go() {
        assert_eq!(join_chunks(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), b"abcde");
        assert_eq!(join_chunks(b"5\r\nab"), b"ab");
        assert_eq!(join_chunks(b"ffffffffffffffff\r\nab"), b"ab");
        assert_eq!(join_chunks(b"nonsense"), b"");
        assert_eq!(join_chunks(b""), b"");
    }
}
