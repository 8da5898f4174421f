use http::Uri;
use swill_proto::{Code, Error, Result};

/// Where a server is, out of a URL.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// A name or an IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of the `Host` header.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) target: String,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let bad =
            |why: &str| Error::new(Code::BAD_REQUEST, format!("`{url}` is no address of a server: {why}"));
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| bad(&error.to_string()))?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") => {
                return Err(Error::new(
                    Code::UNIMPLEMENTED,
                    format!(
                        "`{url}` needs TLS, which this version of swill-client does not have; `Builder::connector` takes a TLS stream"
                    ),
                ));
            }
            _ => return Err(bad("it has to begin with ws://")),
        }
        let authority = uri.authority().ok_or_else(|| bad("there is no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("credentials belong into a header"));
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(bad("there is no host"));
        }
        let port = match authority.as_str().get(host.len()..).and_then(|rest| rest.strip_prefix(':')) {
            Some(port) => port.parse().map_err(|_| bad("the port is no number up to 65535"))?,
            None => 80,
        };
        let target = match uri.path_and_query().map(http::uri::PathAndQuery::as_str) {
            None | Some("") => "/".to_owned(),
            Some(query) if query.starts_with('?') => format!("/{query}"),
            Some(target) => target.to_owned(),
        };
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            authority: if port == 80 { host.to_owned() } else { format!("{host}:{port}") },
            target,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: (&str, u16, &str, &str)) {
        let it = Address::parse(url).unwrap();
        assert_eq!((&*it.host, it.port, &*it.authority, &*it.target), expected, "{url}");
    }

    #[test]
    fn urls_say_where_the_server_is() {
        check("ws://localhost", ("localhost", 80, "localhost", "/"));
        check("ws://localhost:80/ws", ("localhost", 80, "localhost", "/ws"));
        check("ws://127.0.0.1:8000/ws?a=b&c", ("127.0.0.1", 8000, "127.0.0.1:8000", "/ws?a=b&c"));
        check("ws://[::1]:8000/", ("::1", 8000, "[::1]:8000", "/"));
        check("ws://example.org?token=x", ("example.org", 80, "example.org", "/?token=x"));
    }

    #[test]
    fn other_urls_are_refused() {
        for url in [
            "",
            "localhost:8000",
            "/ws",
            "http://localhost",
            "ws://",
            "ws://u:p@host/",
            "ws://host:99999/",
            "ws://a b/",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.code(), Code::BAD_REQUEST, "{url}: {error}");
        }
        let error = Address::parse("wss://localhost/ws").unwrap_err();
        assert_eq!(error.code(), Code::UNIMPLEMENTED);
        assert!(error.message().contains("TLS"), "{error}");
    }
}
