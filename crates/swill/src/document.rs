//! Documents that an app shows over HTTP beside its sockets: what is said to a request for one.

#[cfg(any(feature = "docs", feature = "metrics"))]
use crate::guard::Guard;
use crate::{origin::Origins, route::refuse};
use axum::{Router, body::Body, extract::RawPathParams, response::Response, routing};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
};

/// A body and what is said with it.
#[derive(Debug)]
pub(crate) struct Document {
    kind: &'static str,
    /// A number that changes with what is in it.
    hash: u64,
    plain: OnceLock<Bytes>,
    /// The same, compressed by gzip (RFC 1952).
    packed: Option<&'static [u8]>,
}

impl Document {
    pub(crate) fn new(kind: &'static str, body: Bytes) -> Self {
        let hash = swill_proto::spec::fnv1a(&body);
        Self { kind, hash, plain: OnceLock::from(body), packed: None }
    }

    /// What is there only in its compressed form. It is inflated if somebody asks who cannot read that.
    #[cfg(feature = "docs")]
    pub(crate) fn packed(kind: &'static str, packed: &'static [u8]) -> Self {
        let hash = swill_proto::spec::fnv1a(packed);
        Self { kind, hash, plain: OnceLock::new(), packed: Some(packed) }
    }

    pub(crate) fn plain(&self) -> &Bytes {
        self.plain.get_or_init(|| self.packed.map(inflate).unwrap_or_default())
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let packed = self.packed.filter(|_| accepts_gzip(headers));
        let form = if packed.is_some() { "-gzip" } else { "" };
        let tag = format!("\"{:016x}{form}\"", self.hash);
        let mut response = Response::new(Body::empty());
        if knows(headers, &tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            let body = packed.map_or_else(|| self.plain().clone(), Bytes::from_static);
            *response.body_mut() = Body::from(body);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
            if packed.is_some() {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        if let Ok(tag) = HeaderValue::try_from(tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        let vary = if self.packed.is_some() { "origin, accept-encoding" } else { "origin" };
        response.headers_mut().insert(header::VARY, HeaderValue::from_static(vary));
        // What people call their procedures may look like a page to a browser that guesses.
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// Whether the one who asks has this very form already.
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let mut known = known.flat_map(|tags| tags.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    known.any(|known| known == "*" || known == tag)
}

/// Whether gzip is fine with the one who asks (RFC 9110, section 12.5.3): by its name, or else by `*`.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings = listed.flat_map(|value| value.split(',')).map(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix(['q', 'Q']).and_then(|weight| weight.strip_prefix('='));
        let weight = weight.map_or(Some(1.0), |weight| weight.trim().parse().ok());
        (name.trim().to_ascii_lowercase(), weight.is_some_and(|weight: f32| weight > 0.0))
    });
    let mut others = false;
    for (name, wanted) in codings {
        match name.as_str() {
            "gzip" | "x-gzip" => return wanted,
            "*" => others = wanted,
            _ => {}
        }
    }
    others
}

#[cfg(feature = "docs")]
fn inflate(packed: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    if let Err(error) = std::io::copy(&mut flate2::read::GzDecoder::new(packed), &mut plain) {
        tracing::error!(%error, "a part of the docs page is damaged");
    }
    plain.into()
}

#[cfg(not(feature = "docs"))]
fn inflate(_: &[u8]) -> Bytes {
    Bytes::new()
}

/// Who may read an app's documents.
#[derive(Clone, Debug)]
pub(crate) struct Readers {
    pub(crate) origins: Origins,
    #[cfg(any(feature = "docs", feature = "metrics"))]
    pub(crate) guard: Guard,
}

impl Readers {
    /// Answers a request with a document, if it may be read.
    pub(crate) fn answer(&self, document: &Document, asked: &Asked) -> Response {
        let headers = &asked.http.headers;
        if let Err(refusal) = self.admit(asked) {
            return *refusal;
        }
        let mut response = document.answer(headers);
        let answer = response.headers_mut();
        answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache()));
        // Pages that may connect may read what there is to call.
        if let Some(origin) = headers.get(header::ORIGIN)
            && self.origins.admits(headers)
        {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        response
    }

    /// Lets a request through, or says why not.
    pub(crate) fn admit(&self, asked: &Asked) -> Result<(), Box<Response>> {
        if !matches!(asked.http.method, Method::GET | Method::HEAD) {
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "this can be read only");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Err(Box::new(response));
        }
        if !self.origins.serves(&asked.http.headers) {
            let why = "this server does not answer under that host name";
            return Err(Box::new(refuse(StatusCode::MISDIRECTED_REQUEST, why)));
        }
        #[cfg(any(feature = "docs", feature = "metrics"))]
        self.guard.admit(asked).map_err(|mut refusal| {
            // The next one who asks may be let in.
            refusal.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            refusal
        })?;
        Ok(())
    }

    /// Kept by nobody without asking, and only by browsers if not everybody may read it.
    fn cache(&self) -> &'static str {
        #[cfg(any(feature = "docs", feature = "metrics"))]
        if self.guard.is_set() {
            return "private, no-cache";
        }
        "no-cache"
    }
}

/// What is asked, and by whom.
pub(crate) struct Asked {
    http: http::request::Parts,
    #[cfg(any(feature = "docs", feature = "metrics"))]
    parameters: Vec<(String, String)>,
}

impl Asked {
    #[cfg_attr(
        not(any(feature = "docs", feature = "metrics")),
        expect(unused_variables, reason = "only guards look at parameters")
    )]
    pub(crate) fn new(parameters: &RawPathParams, http: axum::extract::Request) -> Self {
        Self {
            http: http.into_parts().0,
            #[cfg(any(feature = "docs", feature = "metrics"))]
            parameters: parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    /// The request as hooks see it. `None` if it is larger than any listener lets through.
    #[cfg(any(feature = "docs", feature = "metrics"))]
    pub(crate) fn request(&self) -> Option<crate::Request> {
        use axum::extract::ConnectInfo;
        let remote = self.http.extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|info| info.0);
        crate::Request::new(&self.http.uri, &self.http.headers, &self.parameters, remote)
    }
}

/// How a path is answered.
type Answer = Arc<dyn Fn(&Asked) -> Response + Send + Sync>;

/// Paths that belong together, with their answers: all of them are added, or none.
#[derive(Default)]
pub(crate) struct Shown {
    paths: Vec<(String, Answer)>,
    /// Whether these are the docs page, whose first path people open.
    #[cfg(feature = "docs")]
    pub(crate) page: Option<crate::docs::Place>,
}

impl Shown {
    pub(crate) fn at(
        mut self,
        path: String,
        answer: impl Fn(&Asked) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.paths.push((path, Arc::new(answer)));
        self
    }

    pub(crate) fn first(&self) -> &str {
        self.paths.first().map_or("", |(path, _)| path)
    }

    /// Adds the paths, unless the application has put something else at one of them. Tells whether it has not.
    pub(crate) fn add(&self, router: &mut Router) -> bool {
        let before = router.clone();
        let added = catch_unwind(AssertUnwindSafe(|| {
            self.paths.iter().fold(before, |router, (path, answer)| {
                let answer = Arc::clone(answer);
                let handler = move |parameters: RawPathParams, http: axum::extract::Request| {
                    let response = answer(&Asked::new(&parameters, http));
                    async move { response }
                };
                // Any method, so that it collides with whatever else is there.
                router.route(path, routing::any(handler))
            })
        }));
        match added {
            Ok(added) => *router = added,
            Err(_) => {
                tracing::debug!(path = self.first(), "the application has something else there");
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_can_read_it() {
        for (accepted, expected) in [
            (&[][..], false),
            (&["gzip"], true),
            (&["GZIP"], true),
            (&["br, gzip;q=0.5"], true),
            (&["deflate", "x-gzip"], true),
            (&["*"], true),
            (&["*;q=0, gzip"], true),
            (&["gzip;q=0, *"], false),
            (&["gzip; q=0.0"], false),
            (&["gzip;Q=0"], false),
            (&["gzip;q=much"], false),
            (&["identity"], false),
            (&["gzipped"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in accepted {
                headers.append(header::ACCEPT_ENCODING, value.parse().unwrap());
            }
            assert_eq!(accepts_gzip(&headers), expected, "{accepted:?}");
        }
    }
}
