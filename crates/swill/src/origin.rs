//! Which web pages may connect.

use crate::weak;
use http::{HeaderMap, Uri, header};

/// Whose pages may open a connection: those of the same host, and those that are listed.
///
/// A browser lets any page open a WebSocket to any host and sends that host's cookies along; only the server can refuse
/// (RFC 6455, section 10.2). Clients that are no browsers send no `Origin` and are let through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    any: bool,
    listed: Vec<String>,
    /// The names under which the server answers; all, if none is listed.
    hosts: Vec<String>,
}

impl Origins {
    pub(crate) fn allow(&mut self, origin: &str) {
        if origin == "*" {
            self.any = true;
        } else {
            self.listed.push(origin.trim_end_matches('/').to_ascii_lowercase());
        }
    }

    pub(crate) fn host(&mut self, host: &str) {
        self.hosts.push(host.to_ascii_lowercase());
    }

    /// A name under which the server answers, without its port, if it does not answer under all of them.
    #[cfg(feature = "docs")]
    pub(crate) fn first_host(&self) -> Option<&str> {
        let host = self.hosts.first()?;
        Some(match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            _ => host,
        })
    }

    /// Whether the server answers under the name that the request asks for. Against DNS rebinding: a page can give its
    /// own name the address of another server, and is then "of the same host".
    pub(crate) fn serves(&self, headers: &HeaderMap) -> bool {
        if self.hosts.is_empty() || weak::is_off("host") {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host = host.to_ascii_lowercase();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            _ => &host,
        };
        self.hosts.iter().any(|listed| *listed == host || *listed == name)
    }

    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        if self.any || weak::is_off("origin") {
            return true;
        }
        let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
        let origin = origin.to_ascii_lowercase();
        if self.listed.contains(&origin) {
            return true;
        }
        let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
        same_host(&origin, &host.to_ascii_lowercase())
    }
}

/// Compares whole authorities: no prefix, suffix or user part can make another host look the same.
fn same_host(origin: &str, host: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    if !matches!(scheme, "http" | "https")
        || authority.as_str().contains('@')
        || !matches!(uri.path(), "" | "/")
    {
        return false;
    }
    let default = if scheme == "https" { ":443" } else { ":80" };
    let strip = |authority: &str| authority.strip_suffix(default).unwrap_or(authority).to_owned();
    strip(authority.as_str()) == strip(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(origins: &Origins, host: &str, origin: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        for origin in origin {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        origins.admits(&headers)
    }

    #[test]
    fn only_the_same_host_and_listed_origins_are_admitted() {
        let mut origins = Origins::default();
        origins.allow("https://app.example/");
        for (host, origin, admitted) in [
            ("a.example", &[][..], true),
            ("a.example", &["http://a.example"], true),
            ("a.example", &["https://a.example"], true),
            ("A.Example", &["https://a.eXample"], true),
            ("a.example:8000", &["http://a.example:8000"], true),
            ("a.example:443", &["https://a.example"], true),
            ("[::1]:8000", &["http://[::1]:8000"], true),
            ("a.example", &["https://app.example"], true),
            ("a.example", &["https://app.example.evil"], false),
            ("a.example:8000", &["http://a.example"], false),
            ("a.example", &["http://a.example.evil"], false),
            ("a.example", &["http://evil-a.example"], false),
            ("a.example", &["http://a.example@evil"], false),
            ("a.example", &["http://user@a.example"], false),
            ("a.example", &["http://a.example/path"], false),
            ("a.example", &["null"], false),
            ("a.example", &["file://"], false),
            ("a.example", &["ftp://a.example"], false),
            ("a.example", &["http://a.example", "http://a.example"], false),
            ("a.example", &[""], false),
        ] {
            assert_eq!(admits(&origins, host, origin), admitted, "{origin:?} at {host}");
        }
    }

    #[test]
    fn only_listed_hosts_are_served() {
        let mut origins = Origins::default();
        let serves = |origins: &Origins, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            origins.serves(&headers)
        };
        assert!(serves(&origins, "anything"));
        origins.host("localhost");
        origins.host("[::1]");
        origins.host("a.example:8000");
        for (host, served) in [
            ("localhost", true),
            ("LocalHost:8000", true),
            ("[::1]:8000", true),
            ("[::1]", true),
            ("a.example:8000", true),
            ("a.example:9000", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(serves(&origins, host), served, "{host}");
        }
    }

    #[test]
    fn a_star_admits_everybody() {
        let mut origins = Origins::default();
        origins.allow("*");
        assert!(admits(&origins, "a.example", &["http://evil"]));
    }
}
