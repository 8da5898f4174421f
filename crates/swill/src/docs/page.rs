//! The page itself: its parts, and what browsers may do with them.

use super::Docs;
use crate::{
    document::{Asked, Document, Readers, Shown},
    route::refuse,
    weak,
};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::{net::SocketAddr, sync::LazyLock};

/// Where the page has its settings, and what they are until they are told.
const SETTINGS: &str = r#"{"readOnly":false}"#;

const PAGE: &str = include_str!("../../assets/docs/index.html");

/// A part of the page: its name below the page, its type, and how it is kept.
type Part = (&'static str, &'static str, Kept);

#[derive(Clone, Copy)]
enum Kept {
    Plain(&'static [u8]),
    Packed(&'static [u8]),
}

/// The other parts.
const ASSETS: [Part; 3] = [
    ("app.js", "text/javascript; charset=utf-8", Kept::Packed(include_bytes!("../../assets/docs/app.js.gz"))),
    ("app.css", "text/css; charset=utf-8", Kept::Packed(include_bytes!("../../assets/docs/app.css.gz"))),
    ("icon.svg", "image/svg+xml", Kept::Plain(include_bytes!("../../assets/docs/icon.svg"))),
];

/// The parts are the same for all apps of the process.
static PARTS: LazyLock<[Document; ASSETS.len()]> = LazyLock::new(|| {
    ASSETS.map(|(_, kind, kept)| match kept {
        Kept::Plain(body) => Document::new(kind, Bytes::from_static(body)),
        Kept::Packed(packed) => Document::packed(kind, packed),
    })
});

/// What a browser may do with the page: run what comes from this server, talk to this server, and nothing else.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Where a page is, for the log.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    path: String,
    /// The name under which the app answers, if it does not answer under all of them.
    host: Option<String>,
    /// Somebody counts on it.
    asked_for: bool,
}

impl Place {
    /// The same, if it is there in the end.
    pub(crate) fn placed(self, added: bool) -> Option<Self> {
        if !added && self.asked_for {
            tracing::warn!(path = self.path, "no docs page: the application has something else there");
        }
        added.then_some(self)
    }

    /// What people open.
    pub(crate) fn url(&self, address: SocketAddr, secure: bool) -> String {
        let scheme = if secure { "https" } else { "http" };
        let port = address.port();
        let authority = match &self.host {
            Some(host) => format!("{host}:{port}"),
            None if address.ip().is_unspecified() => format!("localhost:{port}"),
            None => address.to_string(),
        };
        format!("{scheme}://{authority}{}", self.path)
    }
}

impl Docs {
    /// The page of an app whose first path this is.
    pub(super) fn page(&self, path: &str, readers: &Readers) -> Shown {
        let page = format!("{}/docs", path.trim_end_matches('/'));
        let index = Document::new("text/html; charset=utf-8", self.index());
        let host = readers.origins.first_host().map(str::to_owned);
        let place = Place { path: page.clone(), host, asked_for: self.asked_for() };
        let mut shown = Shown::default();
        shown.page = Some(place);
        shown = shown.at(page.clone(), answer(readers, move |readers, asked| readers.answer(&index, asked)));
        // Its parts are named relative to the page, so that it works wherever a proxy puts it.
        shown = shown.at(format!("{page}/"), answer(readers, away));
        for (at, (name, ..)) in ASSETS.iter().enumerate() {
            let part = answer(readers, move |readers, asked| readers.answer(&PARTS[at], asked));
            shown = shown.at(format!("{page}/{name}"), part);
        }
        shown
    }

    fn index(&self) -> Bytes {
        let settings = format!(r#"{{"readOnly":{}}}"#, self.read_only);
        PAGE.replacen(SETTINGS, &settings, 1).into()
    }
}

fn answer<A: Fn(&Readers, &Asked) -> Response>(
    readers: &Readers,
    answer: A,
) -> impl Fn(&Asked) -> Response + use<A> {
    let readers = readers.clone();
    move |asked| {
        let mut response = answer(&readers, asked);
        if !weak::is_off("docs-headers") {
            HEADERS.into_iter().for_each(|(name, value)| drop(response.headers_mut().insert(name, value)));
        }
        response
    }
}

/// Leads from a path with a slash at its end to the one without.
fn away(readers: &Readers, asked: &Asked) -> Response {
    if let Err(refusal) = readers.admit(asked) {
        return *refusal;
    }
    let mut response = refuse(StatusCode::PERMANENT_REDIRECT, "the page has no slash at its end");
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("../docs"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs};

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/docs");

    #[test]
    fn every_part_that_was_built_is_served() {
        let there: BTreeSet<String> = fs::read_dir(FOLDER)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        let served = ASSETS.iter().map(|(name, _, kept)| match kept {
            Kept::Plain(_) => (*name).to_owned(),
            Kept::Packed(_) => format!("{name}.gz"),
        });
        // The licenses of what others wrote are for those who pass the program on.
        let others = ["index.html", "licenses.txt"].map(str::to_owned);
        assert_eq!(there, served.chain(others).collect());
    }

    #[test]
    fn every_part_can_be_inflated_and_is_text() {
        for (part, (name, ..)) in PARTS.iter().zip(ASSETS) {
            let text = std::str::from_utf8(part.plain()).unwrap_or_else(|_| panic!("{name} is text"));
            assert!(!text.is_empty(), "{name}");
        }
    }

    #[test]
    fn the_page_has_one_place_for_settings_and_loads_its_parts_alone() {
        assert_eq!(PAGE.matches(SETTINGS).count(), 1);
        for (name, ..) in ASSETS {
            assert!(PAGE.contains(&format!("\"docs/{name}\"")), "{name}");
        }
        for elsewhere in ["=\"http", "='http", "=\"//", "='//", "=\"/"] {
            assert!(!PAGE.contains(elsewhere), "{elsewhere}");
        }
        let index = Docs::on().read_only().index();
        assert!(std::str::from_utf8(&index).expect("text").contains(r#"'{"readOnly":true}'"#));
    }

    #[test]
    fn the_address_is_one_that_can_be_opened() {
        for (host, address, secure, url) in [
            (None, "127.0.0.1:8000", false, "http://127.0.0.1:8000/docs"),
            (None, "0.0.0.0:8000", false, "http://localhost:8000/docs"),
            (None, "[::]:8000", true, "https://localhost:8000/docs"),
            (None, "[::1]:8000", false, "http://[::1]:8000/docs"),
            (Some("a.example"), "0.0.0.0:443", true, "https://a.example:443/docs"),
        ] {
            let place = Place { path: "/docs".into(), host: host.map(str::to_owned), asked_for: true };
            assert_eq!(place.url(address.parse().expect("an address"), secure), url);
        }
    }
}
