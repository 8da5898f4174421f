//! The opening handshake (RFC 6455, section 4), written and read by hand.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha1::{Digest, Sha1};

/// The nonce of the RFC's example. A server has no reason to want another.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A request as it is sent, line by line: nothing keeps it from being wrong.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// A request that a server has to answer with 101.
    pub(crate) fn upgrade(path: &str, host: &str, subprotocol: Option<&str>) -> Self {
        let mut head = Self { line: format!("GET {path} HTTP/1.1"), headers: vec![] }
            .with("Host", host)
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade")
            .with("Sec-WebSocket-Key", KEY)
            .with("Sec-WebSocket-Version", "13");
        if let Some(subprotocol) = subprotocol {
            head = head.with("Sec-WebSocket-Protocol", subprotocol);
        }
        head
    }

    /// With another first line.
    pub(crate) fn line(mut self, line: impl Into<String>) -> Self {
        self.line = line.into();
        self
    }

    /// With one more header, whether or not there is one of that name.
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Without any header of that name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        self
    }

    /// With this value in place of the one that is there.
    pub(crate) fn instead(self, name: &str, value: impl Into<String>) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// Takes the head of an answer out of what was read.
    ///
    /// # Errors
    ///
    /// It is no answer of HTTP.
    pub(crate) fn take(read: &mut Vec<u8>) -> Result<Option<Self>, String> {
        let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return match read.starts_with(&b"HTTP/1."[..read.len().min(7)]) {
                true => Ok(None),
                false => Err(format!(
                    "no answer of HTTP: {:?}",
                    String::from_utf8_lossy(&read[..read.len().min(80)])
                )),
            };
        };
        let head: Vec<u8> = read.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap_or_default();
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| format!("no status line: {line:?}"))?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Ok(Some(Self { status, headers }))
    }

    /// The first header of that name, written in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is what a server says that has understood the request (RFC 6455, section 4.1).
    pub(crate) fn accepts(&self, subprotocol: Option<&str>) -> Result<(), String> {
        if self.status != 101 {
            return Err(format!("the handshake was answered with {}", self.status));
        }
        let accept = Sha1::digest(format!("{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
        if self.header("sec-websocket-accept") != Some(&BASE64_STANDARD.encode(accept)) {
            return Err("the key was answered with something else".into());
        }
        if self.header("sec-websocket-protocol") != subprotocol {
            let given = self.header("sec-websocket-protocol");
            return Err(format!("the subprotocol is {given:?} instead of {subprotocol:?}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_when_they_are_whole() {
        let mut read =
            b"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r".to_vec();
        assert!(Answer::take(&mut read).unwrap().is_none());
        read.extend_from_slice(b"\n\x81");
        let answer = Answer::take(&mut read).unwrap().unwrap();
        assert_eq!(read, b"\x81");
        assert_eq!(answer.accepts(None), Ok(()));
        assert!(answer.accepts(Some("swill/1")).is_err());
        assert!(Answer::take(&mut b"\x81\x05Hello".to_vec()).is_err());
    }
}
