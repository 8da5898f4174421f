//! The heads of the opening handshake (RFC 6455, section 4).

use swill_ws::deflate::{self, BadAnswer, Negotiated, Options};

/// The longest head that is looked at.
pub(super) const LONGEST: usize = 64 << 10;

const HEADERS: usize = 128;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query, which may be a secret.
    pub(super) path: String,
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) subprotocol: Option<String>,
    /// What was agreed on about compression.
    pub(super) deflate: Result<Option<Negotiated>, BadAnswer>,
}

/// Where the head ends that bytes begin with, if all of it is there.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

pub(super) fn request(head: &[u8]) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).ok()?;
    let path = request.path?.split(['?', '#']).next().unwrap_or_default();
    Some(Request { method: request.method?.to_owned(), path: path.to_owned() })
}

pub(super) fn response(head: &[u8]) -> Option<Response> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(head).ok()?;
    let (status, reason) = (response.code?, response.reason.unwrap_or_default().to_owned());
    let values = |name: &str| -> Vec<&str> {
        let named = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        named.filter_map(|header| std::str::from_utf8(header.value).ok()).map(str::trim).collect()
    };
    // Whatever was offered: what counts is what was agreed on.
    let anything = Options {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };
    Some(Response {
        status,
        reason,
        subprotocol: values("sec-websocket-protocol").first().map(|name| (*name).to_owned()),
        deflate: deflate::check(values("sec-websocket-extensions"), &anything),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let asked = b"GET /ws?token=secret HTTP/1.1\r\nHost: x\r\n\r\nrest";
        let end = end(asked).unwrap();
        assert_eq!(&asked[end..], b"rest");
        assert_eq!(request(&asked[..end]), Some(Request { method: "GET".into(), path: "/ws".into() }));
        let answered = response(
            b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: swill/1\r\n\
              Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_max_window_bits=10\r\n\r\n",
        )
        .unwrap();
        assert_eq!((answered.status, answered.subprotocol.as_deref()), (101, Some("swill/1")));
        let deflate = answered.deflate.unwrap().unwrap();
        assert!(deflate.client_no_context_takeover && !deflate.server_no_context_takeover);
        assert_eq!((deflate.server_max_window_bits, deflate.client_max_window_bits), (10, 15));
        assert_eq!(request(b"nonsense\r\n\r\n"), None);
        assert_eq!(response(b"nonsense\r\n\r\n"), None);
    }
}
