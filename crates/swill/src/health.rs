//! Routes for those who watch over the process: whether it lives, and whether it wants to be sent more.

use crate::{App, Result, call::Panicked, hub::Hub, route::refuse, routes::Routes, service::BuildError};
use axum::{
    response::Response,
    routing::{self, MethodRouter},
};
use futures_util::{FutureExt, future::join_all};
use http::{HeaderValue, StatusCode, header};
use std::{borrow::Cow, fmt, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};
use swill_proto::{Code, Error};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// What checks have found holds for so long, however often somebody asks.
const FRESH: Duration = Duration::from_secs(1);

/// Whether an app wants to be sent more connections: where that can be asked, and what has to work for it. Given to
/// [`App::readiness`].
///
/// ```
/// use std::time::Duration;
/// use swill::{App, Code, Error, Readiness};
///
/// # #[derive(Clone)] struct Pool;
/// # impl Pool { async fn ping(&self) -> std::io::Result<()> { Ok(()) } }
/// # let pool = Pool;
/// let database = move || {
///     let pool = pool.clone();
///     async move {
///         pool.ping().await?;
///         Ok(())
///     }
/// };
/// let app = App::new()
///     .readiness(Readiness::new("/readyz").check("database", database).within(Duration::from_millis(500)));
/// ```
#[derive(Clone)]
pub struct Readiness {
    path: Cow<'static, str>,
    checks: Vec<Check>,
    within: Duration,
}

#[derive(Clone)]
struct Check {
    name: Cow<'static, str>,
    ask: Arc<dyn Fn() -> Asking + Send + Sync>,
}

/// A check that runs.
type Asking = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

impl Readiness {
    /// Readiness at this path, without checks: only a server that is shutting down is not ready.
    pub fn new(path: impl Into<Cow<'static, str>>) -> Self {
        Self { path: path.into(), checks: Vec::new(), within: Duration::from_secs(1) }
    }

    /// Adds a check: if it fails, or takes too long, the app is not ready. Can be called several times; checks run side
    /// by side.
    ///
    /// They run when somebody asks, at most once per second. Whoever asks is told the names of those that failed, and the
    /// log says why, when that changes.
    ///
    /// Check what this server needs and cannot do without. What all servers share and miss at the same time makes all of
    /// them not ready, and nobody is left to say so to clients.
    #[must_use]
    pub fn check<F, Fut>(mut self, name: impl Into<Cow<'static, str>>, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let ask = move || -> Asking { Box::pin(check()) };
        self.checks.push(Check { name: name.into(), ask: Arc::new(ask) });
        self
    }

    /// How long a check may take before it counts as failed. 1 s. Keep it below the time that whoever asks has.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }
}

impl From<&'static str> for Readiness {
    fn from(path: &'static str) -> Self {
        Self::new(path)
    }
}

impl From<String> for Readiness {
    fn from(path: String) -> Self {
        Self::new(path)
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("path", &self.path)
            .field("checks", &self.checks.iter().map(|check| &check.name).collect::<Vec<_>>())
            .field("within", &self.within)
            .finish()
    }
}

/// What an app says about its health.
#[derive(Default)]
pub(crate) struct Health {
    pub(crate) live: Option<Cow<'static, str>>,
    pub(crate) ready: Option<Readiness>,
    pub(crate) notice: Duration,
}

impl App {
    /// Answers GET at a path with status 200 as long as the process can answer at all, also while it shuts down. Off
    /// unless asked for.
    ///
    /// It is for those who start the process anew when it hangs, such as Kubernetes' liveness probes. Nothing else is
    /// asked: a database that is away does not come back because this process is started anew. The app's hosts
    /// ([`host`](Self::host)), origins and hooks do not look at it. In an app that is [mounted](Self::mount), the path is
    /// one below its own.
    ///
    /// ```
    /// let app = swill::App::new().health("/healthz").readiness("/readyz");
    /// ```
    #[must_use]
    pub fn health(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.health.live = Some(path.into());
        self
    }

    /// Answers GET at a path with status 200 as long as the app wants to be sent connections, and with 503 as soon as the
    /// server is told to end, or while a check fails. Off unless asked for.
    ///
    /// It is for those who share connections out, such as Kubernetes' readiness probes and load balancers. They need
    /// time to notice: see [`notice`](Self::notice). With [`Readiness`] instead of a path come checks of one's own. Who
    /// may ask, and where, is as with [`health`](Self::health).
    #[must_use]
    pub fn readiness(mut self, readiness: impl Into<Readiness>) -> Self {
        self.health.ready = Some(readiness.into());
        self
    }

    /// How long the server goes on as if nothing had happened after it was told to end, while readiness says no already.
    /// None by default.
    ///
    /// Whoever shares connections out goes on sending them here until it has asked again; without notice, those are
    /// refused. Let it be longer than it takes until nobody is sent here any more: the period of the probe times its
    /// failures, and some seconds. A second signal ends the server at once. Calls in flight have their
    /// [grace](crate::Limits::grace) afterwards.
    ///
    /// Belongs to the listener: the outermost app's counts. Without a listener of its own
    /// ([`into_router`](Self::into_router)) see [`ShutdownHandle::announce`](crate::ShutdownHandle::announce).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let app = swill::App::new().readiness("/readyz").notice(Duration::from_secs(15));
    /// ```
    #[must_use]
    pub fn notice(mut self, notice: Duration) -> Self {
        self.health.notice = notice.min(crate::limits::FOREVER);
        self
    }
}

impl Health {
    /// Sets what settings say; checks that the program has added stay.
    #[cfg(feature = "config")]
    pub(crate) fn configure(&mut self, live: &str, ready: &str, notice: Duration) {
        if !live.is_empty() {
            self.live = Some(live.to_owned().into());
        }
        if !ready.is_empty() {
            let path = ready.to_owned().into();
            match &mut self.ready {
                Some(readiness) => readiness.path = path,
                None => self.ready = Some(Readiness::new(path)),
            }
        }
        self.notice = notice;
    }

    /// Adds the routes, below a path.
    pub(crate) fn add(
        self,
        below: impl Fn(&str) -> String,
        hub: &Arc<Hub>,
        routes: &mut Routes,
    ) -> Result<(), BuildError> {
        if let Some(path) = self.live {
            let route: MethodRouter = routing::get(async || text(StatusCode::OK, "alive\n".to_owned()));
            routes.place(&below(&path), route)?;
        }
        if let Some(readiness) = self.ready {
            let path = below(&readiness.path);
            let asked = Arc::new(Asked { readiness, hub: Arc::clone(hub), known: Mutex::default() });
            let route: MethodRouter = routing::get(move || {
                let asked = Arc::clone(&asked);
                asked.answer()
            });
            routes.place(&path, route)?;
        }
        Ok(())
    }
}

/// Readiness at its route.
struct Asked {
    readiness: Readiness,
    hub: Arc<Hub>,
    /// What the checks found, and when. Whoever asks meanwhile waits for it, and does not ask the checks again.
    known: Mutex<Option<(Instant, Vec<Cow<'static, str>>)>>,
}

impl Asked {
    async fn answer(self: Arc<Self>) -> Response {
        let not_ready = |why: String| text(StatusCode::SERVICE_UNAVAILABLE, why);
        if self.hub.is_leaving() {
            return not_ready("the server is shutting down\n".to_owned());
        }
        if self.readiness.checks.is_empty() {
            return text(StatusCode::OK, "ready\n".to_owned());
        }
        // In a task of its own: whoever asks and goes does not make the checks begin again for the next.
        match tokio::spawn(async move { self.failed().await }).await {
            Ok(failed) if failed.is_empty() => text(StatusCode::OK, "ready\n".to_owned()),
            Ok(failed) => not_ready(format!("not ready: {}\n", failed.join(", "))),
            Err(_) => not_ready("not ready: it could not be checked\n".to_owned()),
        }
    }

    /// The names of the checks that have failed.
    async fn failed(&self) -> Vec<Cow<'static, str>> {
        let mut known = self.known.lock().await;
        if let Some((at, failed)) = &*known
            && at.elapsed() < FRESH
        {
            return failed.clone();
        }
        let results = join_all(self.readiness.checks.iter().map(|check| self.run(check))).await;
        let before = known.take().map(|(_, failed)| failed).unwrap_or_default();
        let mut failed = Vec::new();
        for (Check { name, .. }, result) in self.readiness.checks.iter().zip(results) {
            let changed = before.contains(name) == result.is_ok();
            match result {
                Ok(()) if changed => tracing::info!(check = %name, "a check of readiness passes again"),
                Ok(()) => {}
                Err(error) => {
                    if changed {
                        let source = error.source();
                        tracing::warn!(check = %name, %error, source, "not ready: a check fails");
                    }
                    failed.push(name.clone());
                }
            }
        }
        *known = Some((Instant::now(), failed.clone()));
        failed
    }

    async fn run(&self, check: &Check) -> Result<()> {
        let asked = AssertUnwindSafe(async { (check.ask)().await }).catch_unwind();
        match timeout(self.readiness.within, asked).await {
            Ok(Ok(result)) => result,
            Ok(Err(cause)) => Err(Error::internal(Panicked::new(&*cause))),
            Err(_) => Err(Error::new(Code::DEADLINE, "it took too long")),
        }
    }
}

fn text(status: StatusCode, text: String) -> Response {
    let mut response = refuse(status, text);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::{sync::Semaphore, task::yield_now};

    #[tokio::test(start_paused = true)]
    async fn who_asks_and_goes_does_not_make_checks_begin_again() {
        let (gate, runs) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (passed, counted) = (Arc::clone(&gate), Arc::clone(&runs));
        let slow = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let gate = Arc::clone(&passed);
            async move { gate.acquire().await.map(drop).map_err(Error::internal) }
        };
        let readiness = Readiness::new("/").check("slow", slow);
        let hub = Arc::new(Hub::new(1, 0));
        let asked = Arc::new(Asked { readiness, hub, known: Mutex::default() });
        for _ in 0..3 {
            let asking = tokio::spawn(Arc::clone(&asked).answer());
            while runs.load(Ordering::SeqCst) == 0 {
                yield_now().await;
            }
            yield_now().await;
            asking.abort();
            assert!(asking.await.is_err_and(|error| error.is_cancelled()));
        }
        gate.add_permits(1);
        let answer = Arc::clone(&asked).answer().await;
        assert_eq!((answer.status(), runs.load(Ordering::SeqCst)), (StatusCode::OK, 1));
    }
}
