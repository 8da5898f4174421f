use crate::{Error, Result};

/// The port of a server on this machine if nothing else is said.
const PORT: u16 = 8000;

/// The path if nothing else is said.
const PATH: &str = "/ws";

/// The URL that an address means, as a user writes it.
///
/// | address | means |
/// |---|---|
/// | `ws://…`, `wss://…` | itself |
/// | `http://…`, `https://…` | the same with `ws`, `wss` |
/// | `HOST[:PORT][/PATH]`, on this machine (`localhost`, `127.…`, `[::1]`) | `ws://`, port 8000, path `/ws` |
/// | `HOST[:PORT][/PATH]`, elsewhere | `wss://`, port 443, path `/ws` |
///
/// # Errors
///
/// Another scheme, or no host.
pub(crate) fn url(address: &str) -> Result<String> {
    let wrong = |why: &str| {
        Error::usage(format!("`{address}` is no address of a server: {why}"))
            .advice("an address is a URL such as ws://localhost:8000/ws, or HOST[:PORT][/PATH]")
    };
    if let Some((scheme, rest)) = address.split_once("://") {
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => "ws",
            "wss" | "https" => "wss",
            other => return Err(wrong(&format!("nobody can be called by `{other}://`"))),
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
        return Err(wrong("there is no host"));
    }
    if host.contains(':') && !host.starts_with('[') {
        return Err(wrong("an IPv6 address stands in brackets, as in [::1]:8000"));
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
    let loopback = host.parse().is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback());
    loopback || host == "localhost" || host.ends_with(".localhost") || host == "[::1]"
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
