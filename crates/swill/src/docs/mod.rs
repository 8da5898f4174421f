//! The docs page: a page of the app's own where everything that can be called is explained and can be tried.
//!
//! What browsers get is built from `playground` and lies in `assets/docs`, so that the server needs nothing but itself.

mod page;

use crate::{App, Request, Result, document::Readers, guard::Guard, routes::Routes};
pub(crate) use page::Place;

/// Whether an app has a docs page, and who may open it. Given to [`App::docs`].
///
/// ```
/// use swill::{App, Docs};
///
/// // Also in release builds, for those who know the password; nothing can be called from it.
/// let app = App::new().docs(Docs::on().password("team", "correct horse battery staple").read_only());
///
/// // Never.
/// let app = App::new().docs(false);
/// ```
///
/// By default it is there in debug builds and not in release builds.
#[derive(Clone, Debug)]
pub struct Docs {
    /// `None`: as the configuration says, or else the build.
    shown: Option<bool>,
    read_only: bool,
    guard: Guard,
}

impl Docs {
    /// There is a page, in release builds, too. Without [`password`](Self::password) or [`guard`](Self::guard) everybody
    /// who can reach the server can open it.
    pub fn on() -> Self {
        Self { shown: Some(true), ..Self::default() }
    }

    /// There is no page.
    pub fn off() -> Self {
        Self { shown: Some(false), ..Self::default() }
    }

    /// Asks for a name and a password (HTTP Basic, RFC 7617). Can be called several times, for several people. An empty
    /// password lets nobody in.
    ///
    /// As with [`guard`](Self::guard), the files of the description (`swill.json`, `openrpc.json`, `asyncapi.json`) are
    /// behind it, too. Passwords go over the wire as they are: use TLS, here or in the proxy in front.
    #[must_use]
    pub fn password(mut self, user: &str, password: &str) -> Self {
        self.guard.allow(user, password);
        self
    }

    /// Asks a function whether a request may see the page. Its error says why not: code 401, 403 or 404 becomes that
    /// HTTP status, and its message is the answer. If there is a [`password`](Self::password), too, both have to agree.
    ///
    /// ```
    /// use swill::{Code, Docs, Error};
    ///
    /// // Only from this machine.
    /// let docs = Docs::on().guard(|request| match request.remote_addr() {
    ///     Some(address) if address.ip().is_loopback() => Ok(()),
    ///     _ => Err(Error::new(Code::NOT_FOUND, "there is nothing here")),
    /// });
    /// ```
    ///
    /// The page only shows what there is. What may be called, and by whom, is up to the app's [hooks](crate::Hook), which
    /// see calls from the page as they see all others.
    #[must_use]
    pub fn guard(mut self, guard: impl Fn(&Request) -> Result<()> + Send + Sync + 'static) -> Self {
        self.guard.ask(guard);
        self
    }

    /// A page to read: nothing can be called from it. The server itself goes on serving calls.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Leaves it to these settings whether there is a page, unless that has been said already.
    #[cfg(feature = "config")]
    pub(crate) fn configure(&mut self, shown: Option<bool>) {
        self.shown = shown.or(self.shown);
    }

    /// What is left open stays as it was.
    fn over(mut self, before: &Self) -> Self {
        self.shown = self.shown.or(before.shown);
        self
    }

    /// Adds the page to the routes of an app, if it is to be there. `described` is whether it has something to read.
    pub(crate) fn add(
        &self,
        path: Option<&impl AsRef<str>>,
        described: bool,
        readers: &Readers,
        routes: &mut Routes,
    ) {
        match path {
            Some(path) if described && self.shown.unwrap_or(cfg!(debug_assertions)) => {
                routes.shown.push(self.page(path.as_ref(), readers));
            }
            Some(path) if self.asked_for() && !described => {
                let path = path.as_ref();
                tracing::warn!(
                    path,
                    "no docs page: it reads the description, and `description(false)` hides that"
                );
            }
            None if self.asked_for() => {
                tracing::warn!("no docs page: the app has no path below which it could be")
            }
            _ => {}
        }
    }

    /// Whether somebody counts on it, and did not just leave it on.
    fn asked_for(&self) -> bool {
        self.shown == Some(true)
    }

    pub(crate) fn readers(&self) -> &Guard {
        &self.guard
    }
}

impl Default for Docs {
    fn default() -> Self {
        Self { shown: None, read_only: false, guard: Guard::new("docs") }
    }
}

impl From<bool> for Docs {
    fn from(shown: bool) -> Self {
        if shown { Self::on() } else { Self::off() }
    }
}

impl App {
    /// Whether the app has a docs page, and who may open it: at `docs` below the app's first path, beside `swill.json`
    /// (at `/docs`, then, unless [`paths`](Self::paths) says otherwise). Needs the feature `docs`, which is on by default.
    ///
    /// Without this there is one in debug builds and none in release builds. [`Server::run`](crate::Server::run) logs its
    /// address. Each app that is [mounted](Self::mount) has its own. The page reads the app's description: with
    /// [`description(false)`](Self::description) there is none. If the application has put something else at its
    /// path, that stays.
    ///
    /// ```no_run
    /// # async fn example() -> swill::Result<()> {
    /// // http://127.0.0.1:8000/docs
    /// swill::App::new().docs(true).serve("127.0.0.1:8000").await
    /// # }
    /// ```
    #[must_use]
    pub fn docs(mut self, docs: impl Into<Docs>) -> Self {
        self.docs = docs.into().over(&self.docs);
        self
    }
}
