use super::{Registry, exposition};
use crate::{
    App, Request, Result,
    document::{Asked, Readers},
    guard::Guard,
    hub::Hub,
    origin::Origins,
    routes::Routes,
    service::BuildError,
};
use axum::{
    Router,
    body::Body,
    extract::RawPathParams,
    response::Response,
    routing::{self, MethodRouter},
};
use http::{HeaderValue, header};
use std::{borrow::Cow, fmt, sync::Arc};

/// How a server is doing, in numbers that Prometheus and its like collect. Given to [`App::metrics`].
///
/// ```
/// use swill::{App, Metrics, Module};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> swill::Result<()> {
/// let metrics = Metrics::new();
/// let app = App::new()
///     .module(Module::new().handle("add", ["a", "b"], async |a: i64, b: i64| a + b))
///     .metrics(metrics.clone());
/// let server = app.bind("127.0.0.1:0").await?;
/// // curl http://…/metrics, or:
/// assert!(metrics.encode().contains("swill_calls_in_flight 0"));
/// # drop(server);
/// # Ok(())
/// # }
/// ```
///
/// What there is: connections, handshakes that were refused, calls by procedure and code with their times, streams, bytes
/// and messages, queues, limits that took effect, and the process's memory and descriptors. The guide has the table. No
/// label has a value that a peer has chosen: procedures have the names under which they are registered, and codes that
/// have no name are counted together.
///
/// A clone is another handle on the same numbers, with a route and guards of its own. Nothing is counted, and there is no
/// route, unless an app has been given one; then a call that is answered at once costs a few instructions more.
///
/// # Elsewhere
///
/// Inner matters are nobody else's business. Beside [`password`](Self::password), [`bearer`](Self::bearer) and
/// [`guard`](Self::guard) there is the address: an app without procedures can show the numbers of another one where only
/// Prometheus comes.
///
/// ```no_run
/// # async fn example(app: swill::App) -> swill::Result<()> {
/// use swill::{App, Metrics};
///
/// let metrics = Metrics::new();
/// let app = app.metrics(metrics.clone().no_route()).bind("0.0.0.0:8000").await?;
/// let admin = App::new().paths::<&str>([]).metrics(metrics).bind("127.0.0.1:9100").await?;
/// tokio::try_join!(app.run(), admin.run())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    path: Option<Cow<'static, str>>,
    guard: Guard,
}

/// The format of what [`Metrics::encode`] writes.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

impl Metrics {
    /// Numbers that begin at nothing, at the route `/metrics`.
    pub fn new() -> Self {
        Self {
            registry: Arc::new(Registry::new()),
            path: Some("/metrics".into()),
            guard: Guard::new("metrics"),
        }
    }

    /// Where they are shown, below the path of the app if that is [mounted](App::mount). `/metrics` by default.
    #[must_use]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The app does not show them: they are shown elsewhere, by [`router`](Self::router) or another app, or read with
    /// [`encode`](Self::encode).
    #[must_use]
    pub fn no_route(mut self) -> Self {
        self.path = None;
        self
    }

    /// Asks for a name and a password (HTTP Basic, RFC 7617). Can be called several times, for several readers. An empty
    /// password lets nobody in. Passwords go over the wire as they are: use TLS, here or in the proxy in front.
    #[must_use]
    pub fn password(mut self, user: &str, password: &str) -> Self {
        self.guard.allow(user, password);
        self
    }

    /// Asks for a token (`Authorization: Bearer`, RFC 6750). Can be called several times; where there are passwords, too,
    /// one of all these is enough. An empty token lets nobody in.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        self.guard.allow_bearer(token);
        self
    }

    /// Asks a function whether a request may see them. Its error says why not, as that of
    #[cfg_attr(feature = "docs", doc = "[`Docs::guard`](crate::Docs::guard).")]
    #[cfg_attr(not(feature = "docs"), doc = "`Docs::guard`.")]
    /// If there are passwords or tokens, too, both have to agree.
    #[must_use]
    pub fn guard(mut self, guard: impl Fn(&Request) -> Result<()> + Send + Sync + 'static) -> Self {
        self.guard.ask(guard);
        self
    }

    /// All numbers as text, in the format of
    /// [OpenMetrics 1.0](https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md).
    ///
    /// It looks at every open connection once, so it takes a few milliseconds where there are tens of thousands.
    pub fn encode(&self) -> String {
        exposition::write(&self.registry)
    }

    /// A router that shows them at their path (`/metrics` if there is [none](Self::no_route)), guarded as they are: for a
    /// listener of its own, or another application.
    ///
    /// # Panics
    ///
    /// The path does not begin with a slash.
    ///
    /// ```
    /// let metrics = swill::Metrics::new();
    /// let app = swill::App::new().metrics(metrics.clone().no_route());
    /// let admin: axum::Router = axum::Router::new().merge(metrics.router());
    /// # let _ = (app, admin);
    /// ```
    pub fn router(&self) -> Router {
        let path = self.path.clone().unwrap_or(Cow::Borrowed("/metrics"));
        Router::new().route(&path, shown_at(self.shown(Origins::default())))
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Adds the route, and looks at the connections of the server from now on.
    pub(crate) fn add(
        &self,
        below: impl Fn(&str) -> String,
        origins: &Origins,
        hub: &Arc<Hub>,
        routes: &mut Routes,
    ) -> Result<(), BuildError> {
        self.registry.watch(hub);
        match &self.path {
            Some(path) => routes.place(&below(path), shown_at(self.shown(origins.clone()))),
            None => Ok(()),
        }
    }

    fn shown(&self, origins: Origins) -> impl Fn(&Asked) -> Response + Clone + Send + Sync + 'static {
        let readers = Arc::new(Readers { origins, guard: self.guard.clone() });
        let registry = Arc::clone(&self.registry);
        move |asked| {
            let mut response = match readers.admit(asked) {
                Ok(()) => Response::new(Body::from(exposition::write(&registry))),
                Err(refusal) => return *refusal,
            };
            response.headers_mut().insert(header::CONTENT_TYPE, OPEN_METRICS);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
    }
}

fn shown_at(shown: impl Fn(&Asked) -> Response + Clone + Send + Sync + 'static) -> MethodRouter {
    routing::any(move |parameters: RawPathParams, http: axum::extract::Request| {
        let response = shown(&Asked::new(&parameters, http));
        async move { response }
    })
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("path", &self.path)
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Counts what happens in this app, and in those that are [mounted](Self::mount) in it unless they have
    /// [`Metrics`] of their own, and shows the numbers at a route. Needs the feature `metrics`, which is on by default.
    ///
    /// Without this nothing is counted. Several apps can be given the same: then they are counted together, and procedures
    /// that have the same name are one.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.observer.registry = Some(Arc::clone(metrics.registry()));
        self.metrics = Some(metrics);
        self
    }
}
