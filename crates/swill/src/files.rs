//! Static files beside the sockets: which file a path means, and what is said with it.
//!
//! How a file is read, in ranges and on conditions, is left to tower-http. A path is never more than names: it is taken
//! apart before it is decoded, and what it leads to is looked at after links have been followed.

use crate::{
    App, BuildError,
    observe::{Limit, Observer, Who},
    origin::Origins,
    reading::{Places, blocking},
    route::refuse,
    service::Service,
    weak,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
    routing,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use percent_encoding::percent_decode_str;
use std::{
    borrow::Cow,
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tower_http::services::ServeFile;

/// Bytes of a read, so that no more than that waits in memory for a peer.
const CHUNK: usize = 16 << 10;

/// A folder whose files everybody may read. Given to [`App::static_files`](crate::App::static_files).
///
/// ```
/// use std::time::Duration;
/// use swill::StaticFiles;
///
/// let files = StaticFiles::new("web").cache(Duration::from_secs(3600)).precompressed();
/// ```
///
/// # What is served
///
/// Regular files, to GET and HEAD; other methods get 405. A path that ends with a slash means the
/// [`index`](Self::index) of that folder, and one that should end with it is redirected there. There are no listings of
/// folders.
///
/// A name that begins with a dot is never served, but for `.well-known` at the top; nor is what a link leads to outside
/// the folder or under such a name, or anything in whose decoded name there is a slash, a backslash or a zero byte. All of
/// that gets the same 404 as a file that is not there. The folder itself may be a link, which is followed anew for every
/// request, so that another version can take its place at once. (Of a volume that Kubernetes makes of a config map, that
/// link is `..data`: give this as the folder.) Whoever can write into the folder is trusted: between the look at a link
/// and the opening of the file it could be changed.
///
/// # What comes with it
///
/// `ETag` and `Last-Modified`, and 304 or 412 to requests with conditions; ranges of bytes (206, 416), with `If-Range`; the
/// type of the content by the name's extension, text as UTF-8; `X-Content-Type-Options: nosniff`; and `Cache-Control`.
#[derive(Clone, Debug)]
pub struct StaticFiles {
    folder: PathBuf,
    index: String,
    fallback: Option<String>,
    cache: Duration,
    precompressed: bool,
}

impl StaticFiles {
    /// The files of a folder. A relative path begins at the working directory of the process.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            index: "index.html".to_owned(),
            fallback: None,
            cache: Duration::ZERO,
            precompressed: false,
        }
    }

    /// What the path of a folder means. `index.html`.
    #[must_use]
    pub fn index(mut self, name: impl Into<String>) -> Self {
        self.index = name.into();
        self
    }

    /// Serves this file, a path below the folder, for paths that lead to none and have no extension: for applications in
    /// one page that change the path by themselves. None by default.
    #[must_use]
    pub fn fallback(mut self, file: impl Into<String>) -> Self {
        self.fallback = Some(file.into());
        self
    }

    /// How long browsers and proxies may use a file without asking again, in whole seconds. They ask every time by
    /// default, and get a 304 as long as nothing has changed.
    ///
    /// HTML is asked for every time in any case: pages are what names the other files.
    #[must_use]
    pub fn cache(mut self, within: Duration) -> Self {
        self.cache = within;
        self
    }

    /// Serves `app.js.br`, `app.js.zst` or `app.js.gz` in place of `app.js`, where they lie beside it, to those who can
    /// read them. Nothing is compressed by itself.
    #[must_use]
    pub fn precompressed(mut self) -> Self {
        self.precompressed = true;
        self
    }
}

impl<P: Into<PathBuf>> From<P> for StaticFiles {
    fn from(folder: P) -> Self {
        Self::new(folder)
    }
}

impl App {
    /// Serves the files of a folder below a path, beside the sockets and on the same port. Needs the feature `files`.
    ///
    /// Path and socket may be the same: requests that open a WebSocket get one, others get the file. With several folders
    /// the one with the longest path is asked. A folder that is not there is an error of [`serve`](Self::serve).
    ///
    /// ```no_run
    /// # async fn example() -> swill::Result<()> {
    /// // `/` is web/index.html and a socket.
    /// swill::App::new().static_files("/", "web").serve("127.0.0.1:8000").await
    /// # }
    /// ```
    #[must_use]
    pub fn static_files(mut self, path: impl Into<Cow<'static, str>>, files: impl Into<StaticFiles>) -> Self {
        self.files.push((path.into(), files.into()));
        self
    }
}

/// A folder with its place on the server.
#[derive(Debug)]
pub(crate) struct Place {
    /// Without a slash at the end.
    path: String,
    files: StaticFiles,
    origins: Origins,
    observer: Observer,
    places: Places,
}

impl Place {
    pub(crate) fn new(path: &str, files: StaticFiles, service: &Service) -> Result<Self, BuildError> {
        let folder = files.folder.display();
        let wrong = |why: String| Err(BuildError::BadFiles(why));
        if !path.starts_with('/') || path.contains(['{', '}']) {
            return wrong(format!("`{path}` is no path: it begins with a slash and has no parameters"));
        }
        match files.folder.metadata() {
            Err(error) => return wrong(format!("the folder `{folder}` cannot be read: {error}")),
            Ok(found) if !found.is_dir() => return wrong(format!("`{folder}` is no folder")),
            Ok(_) => {}
        }
        for name in [Some(&files.index), files.fallback.as_ref()].into_iter().flatten() {
            if names(name).is_none_or(|names| names.is_empty() || name.ends_with('/')) {
                return wrong(format!("`{name}` is no name of a file in `{folder}`"));
            }
        }
        Ok(Self {
            path: path.trim_end_matches('/').to_owned(),
            files,
            origins: service.origins.clone(),
            observer: service.observer.clone(),
            places: Places::new(service.limits.files, &service.observer),
        })
    }

    /// What of a path lies below this place.
    fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.path.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Places in the order in which they are asked: the longest path first.
pub(crate) fn sorted(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_by_key(|place| std::cmp::Reverse(place.path.len()));
    places
}

/// Adds routes for files to be found on. `taken` are the paths of routes that there are already.
pub(crate) fn add(router: &mut Router, places: &[Place], taken: &[String]) -> Result<(), BuildError> {
    let mut added: Vec<String> = taken.to_vec();
    for Place { path, .. } in places {
        for route in [path.clone(), format!("{path}/"), format!("{path}/{{*file}}")] {
            if route.is_empty() || added.contains(&route) {
                continue;
            }
            let before = std::mem::take(router);
            let route_added = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                before.route(&route, routing::any(async || StatusCode::NOT_FOUND))
            }));
            *router = route_added.map_err(|_| {
                BuildError::BadFiles(format!("another route is where files below `{path}/` would be"))
            })?;
            added.push(route);
        }
    }
    Ok(())
}

/// Puts the files themselves in front of all routes.
pub(crate) fn layer(router: Router, places: Vec<Place>) -> Router {
    match places.is_empty() {
        true => router,
        false => router.layer(middleware::from_fn_with_state(Arc::<[Place]>::from(places), answer)),
    }
}

/// Whether a path always leads to a file, be it the one for paths that lead to none.
pub(crate) fn hide(places: &[Place], path: &str) -> bool {
    let place = places.iter().find(|place| place.below(path).is_some());
    let plain = path.rsplit('/').next().is_some_and(|name| !name.contains('.'));
    plain && place.is_some_and(|place| place.files.fallback.is_some())
}

/// Answers with a file, or lets others answer.
async fn answer(State(places): State<Arc<[Place]>>, request: Request, next: Next) -> Response {
    if opens_socket(request.headers()) {
        return next.run(request).await;
    }
    let path = request.uri().path();
    let found = places.iter().find_map(|place| Some((place, place.below(path)?)));
    let Some((place, rest)) = found else { return next.run(request).await };
    if !place.origins.serves(request.headers()) {
        return refuse(StatusCode::MISDIRECTED_REQUEST, "this server does not answer under that host name");
    }
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    match look_up(place, rest).await {
        Ok(Some(_)) if !reading => {
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "files can be read only");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        Ok(Some(Meant::Folder)) => redirect(&request),
        Ok(Some(Meant::File(file))) => {
            let (request, _) = request.into_parts();
            serve(place, &file, &request).await
        }
        Ok(None) => next.run(request).await,
        Err(error) => failed(&error, place),
    }
}

/// Whether a request is for a socket, however badly it asks for it.
fn opens_socket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    headers.contains_key(header::SEC_WEBSOCKET_KEY)
        || upgrade.flat_map(|value| value.split(',')).any(|it| it.trim().eq_ignore_ascii_case("websocket"))
}

/// What a path means.
enum Meant {
    File(PathBuf),
    /// A folder with an index, and the path does not end with a slash.
    Folder,
}

/// The decoded names of a path, or `None` if one of them is not to be served.
fn names(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    let mut names = Vec::new();
    for (at, name) in path.split('/').enumerate() {
        // Taken apart before it is decoded: a slash that was encoded is part of a name, and no name has one.
        let name = percent_decode_str(name).decode_utf8().ok()?;
        let refused = name.is_empty()
            || name.contains(['/', '\\', '\0'])
            || is_hidden(&name, at)
            || cfg!(windows) && name.contains(':');
        if refused && !weak::is_off("file-names") {
            return None;
        }
        names.push(name.into_owned());
    }
    Some(names)
}

/// Whether a name, the so-manieth of a path, is nobody's business.
fn is_hidden(name: &str, at: usize) -> bool {
    name.starts_with('.') && !(at == 0 && name == ".well-known") && !weak::is_off("hidden-files")
}

async fn look_up(place: &Place, path: &str) -> io::Result<Option<Meant>> {
    let Some(names) = names(path) else { return Ok(None) };
    let (files, slash, observer) = (place.files.clone(), path.ends_with('/'), place.observer.clone());
    let looking = move || {
        let root = files.folder.canonicalize()?;
        let real = |path: &Path| real(&root, path, &observer);
        let mut wanted = root.clone();
        wanted.extend(&names);
        if let Some(found) = real(&wanted)? {
            if found.is_file() && !slash {
                return Ok(Some(Meant::File(found)));
            }
            if found.is_dir()
                && let Some(index) = real(&wanted.join(&files.index))?
                && index.is_file()
            {
                return Ok(Some(if slash { Meant::File(index) } else { Meant::Folder }));
            }
        }
        let plain = names.last().is_none_or(|name| !name.contains('.'));
        let Some(fallback) = files.fallback.as_ref().filter(|_| plain) else { return Ok(None) };
        Ok(real(&root.join(fallback))?.filter(|found| found.is_file()).map(Meant::File))
    };
    place.places.run(blocking(looking)).await
}

/// Where a path leads, if that lies in the folder and is not hidden there.
fn real(root: &Path, path: &Path, observer: &Observer) -> io::Result<Option<PathBuf>> {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied};
    let found = match path.canonicalize() {
        Ok(found) => found,
        Err(error) => {
            return match error.kind() {
                NotFound | NotADirectory | PermissionDenied | InvalidFilename | InvalidInput => Ok(None),
                _ if error.to_string().contains("symbolic link") => Ok(None),
                _ => Err(error),
            };
        }
    };
    let Ok(below) = found.strip_prefix(root) else {
        if weak::is_off("file-links") {
            return Ok(Some(found));
        }
        if observer.may_write(Who::default()) {
            tracing::warn!(path = %path.display(), "a link leads out of the folder of static files: not followed");
        }
        return Ok(None);
    };
    let shown = below.components().enumerate().all(|(at, part)| match part {
        Component::Normal(name) => !is_hidden(&name.to_string_lossy(), at),
        _ => false,
    });
    Ok(shown.then_some(found))
}

fn redirect(request: &Request) -> Response {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    // Relative to this server: a path that begins with two slashes would be another one.
    let path = request.uri().path().trim_start_matches('/');
    let mut response = refuse(StatusCode::PERMANENT_REDIRECT, "a folder ends with a slash");
    if let Ok(location) = HeaderValue::try_from(format!("/{path}/{query}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn serve(place: &Place, file: &Path, request: &Parts) -> Response {
    let Place { files, places, .. } = place;
    let mut headers = request.headers.clone();
    if headers.contains_key(header::RANGE) && !range_is_current(files, file, &headers, places).await {
        headers.remove(header::RANGE);
    }
    let answered = read(files, file, &request.method, headers, places).await;
    let mut response = match answered {
        Ok(response) => response,
        // Gone since it was looked up.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return refuse(StatusCode::NOT_FOUND, "there is no such file");
        }
        Err(error) => return failed(&error, place),
    };
    let status = response.status();
    let headers = response.headers_mut();
    if !weak::is_off("file-headers") {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let html = kind == "text/html" || file.extension().is_some_and(|it| it == "html" || it == "htm");
    if kind.starts_with("text/")
        && let Ok(kind) = HeaderValue::try_from(format!("{kind}; charset=utf-8"))
    {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        let cache = match files.cache.as_secs() {
            seconds @ 1.. if !html => HeaderValue::try_from(format!("public, max-age={seconds}")).ok(),
            _ => None,
        };
        headers.insert(header::CACHE_CONTROL, cache.unwrap_or(HeaderValue::from_static("no-cache")));
    }
    response
}

/// Reads a file as a request with these headers wants it.
async fn read(
    files: &StaticFiles,
    file: &Path,
    method: &Method,
    headers: HeaderMap,
    places: &Places,
) -> io::Result<Response> {
    let mut service = ServeFile::new(file).with_buf_chunk_size(CHUNK).ignore_multi_range_requests(true);
    let (precompressed, file) = (files.precompressed, file.to_owned());
    let mut request = http::Request::new(());
    (*request.method_mut(), *request.headers_mut()) = (method.clone(), headers);
    let reading = async move {
        if precompressed {
            // Links beside a file are held against the same rule as files.
            let look = move |name: &str| std::fs::symlink_metadata(file.with_added_extension(name));
            let beside = move |extension| look(extension).is_ok_and(|found| found.is_file());
            let [br, zst, gz] = blocking(move || Ok(["br", "zst", "gz"].map(beside))).await?;
            service = if br { service.precompressed_br() } else { service };
            service = if zst { service.precompressed_zstd() } else { service };
            service = if gz { service.precompressed_gzip() } else { service };
        }
        service.try_call(request).await
    };
    Ok(places.run(reading).await?.map(|body| places.read(Body::new(body))))
}

/// Whether `If-Range`, if there is one, still means the file as it is (RFC 9110, section 13.1.5).
async fn range_is_current(files: &StaticFiles, file: &Path, headers: &HeaderMap, places: &Places) -> bool {
    let Some(condition) = headers.get(header::IF_RANGE) else { return true };
    let mut plain = HeaderMap::new();
    if let Some(codings) = headers.get(header::ACCEPT_ENCODING) {
        plain.insert(header::ACCEPT_ENCODING, codings.clone());
    }
    let Ok(current) = read(files, file, &Method::HEAD, plain, places).await else { return false };
    [header::ETAG, header::LAST_MODIFIED].iter().any(|name| current.headers().get(name) == Some(condition))
}

fn failed(error: &io::Error, place: &Place) -> Response {
    if error.kind() == io::ErrorKind::ResourceBusy {
        place.observer.exceeded(Limit::Files, Who::default());
        let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, "too many files are read");
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return response;
    }
    if place.observer.may_write(Who::default()) {
        tracing::error!(%error, "a static file could not be read");
    }
    refuse(StatusCode::INTERNAL_SERVER_ERROR, "the file could not be read")
}
