use crate::extensions::Extensions;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use std::{fmt, net::SocketAddr, str::FromStr};
use swill_proto::{Code, Error, Result};

/// The request that opens a connection. Kept as long as the connection, in little memory.
pub struct Request {
    /// Path, query, then name and value of each header and path parameter, one after the other.
    text: Box<str>,
    path: u16,
    query: u16,
    /// Where names and values end.
    headers: Box<[(u16, u16)]>,
    parameters: Box<[(u16, u16)]>,
    remote: Option<SocketAddr>,
}

/// How a token is offered among the subprotocols, for browsers, which cannot set headers.
const TOKEN: &str = "swill.token.";

impl Request {
    /// `None` if path and headers are larger than 64 KiB, which no listener lets through.
    pub(crate) fn new(
        uri: &Uri,
        headers: &HeaderMap,
        parameters: &[(String, String)],
        remote: Option<SocketAddr>,
    ) -> Option<Self> {
        let mut text = String::with_capacity(512);
        text.push_str(uri.path());
        let path = u16::try_from(text.len()).ok()?;
        text.push_str(uri.query().unwrap_or_default());
        let query = u16::try_from(text.len()).ok()?;
        let mut add = |name: &str, value: &str| {
            text.push_str(name);
            let end_of_name = u16::try_from(text.len()).ok()?;
            text.push_str(value);
            Some((end_of_name, u16::try_from(text.len()).ok()?))
        };
        let mut kept = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            if matches!(*name, header::UPGRADE | header::CONNECTION)
                || name.as_str().starts_with("sec-websocket-") && *name != header::SEC_WEBSOCKET_PROTOCOL
            {
                continue;
            }
            // Bytes that are no ASCII mean what they meant to HTTP first: ISO 8859-1.
            let value: String = value.as_bytes().iter().map(|&byte| char::from(byte)).collect();
            kept.push(add(name.as_str(), &value)?);
        }
        let parameters = parameters.iter().map(|(name, value)| add(name, value)).collect::<Option<_>>()?;
        Some(Self { text: text.into(), path, query, headers: kept.into(), parameters, remote })
    }

    /// The path, as it was asked for.
    pub fn path(&self) -> &str {
        &self.text[..usize::from(self.path)]
    }

    /// The query string, without its question mark; empty if there is none.
    pub fn query(&self) -> &str {
        &self.text[usize::from(self.path)..usize::from(self.query)]
    }

    /// The first value of a name in the query string, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A parameter of the path: `room` for a route `/rooms/{room}`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let start = self.headers.last().map_or(self.query, |&(_, end)| end);
        self.pairs(start, &self.parameters).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// A parameter of the path, read as a number, an address, or whatever it is.
    ///
    /// ```
    /// use swill::{Handshake, Hook, Result};
    ///
    /// struct Room(u64);
    ///
    /// struct Rooms;
    ///
    /// impl Hook for Rooms {
    ///     async fn before_connection(&self, handshake: &mut Handshake) -> Result<()> {
    ///         let room = handshake.request().parameter_as("room")?;
    ///         handshake.insert(Room(room));
    ///         Ok(())
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Code 404 if there is no such parameter, or it cannot be read; a hook that returns it refuses the handshake.
    pub fn parameter_as<T: FromStr>(&self, name: &str) -> Result<T> {
        let read = self.parameter(name).and_then(|text| text.parse().ok());
        read.ok_or_else(|| Error::new(Code::NOT_FOUND, format!("the path has no valid `{name}`")))
    }

    /// The first header of this name, in any case. Bytes that are no ASCII are read as ISO 8859-1.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers, but for those of the WebSocket handshake itself. Names are in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs(self.query, &self.headers)
    }

    /// A cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.headers().filter(|(key, _)| *key == "cookie").flat_map(|(_, value)| value.split(';')).find_map(
            |cookie| {
                let (key, value) = cookie.split_once('=')?;
                (key.trim() == name).then(|| value.trim().trim_matches('"'))
            },
        )
    }

    /// The subprotocols that the peer offers, but for a token.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.offers().filter(|offer| !offer.starts_with(TOKEN))
    }

    /// The token that the peer shows: `Authorization: Bearer TOKEN`, or, from a browser, a subprotocol entry
    /// `swill.token.TOKEN` (with the token in characters that a subprotocol may have, such as base64url). Such an entry
    /// is never echoed and never logged. A browser offers a protocol beside it, such as `swill.1` or `jsonrpc`: it gives
    /// up if none of its offers is echoed (WHATWG WebSockets, *establish a WebSocket connection*).
    pub fn token(&self) -> Option<&str> {
        let bearer = self.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        bearer.or_else(|| self.offers().find_map(|offer| offer.strip_prefix(TOKEN)))
    }

    /// The address that the connection comes from: the peer's, or the last proxy's.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.remote
    }

    fn offers(&self) -> impl Iterator<Item = &str> {
        self.headers()
            .filter(|(name, _)| *name == "sec-websocket-protocol")
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|offer| !offer.is_empty())
    }

    fn pairs<'s>(
        &'s self,
        mut start: u16,
        ends: &'s [(u16, u16)],
    ) -> impl Iterator<Item = (&'s str, &'s str)> {
        ends.iter().map(move |&(name, value)| {
            let pair = (
                &self.text[usize::from(start)..usize::from(name)],
                &self.text[usize::from(name)..usize::from(value)],
            );
            start = value;
            pair
        })
    }
}

impl fmt::Debug for Request {
    /// Names of headers, without values: cookies and tokens do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("path", &self.path())
            .field("headers", &self.headers().map(|(name, _)| name).collect::<Vec<_>>())
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

/// An opening handshake that a [`Hook`](crate::Hook) looks at: the request, and what will be answered.
pub struct Handshake {
    pub(crate) request: Request,
    pub(crate) answer: HeaderMap,
    pub(crate) state: Extensions,
}

impl Handshake {
    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Puts a value into the connection, in place of the one of the same type: who the peer is, or state of its own.
    ///
    /// Procedures take it as a borrowed argument ([`FromContext`](crate::FromContext)), everybody else gets it from
    /// [`Peer::state`](crate::Peer::state).
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.state.insert(value);
    }

    /// A value that was put into the connection.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.state.get()
    }

    /// Adds a header to the answer, beside others of the same name.
    ///
    /// # Errors
    ///
    /// Code 500 if name or value hold characters that a header may not have, or if the header is one of the handshake's
    /// own (`Upgrade`, `Connection`, `Sec-WebSocket-…`, those of the body).
    pub fn add_header(&mut self, name: &str, value: &str) -> swill_proto::Result<()> {
        let (name, value) = (name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
        let of_the_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
        let reserved = [header::UPGRADE, header::CONNECTION].contains(&name) || of_the_body.contains(&name);
        if reserved || name.as_str().starts_with("sec-websocket-") {
            return Err(Error::internal(format!("the header `{name}` belongs to the handshake")));
        }
        self.answer.append(name, value);
        Ok(())
    }

    /// Sets a cookie with the answer. `cookie` is what the header `Set-Cookie` says: `name=value; Path=/; HttpOnly`.
    ///
    /// # Errors
    ///
    /// As [`add_header`](Self::add_header).
    pub fn set_cookie(&mut self, cookie: &str) -> swill_proto::Result<()> {
        self.add_header("set-cookie", cookie)
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("request", &self.request)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
