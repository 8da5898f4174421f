use crate::{
    Hook, Limits, Module, Procedure, Result, Server, ShutdownHandle, description,
    document::Readers,
    failure::Handlers,
    health::Health,
    hub::Hub,
    module::IntoModule,
    negotiate::{self, Protocol},
    observe::Observer,
    origin::Origins,
    routes::{Routed, Routes},
    service::{BuildError, Service, Speaks, cannot_serve},
    weak,
};
use axum::Router;
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};
use swill_ws::deflate;
use tokio::net::ToSocketAddrs;

/// An application: procedures, hooks and limits, and the paths where it is served.
///
/// ```no_run
/// use swill::App;
///
/// struct Calc;
///
/// #[swill::module]
/// impl Calc {
///     /// Adds two numbers.
///     async fn add(&self, a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// #[tokio::main]
/// async fn main() -> swill::Result<()> {
///     App::new().module(Calc).serve("127.0.0.1:8000").await
/// }
/// ```
///
/// An app answers at `/` and `/ws`, unless [`paths`](Self::paths) says otherwise. [`mount`](Self::mount) serves another
/// app beside it, at a path of its own, with its own procedures, hooks, protocols and limits.
pub struct App {
    module: Module,
    limits: Limits,
    origins: Origins,
    protocols: Option<Vec<Protocol>>,
    plain_errors: bool,
    compression: Option<deflate::Options>,
    debug: bool,
    pub(crate) handlers: Handlers,
    pub(crate) observer: Observer,
    #[cfg(feature = "metrics")]
    pub(crate) metrics: Option<crate::Metrics>,
    pub(crate) health: Health,
    pub(crate) described: description::Settings,
    #[cfg(feature = "docs")]
    pub(crate) docs: crate::Docs,
    #[cfg(feature = "files")]
    pub(crate) files: Vec<(Cow<'static, str>, crate::StaticFiles)>,
    #[cfg(feature = "config")]
    pub(crate) listen: Option<String>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Result<crate::Tls, BuildError>>,
    paths: Option<Vec<Cow<'static, str>>>,
    mounted: Vec<(Cow<'static, str>, App)>,
}

/// What an app becomes: its service, and what is mounted in it.
type Built = (Arc<Service>, Vec<(Cow<'static, str>, App)>);

impl App {
    /// An app without procedures.
    pub fn new() -> Self {
        Self {
            module: Module::new(),
            limits: weak::loosened(Limits::default()),
            origins: Origins::default(),
            protocols: None,
            plain_errors: false,
            compression: None,
            debug: false,
            handlers: Handlers::default(),
            observer: Observer::default(),
            #[cfg(feature = "metrics")]
            metrics: None,
            health: Health::default(),
            described: description::Settings::default(),
            #[cfg(feature = "docs")]
            docs: crate::Docs::default(),
            #[cfg(feature = "files")]
            files: Vec::new(),
            #[cfg(feature = "config")]
            listen: None,
            #[cfg(feature = "tls")]
            tls: None,
            paths: None,
            mounted: Vec::new(),
        }
    }

    /// Adds a module: under its own name if it has one, else its procedures keep their names as they are.
    #[must_use]
    pub fn module(mut self, module: impl IntoModule) -> Self {
        self.module = self.module.module(module);
        self
    }

    /// Adds a module under a name: `math` makes its `add` be called `math.add`.
    #[must_use]
    pub fn nest(mut self, name: impl Into<Cow<'static, str>>, module: impl IntoModule) -> Self {
        self.module = self.module.nest(name, module);
        self
    }

    /// Puts a procedure in the place of the one that has the same full name already, on purpose.
    #[must_use]
    pub fn replace(mut self, procedure: Procedure) -> Self {
        self.module = self.module.replace(procedure);
        self
    }

    /// Adds a hook that sees all connections and calls of this app, but not those of apps that are
    /// [mounted](Self::mount) in it.
    #[must_use]
    pub fn hook(mut self, hook: impl Hook) -> Self {
        self.module = self.module.hook(hook);
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = weak::loosened(limits);
        self
    }

    /// Lets pages of this origin connect (`https://app.example.org`), beside those of the same host; `*` lets all in.
    ///
    /// Without this, a page of another host gets HTTP 403. Programs that are no browsers send no `Origin` and pass.
    #[must_use]
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.origins.allow(origin);
        self
    }

    /// Answers only under this host name (`localhost`, `api.example.org`, with a port or without); others get HTTP 421.
    /// Can be called several times. Without it the server answers under every name.
    ///
    /// Good for a service on the loopback address, which pages of the browser on the same machine could otherwise reach
    /// by a name of their own (DNS rebinding).
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.origins.host(host);
        self
    }

    /// Offers permessage-deflate (RFC 7692) to peers that ask for it. Off by default: it costs more processor time than
    /// it saves on most networks, and memory if a peer wants to keep its context.
    #[must_use]
    pub fn compression(mut self) -> Self {
        self.compression = Some(deflate::Options::default());
        self
    }

    /// In debug mode the text of an unexpected error is sent to the peer, not only logged. Off by default.
    #[must_use]
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// Where the app answers, instead of `/` and `/ws`. Paths can have parameters, `/rooms/{room}`, which
    /// [`Request::parameter`](crate::Request::parameter) reads.
    #[must_use]
    pub fn paths<P: Into<Cow<'static, str>>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.paths = Some(paths.into_iter().map(Into::into).collect());
        self
    }

    /// Serves another app at a path of its own. The other app's own paths do not count; what is mounted in it comes
    /// below the path.
    ///
    /// The other app keeps to itself: hooks, origins, hosts, protocols and the limits of connections and calls of this
    /// app do not reach it. A hook that lets only some people in has to be given to both.
    #[must_use]
    pub fn mount(mut self, path: impl Into<Cow<'static, str>>, app: App) -> Self {
        self.mounted.push((path.into(), app));
        self
    }

    /// Which protocols the app speaks, instead of the default ones, JSON-RPC 2.0 and Swill's own.
    ///
    /// A connection speaks the first that one of its subprotocols (`Sec-WebSocket-Protocol`) asks for. If it names none,
    /// it speaks the first of the list that need not be asked for; if it names only unknown ones, it is refused with
    /// HTTP 406.
    ///
    /// Not every protocol can carry every procedure. The log says at the start which ones cannot be called over which
    /// protocol, and whoever calls one is told so.
    #[must_use]
    pub fn protocols(mut self, protocols: impl IntoIterator<Item = Protocol>) -> Self {
        self.protocols = Some(protocols.into_iter().collect());
        self
    }

    /// Tells errors in the barest form that the protocol knows, for old clients that break on more. With JSON-RPC, the
    /// standard errors then have no `data`.
    #[must_use]
    pub fn plain_errors(mut self) -> Self {
        self.plain_errors = true;
        self
    }

    /// Whether every call that has ended is logged: one event of level INFO and target `swill::call`, with the procedure,
    /// the protocol, the number of the connection, the code (0 for success), how long the call took, and how many bytes
    /// came and went; never parameters, answers or metadata. Off by default.
    ///
    /// A module can say otherwise for its procedures, see [`Module::log_calls`](crate::Module::log_calls). Nothing bounds
    /// how much is logged: peers decide how many calls there are.
    #[must_use]
    pub fn log_calls(mut self, log: bool) -> Self {
        self.module = self.module.log_calls(log);
        self
    }

    /// The full names of all procedures, in the order of registration; without those of apps mounted beside it.
    pub fn procedures(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.module.full_names("", &mut names);
        names
    }

    /// Serves the app until the process is told to end (SIGTERM or Ctrl-C), then lets calls in flight finish.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on, or the app cannot be served: two procedures have the same name, for example.
    /// The error says why, and its [source](crate::Error::source) is a [`BuildError`] or an [`std::io::Error`].
    pub async fn serve(self, address: impl ToSocketAddrs) -> Result<()> {
        self.bind(address).await?.run().await
    }

    /// Listens on an address (port 0: any free one) without serving yet. The [`Server`] tells the address and can be
    /// shut down from elsewhere.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub async fn bind(self, address: impl ToSocketAddrs) -> Result<Server> {
        Server::bind(self, address).await
    }

    /// The app as an axum router, to be mounted in an axum application or served by one's own server.
    ///
    /// Around the upgrade, tower layers apply unchanged. The limits of the handshake and of the number of connections
    /// are then those of the other server. The description's files and, in debug builds, the docs page are routes of the
    /// router, too: where the other application has a `/docs` of its own, say `.docs(false)`, for axum panics over a path
    /// that is there twice.
    ///
    /// ```
    /// # struct Calc;
    /// # #[swill::module]
    /// # impl Calc { async fn add(&self, a: i64, b: i64) -> i64 { a + b } }
    /// let router: axum::Router = axum::Router::new()
    ///     .route("/health", axum::routing::get(|| async { "fine" }))
    ///     .merge(swill::App::new().module(Calc).paths(["/rpc"]).into_router()?);
    /// # Ok::<(), swill::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Two procedures have the same name, or a path is none.
    pub fn into_router(self) -> Result<Router> {
        self.into_router_with_handle().map(|(router, _)| router)
    }

    /// As [`into_router`](Self::into_router), with a handle that shuts the app's connections down: the server around it
    /// does not know that they are open.
    ///
    /// # Errors
    ///
    /// As [`into_router`](Self::into_router).
    pub fn into_router_with_handle(self) -> Result<(Router, ShutdownHandle)> {
        let hub = Arc::new(Hub::new(self.limits.connections, self.limits.budget));
        let routed = self.routes(&hub)?;
        Ok((routed.router, ShutdownHandle::new(hub, Duration::ZERO)))
    }

    pub(crate) fn listener_limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn routes(self, hub: &Arc<Hub>) -> Result<Routed> {
        let mut routes = Routes::default();
        self.add_routes(None, hub, &mut routes).map_err(cannot_serve)?;
        routes.finish().map_err(cannot_serve)
    }

    /// The procedures, and the protocols if any were named.
    pub(crate) fn parts(&self) -> (&Module, Option<&[Protocol]>) {
        (&self.module, self.protocols.as_deref())
    }

    /// Where the app answers: at the path where it is mounted, or else at its own.
    pub(crate) fn paths_at(&self, at: Option<&str>) -> Vec<Cow<'static, str>> {
        let empty = self.module.entries.is_empty() && self.protocols.is_none();
        match (at, &self.paths) {
            (Some(path), _) => vec![Cow::Owned(path.to_owned())],
            (None, Some(paths)) => paths.clone(),
            // Nothing but a place to mount others in, or files.
            (None, None) if empty && !self.mounted.is_empty() => vec![],
            #[cfg(feature = "files")]
            (None, None) if empty && !self.files.is_empty() => vec![],
            (None, None) => vec!["/".into(), "/ws".into()],
        }
    }

    fn add_routes(mut self, at: Option<&str>, hub: &Arc<Hub>, routes: &mut Routes) -> Result<(), BuildError> {
        let paths = self.paths_at(at);
        self.paths = Some(paths.clone());
        #[cfg(feature = "files")]
        let files = std::mem::take(&mut self.files);
        #[cfg(feature = "docs")]
        let docs = std::mem::take(&mut self.docs);
        let health = std::mem::take(&mut self.health);
        #[cfg(feature = "metrics")]
        let metrics = self.metrics.take();
        let (service, mounted) = self.build()?;
        for path in &paths {
            routes.add(path, Arc::clone(&service), Arc::clone(hub))?;
        }
        let below = |path: &str| format!("{}{path}", at.unwrap_or_default().trim_end_matches('/'));
        health.add(below, hub, routes)?;
        #[cfg(feature = "metrics")]
        if let Some(metrics) = metrics {
            metrics.add(below, &service.origins, hub, routes)?;
        }
        #[cfg(feature = "files")]
        for (path, files) in files {
            routes.places.push(crate::files::Place::new(&below(&path), files, &service)?);
        }
        for (path, mut app) in mounted {
            app.observer.join(&service.observer);
            app.add_routes(Some(&below(&path)), hub, routes)?;
        }
        let readers = Readers {
            origins: service.origins.clone(),
            #[cfg(feature = "docs")]
            guard: docs.readers().clone(),
            #[cfg(all(feature = "metrics", not(feature = "docs")))]
            guard: crate::guard::Guard::new("description"),
        };
        // Nothing can lie below "the rest of the path".
        let path = paths.first().filter(|path| !path.contains("{*"));
        if let (Some(documents), Some(path)) = (&service.documents, path) {
            routes.shown.extend(description::shown(path, documents, &readers));
        }
        #[cfg(feature = "docs")]
        docs.add(path, service.documents.is_some(), &readers, routes);
        Ok(())
    }

    pub(crate) fn build(self) -> Result<Built, BuildError> {
        let paths = self.paths_at(None);
        if self.protocols.as_ref().is_some_and(Vec::is_empty) {
            return Err(BuildError::NoProtocol);
        }
        let speaks = Speaks {
            protocols: self.protocols.unwrap_or_else(negotiate::default),
            plain_errors: self.plain_errors,
            compression: self.compression,
        };
        let mut service = Service::new(self.module, self.limits, self.origins, speaks, self.debug)?;
        service.handlers = self.handlers;
        if let Some(documents) = self.described.documents(&service, &paths) {
            service.show(documents)?;
        }
        service.observe(self.observer);
        Ok((Arc::new(service), self.mounted))
    }
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("module", &self.module)
            .field("limits", &self.limits)
            .field("mounted", &self.mounted.iter().map(|(path, _)| path).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
