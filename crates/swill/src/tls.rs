//! TLS for the listener: certificates, and new ones in their place without a restart.

use crate::{App, BuildError, state::lock, thread::apart};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{MissedTickBehavior, interval},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
    server::TlsStream,
};

/// How often the files are looked at unless told otherwise.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// What a server shows to prove who it is, and how it encrypts (TLS 1.2 and 1.3). Given to [`App::tls`](crate::App::tls).
///
/// ```no_run
/// use swill::{App, Tls};
///
/// # async fn example() -> swill::Result<()> {
/// let tls = Tls::from_files("cert.pem", "key.pem")?;
/// App::new().tls(tls).serve("0.0.0.0:443").await
/// # }
/// ```
///
/// # New certificates
///
/// Certificates from files are read again when the files have changed, at most [5 seconds](Self::check_every) later;
/// when the process gets SIGHUP, on Unix; and when [`reload`](Self::reload) is called. Connections that are open go on,
/// new ones see the new certificate. If the new files cannot be used, because one of them is missing, or they do not belong
/// together, the certificate in use stays, and the reason is logged as an error.
///
/// A clone is the same certificate: keep one to call `reload` or [`replace`](Self::replace).
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    /// `None`: the configuration brings its own.
    certificate: Option<Arc<Certificate>>,
    check_every: Duration,
}

impl Tls {
    /// A chain of certificates, that of the server first, and its private key (PKCS #8, PKCS #1 or SEC 1), each in a PEM
    /// file.
    ///
    /// # Errors
    ///
    /// A file cannot be read, holds nothing of that kind, or the key does not belong to the certificate. The error names
    /// the file.
    pub fn from_files(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, BuildError> {
        let files = Files {
            certificate: certificate.as_ref().to_owned(),
            key: key.as_ref().to_owned(),
            seen: Mutex::default(),
        };
        let key = files.read(&mut lock(&files.seen))?;
        Self::with(Certificate { current: Mutex::new(Arc::new(key)), files: Some(files) })
    }

    /// As [`from_files`](Self::from_files), from the contents of such files. [`replace`](Self::replace) puts others in
    /// their place.
    ///
    /// # Errors
    ///
    /// There is nothing of that kind in them, or the key does not belong to the certificate.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, BuildError> {
        let key = certified_key(certificate, key, &PEM)?;
        Self::with(Certificate { current: Mutex::new(Arc::new(key)), files: None })
    }

    /// Everything as rustls can do it: certificates of clients, a certificate for each name, other algorithms.
    ///
    /// The protocol that is offered inside (ALPN) becomes `http/1.1`, the only one that the server speaks. Nothing is
    /// reloaded: that is up to the configuration's own resolver.
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { config: Arc::new(config), certificate: None, check_every: CHECK_EVERY }
    }

    /// How often the files are looked at for changes. 5 s; at least 1 ms.
    #[must_use]
    pub fn check_every(mut self, period: Duration) -> Self {
        self.check_every = period.max(Duration::from_millis(1));
        self
    }

    /// Reads the files again, now. It blocks for as long as reading two small files takes.
    ///
    /// # Errors
    ///
    /// As [`from_files`](Self::from_files), and if there are no files. The certificate in use stays.
    pub fn reload(&self) -> Result<(), BuildError> {
        let certificate = self.own()?;
        let Some(files) = &certificate.files else {
            return Err(wrong("there are no files to read it from again: use `replace`"));
        };
        files.read_for(certificate)
    }

    /// Puts another certificate in the place of the one in use. If that came from files, it stays until they change.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem), and if it was made by [`from_config`](Self::from_config). The certificate in use
    /// stays.
    pub fn replace(&self, certificate: &[u8], key: &[u8]) -> Result<(), BuildError> {
        self.own()?.set(certified_key(certificate, key, &PEM)?);
        Ok(())
    }

    fn own(&self) -> Result<&Arc<Certificate>, BuildError> {
        let missing = || wrong("it belongs to the configuration that `from_config` was given");
        self.certificate.as_ref().ok_or_else(missing)
    }

    fn with(certificate: Certificate) -> Result<Self, BuildError> {
        let certificate = Arc::new(certificate);
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as _);
        Ok(Self { certificate: Some(certificate), ..Self::from_config(Arc::new(config)) })
    }

    /// Shakes hands. `None`: that was no TLS, and has been answered.
    pub(crate) async fn accept(&self, mut socket: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
        // Answers leave in one write, so there is nothing to gain from waiting for more.
        let _ = socket.set_nodelay(true);
        let mut first = [0];
        if socket.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
            refuse_plain(&mut socket).await?;
            return Ok(None);
        }
        TlsAcceptor::from(Arc::clone(&self.config)).accept(socket).await.map(Some)
    }

    /// The signals that ask for the files to be read again.
    pub(crate) fn signals(&self) -> io::Result<Signals> {
        Signals::new(self.certificate.as_ref().is_some_and(|it| it.files.is_some()))
    }

    /// Reads the files again when they change and when a signal says so, for as long as it is polled.
    pub(crate) async fn keep_current(&self, mut signals: Signals) {
        let Some(certificate) = self.certificate.as_ref().filter(|it| it.files.is_some()) else {
            return std::future::pending().await;
        };
        let mut clock = interval(self.check_every);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let told = tokio::select! {
                _ = clock.tick() => false,
                () = signals.next() => true,
            };
            let certificate = Arc::clone(certificate);
            // Files are read where that may block.
            let looked = apart("swill-certificate", move || certificate.look_after_files(told)).await;
            if let Err(error) = looked {
                tracing::error!(%error, "the files of the certificate could not be looked at");
            }
        }
    }
}

impl App {
    /// Listens with TLS: clients connect with `wss://`, browsers with `https://`. Needs the feature `tls`.
    ///
    /// Belongs to the listener: the outermost app's counts, and another server that [`into_router`](Self::into_router)
    /// is for has its own. The handshake of TLS is part of the opening handshake, for which
    /// [`Limits::handshake`](crate::Limits::handshake) is the time. A client that comes without TLS is told so with HTTP
    /// 400.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(Ok(tls));
        self
    }
}

/// Without the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.certificate.as_ref().and_then(|it| it.files.as_ref());
        f.debug_struct("Tls")
            .field("certificate", &files.map(|files| &files.certificate))
            .field("check_every", &self.check_every)
            .finish_non_exhaustive()
    }
}

/// SIGHUP, where there is such a thing.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    fn new(wanted: bool) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // Who has no use for it leaves the signal its old meaning, which is to end the process.
        let hangup = wanted.then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self { hangup })
    }

    #[cfg(not(unix))]
    fn new(_wanted: bool) -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(hangup) = &mut self.hangup
            && hangup.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// A certificate with its key, which can be replaced.
struct Certificate {
    current: Mutex<Arc<CertifiedKey>>,
    files: Option<Files>,
}

impl Certificate {
    fn set(&self, key: CertifiedKey) {
        *lock(&self.current) = Arc::new(key);
    }

    /// Reads the files again if they have changed, or at any rate.
    fn look_after_files(&self, at_any_rate: bool) {
        let Some(files) = &self.files else { return };
        if !at_any_rate && !files.have_changed() {
            return;
        }
        match files.read_for(self) {
            Ok(()) => {
                tracing::info!(file = %files.certificate.display(), "a new certificate is in use");
            }
            Err(error) => {
                tracing::error!(%error, "the certificate in use stays, because the new one cannot be used")
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&lock(&self.current)))
    }
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

/// When a file was written and how long it is; `None` if that cannot be told.
type Stamp = Option<(SystemTime, u64)>;

/// Where a certificate comes from.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// The files as they were when they were last read.
    seen: Mutex<[Stamp; 2]>,
}

impl Files {
    fn stamps(&self) -> [Stamp; 2] {
        [&self.certificate, &self.key].map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }

    fn have_changed(&self) -> bool {
        *lock(&self.seen) != self.stamps()
    }

    /// Reads the files and puts what is in them in force. Of two who do so at once, the one who reads later is also the
    /// one who sets later.
    fn read_for(&self, certificate: &Certificate) -> Result<(), BuildError> {
        let mut seen = lock(&self.seen);
        certificate.set(self.read(&mut seen)?);
        Ok(())
    }

    fn read(&self, seen: &mut [Stamp; 2]) -> Result<CertifiedKey, BuildError> {
        // Before reading: what is written meanwhile is read again later.
        *seen = self.stamps();
        let read = |path: &Path| {
            fs::read(path).map_err(|error| wrong(&format!("`{}` cannot be read: {error}", path.display())))
        };
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        let names = [&self.certificate, &self.key].map(|path| format!("`{}`", path.display()));
        certified_key(&certificate, &key, &names)
    }
}

/// What contents that come from no file are called in errors.
const PEM: [&str; 2] = ["the text of the certificate", "the text of the key"];

fn certified_key(
    certificate: &[u8],
    key: &[u8],
    names: &[impl fmt::Display; 2],
) -> Result<CertifiedKey, BuildError> {
    let [in_certificate, in_key] = names;
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(&format!("{in_certificate} is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(wrong(&format!(
            "there is no certificate in {in_certificate} (`-----BEGIN CERTIFICATE-----`)"
        )));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        wrong(&format!(
            "there is no private key in {in_key} (`-----BEGIN PRIVATE KEY-----`, without a passphrase)"
        ))
    })?;
    CertifiedKey::from_der(chain, key, &ring::default_provider())
        .map_err(|error| wrong(&format!("{in_certificate} and {in_key} cannot be used together: {error}")))
}

fn wrong(why: &str) -> BuildError {
    BuildError::BadTls(why.to_owned())
}

/// Tells somebody who has forgotten the `s` of `https` or `wss`.
async fn refuse_plain(socket: &mut TcpStream) -> io::Result<()> {
    const WHY: &str = "this port speaks TLS: connect with wss:// or https://";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{WHY}",
        WHY.len()
    );
    // What has come is taken first: what is left unread when a socket is closed can cost the peer the answer.
    let _ = socket.try_read(&mut [0; 16 << 10]);
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await
}
