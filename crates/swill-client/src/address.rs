use http::Uri;
use std::net::Ipv4Addr;
use swill_proto::{Code, Error, Result};

/// The port of a server on this machine if nothing else is said.
const PORT: u16 = 8000;

/// The path if nothing else is said.
const PATH: &str = "/ws";

/// The URL that an address means, as people write it. Whatever takes the address of a server takes all of these.
///
/// | address | means |
/// |---|---|
/// | `ws://…`, `wss://…` | itself |
/// | `http://…`, `https://…` | the same with `ws`, `wss` |
/// | `HOST[:PORT][/PATH]`, on this machine (`localhost`, `127.…`, `[::1]`) | `ws://`, port 8000, path `/ws` |
/// | `HOST[:PORT][/PATH]`, elsewhere | `wss://`, port 443, path `/ws` |
///
/// ```
/// assert_eq!(swill_client::url("localhost")?, "ws://localhost:8000/ws");
/// assert_eq!(swill_client::url("api.example/rpc")?, "wss://api.example/rpc");
/// # Ok::<(), swill_client::Error>(())
/// ```
///
/// # Errors
///
/// Code 400: another scheme, or no host. Whether the rest of a URL is one shows when it is used.
pub fn url(address: &str) -> Result<String> {
    let bad = |why: &str| wrong(address, why);
    if let Some((scheme, rest)) = address.split_once("://") {
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => "ws",
            "wss" | "https" => "wss",
            other => return Err(bad(&format!("nobody can be called by `{other}://`"))),
        };
        return Ok(format!("{scheme}://{rest}"));
    }
    let (authority, rest) = address.split_at(address.find(['/', '?', '#']).unwrap_or(address.len()));
    let (host, port) = match authority.rfind(':') {
        // A colon within brackets belongs to the host.
        Some(at) if authority.rfind(']').is_none_or(|bracket| bracket < at) => authority.split_at(at),
        _ => (authority, ""),
    };
    if host.is_empty() {
        return Err(bad("there is no host"));
    }
    if host.contains(':') && !host.starts_with('[') {
        return Err(bad("an IPv6 address stands in brackets, as in [::1]:8000"));
    }
    let path = match rest.starts_with('/') {
        true => rest.to_owned(),
        false => format!("{PATH}{rest}"),
    };
    Ok(match (is_here(host), port) {
        (true, "") => format!("ws://{host}:{PORT}{path}"),
        (true, port) => format!("ws://{host}{port}{path}"),
        (false, port) => format!("wss://{host}{port}{path}"),
    })
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let loopback = host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback());
    loopback || host == "localhost" || host.ends_with(".localhost") || host == "[::1]"
}

fn wrong(address: &str, why: &str) -> Error {
    let shown = without_secrets(address);
    Error::new(Code::BAD_REQUEST, format!("`{shown}` is no address of a server: {why}"))
}

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
    pub(crate) fn parse(address: &str) -> Result<Self> {
        let bad = |why: &str| wrong(address, why);
        let uri: Uri =
            url(address)?.parse().map_err(|error: http::uri::InvalidUri| bad(&error.to_string()))?;
        let secure = uri.scheme_str() == Some("wss");
        if secure && cfg!(not(feature = "tls")) {
            let shown = without_secrets(address);
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
    fn addresses_mean_urls() {
        for (address, expected) in [
            ("localhost", "ws://localhost:8000/ws"),
            ("localhost:9000", "ws://localhost:9000/ws"),
            ("LOCALHOST/rpc", "ws://LOCALHOST:8000/rpc"),
            ("127.0.0.2:81/a/b?c=d", "ws://127.0.0.2:81/a/b?c=d"),
            ("[::1]", "ws://[::1]:8000/ws"),
            ("[::1]:9000/", "ws://[::1]:9000/"),
            ("localhost?token=x", "ws://localhost:8000/ws?token=x"),
            ("api.example", "wss://api.example/ws"),
            ("api.example:8443/rpc", "wss://api.example:8443/rpc"),
            ("127.example", "wss://127.example/ws"),
            ("10.0.0.1", "wss://10.0.0.1/ws"),
            ("ws://api.example", "ws://api.example"),
            ("wss://localhost:1/x", "wss://localhost:1/x"),
            ("http://localhost:8000/ws", "ws://localhost:8000/ws"),
            ("HTTPS://api.example/ws", "wss://api.example/ws"),
        ] {
            assert_eq!(url(address).unwrap(), expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (address, why) in [
            ("", "there is no host"),
            (":8000", "there is no host"),
            ("/ws", "there is no host"),
            ("ftp://localhost", "`ftp://`"),
            ("::1", "brackets"),
        ] {
            assert!(url(address).unwrap_err().to_string().contains(why), "{address}");
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for url in [
            "",
            "localhost:x",
            "/ws",
            "ftp://localhost",
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
            ("ftp://host/ws#s3cr3t", "`ftp://host/ws`"),
        ] {
            let Err(error) = Address::parse(url) else { panic!("{url} is taken") };
            assert!(error.message().starts_with(shown), "{error}");
            assert!(!format!("{error:?}").contains("cr3t"), "{error:?}");
        }
    }
}
