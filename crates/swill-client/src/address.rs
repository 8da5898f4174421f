use http::Uri;
use swill_proto::{Code, Error, Result};

/// Where a server is, out of a URL. The query may be a secret.
#[derive(Clone)]
pub(crate) struct Address {
    /// A name or an IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether TLS is spoken.
    #[cfg(feature = "tls")]
    pub(crate) secure: bool,
    /// The value of the `Host` header.
    pub(crate) authority: String,
    /// Path and query.
    pub(crate) target: String,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let shown = without_secrets(url);
        let bad =
            |why: &str| Error::new(Code::BAD_REQUEST, format!("`{shown}` is no address of a server: {why}"));
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| bad(&error.to_string()))?;
        match uri.scheme_str() {
            Some("ws" | "wss") => {}
            _ => return Err(bad("it has to begin with ws:// or wss://")),
        }
        let secure = uri.scheme_str() == Some("wss");
        if secure && cfg!(not(feature = "tls")) {
            let why = format!("`{shown}` needs TLS: turn on the feature `tls` of swill-client");
            return Err(Error::new(Code::UNIMPLEMENTED, why));
        }
        let authority = uri.authority().ok_or_else(|| bad("there is no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("credentials belong into a header"));
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(bad("there is no host"));
        }
        let usual = if secure { 443 } else { 80 };
        let port = match authority.as_str().get(host.len()..).and_then(|rest| rest.strip_prefix(':')) {
            Some(port) => port.parse().map_err(|_| bad("the port is no number up to 65535"))?,
            None => usual,
        };
        let target = match uri.path_and_query().map(http::uri::PathAndQuery::as_str) {
            None | Some("") => "/".to_owned(),
            Some(query) if query.starts_with('?') => format!("/{query}"),
            Some(target) => target.to_owned(),
        };
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            #[cfg(feature = "tls")]
            secure,
            authority: if port == usual { host.to_owned() } else { format!("{host}:{port}") },
            target,
        })
    }
}

/// A URL as errors show it: without query and credentials.
fn without_secrets(url: &str) -> String {
    let shown = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = shown.split_once("//").map_or(("", shown), |(scheme, rest)| (scheme, rest));
    match rest.rsplit_once('@') {
        Some((_, host)) if scheme.is_empty() => format!("…@{host}"),
        Some((_, host)) => format!("{scheme}//…@{host}"),
        None => shown.to_owned(),
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
        check("ws://localhost:443/", ("localhost", 443, "localhost:443", "/"));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn urls_with_tls_have_another_port() {
        check("wss://localhost", ("localhost", 443, "localhost", "/"));
        check("wss://localhost:443/ws", ("localhost", 443, "localhost", "/ws"));
        check("wss://localhost:80/", ("localhost", 80, "localhost:80", "/"));
        check("wss://[::1]:8443/", ("::1", 8443, "[::1]:8443", "/"));
        assert!(Address::parse("wss://localhost").unwrap().secure);
        assert!(!Address::parse("ws://localhost:443").unwrap().secure);
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_the_feature_tls_is_refused() {
        let Err(error) = Address::parse("wss://localhost/ws") else { panic!("there is TLS") };
        assert_eq!(error.code(), Code::UNIMPLEMENTED);
        assert!(error.message().contains("the feature `tls`"), "{error}");
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
            let Err(error) = Address::parse(url) else { panic!("{url} is taken") };
            assert_eq!(error.code(), Code::BAD_REQUEST, "{url}: {error}");
        }
    }

    #[test]
    fn errors_do_not_show_secrets() {
        for (url, shown) in [
            ("ws://ann:s3cr3t@host/ws", "`ws://…@host/ws`"),
            ("ws://ann:s3/cr3t@host/ws", "`ws://…@host/ws`"),
            ("ann:s3cr3t@host/ws", "`…@host/ws`"),
            ("wss://a@host/ws?token=s3cr3t", "`wss://…@host/ws`"),
            ("http://host/ws#s3cr3t", "`http://host/ws`"),
        ] {
            let Err(error) = Address::parse(url) else { panic!("{url} is taken") };
            assert!(error.message().starts_with(shown), "{error}");
            assert!(!format!("{error:?}").contains("cr3t"), "{error:?}");
        }
    }
}
