//! The routes of a server, as they come together: sockets, files in front of them, and documents that give way to both.

use crate::{
    document::Shown,
    hub::Hub,
    route::answer,
    service::{BuildError, Service},
};
use axum::{
    Router,
    extract::RawPathParams,
    routing::{self, MethodRouter},
};
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// The routes of a server, as they come together.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router,
    /// What gives way to everything else.
    pub(crate) shown: Vec<Shown>,
    /// The same paths once more, in what axum's router is made of: it says why a path cannot be had.
    paths: matchit::Router<()>,
    #[cfg(feature = "files")]
    taken: Vec<String>,
    #[cfg(feature = "files")]
    pub(crate) places: Vec<crate::files::Place>,
}

/// The routes of a server, complete.
pub(crate) struct Routed {
    pub(crate) router: Router,
    /// Where there are docs pages.
    #[cfg(feature = "docs")]
    pub(crate) docs: Vec<crate::docs::Place>,
}

impl Routes {
    pub(crate) fn finish(self) -> Result<Routed, BuildError> {
        let mut router = self.router;
        #[cfg(feature = "files")]
        let places = crate::files::sorted(self.places);
        #[cfg(feature = "files")]
        crate::files::add(&mut router, &places, &self.taken)?;
        #[cfg(feature = "docs")]
        let mut docs = Vec::new();
        for shown in self.shown {
            #[cfg(feature = "files")]
            let hidden = crate::files::hide(&places, shown.first());
            #[cfg(not(feature = "files"))]
            let hidden = false;
            let added = !hidden && shown.add(&mut router);
            #[cfg(not(feature = "docs"))]
            let _ = added;
            #[cfg(feature = "docs")]
            docs.extend(shown.page.and_then(|page| page.placed(added)));
        }
        #[cfg(feature = "files")]
        let router = crate::files::layer(router, places);
        Ok(Routed {
            router,
            #[cfg(feature = "docs")]
            docs,
        })
    }

    /// Adds the route of an app.
    pub(crate) fn add(&mut self, path: &str, service: Arc<Service>, hub: Arc<Hub>) -> Result<(), BuildError> {
        let handler = move |parameters: RawPathParams, request: axum::extract::Request| {
            let (service, hub) = (Arc::clone(&service), Arc::clone(&hub));
            let parameters: Vec<_> =
                parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            answer(service, hub, parameters, request)
        };
        self.place(path, routing::any(handler))
    }

    /// Adds a route. What axum would answer with a panic is an error here.
    pub(crate) fn place(&mut self, path: &str, route: MethodRouter) -> Result<(), BuildError> {
        let bad = |why: &str| BuildError::BadPath(format!("the path `{path}` cannot be served: {why}"));
        if !path.starts_with('/') {
            return Err(bad("a path begins with a slash"));
        }
        if path.split('/').any(|segment| segment.starts_with([':', '*'])) {
            return Err(bad("a parameter is written `{name}`, the rest of a path `{*name}`"));
        }
        self.paths.insert(path, ()).map_err(|error| match error {
            matchit::InsertError::Conflict { with } if with == path => bad("it is taken already"),
            matchit::InsertError::Conflict { with } => bad(&format!("`{with}` is in its way")),
            error => bad(&error.to_string()),
        })?;
        let before = mem::take(&mut self.router);
        let added = catch_unwind(AssertUnwindSafe(|| before.route(path, route)));
        #[cfg(feature = "files")]
        self.taken.push(path.to_owned());
        self.router = added.map_err(|_| bad("another route is in its way"))?;
        Ok(())
    }
}
