//! TLS from outside: certificates made for the occasion, and new ones in their place.
#![cfg(feature = "tls")]

#[path = "common/mod.rs"]
mod common;

use common::*;
use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use swill::{
    App, BuildError, Limits, Tls, Value,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A certificate that has signed itself.
struct Identity {
    certificate: String,
    key: String,
}

impl Identity {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    fn tls(&self) -> Tls {
        Tls::from_pem(self.certificate.as_bytes(), self.key.as_bytes()).expect("they belong together")
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("PEM")
    }
}

/// A folder with a certificate and its key.
struct Files {
    _folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new(identity: &Identity) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Self {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
            _folder: folder,
        };
        files.write(identity);
        files
    }

    fn write(&self, identity: &Identity) {
        fs::write(&self.key, &identity.key).expect("a file");
        fs::write(&self.certificate, &identity.certificate).expect("a file");
    }

    fn tls(&self) -> Tls {
        Tls::from_files(&self.certificate, &self.key).expect("they belong together")
    }
}

async fn try_shake_hands(
    server: &Server,
    trusted: &[&Identity],
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for identity in trusted {
        roots.add(identity.der()).expect("a certificate");
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let socket = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, socket);
    timeout(PATIENCE, shaking).await.expect("the server answers")
}

async fn shake_hands(server: &Server, trusted: &[&Identity]) -> TlsStream<TcpStream> {
    try_shake_hands(server, trusted, &[]).await.expect("the server is trusted")
}

fn shown(socket: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    socket.get_ref().1.peer_certificates().expect("a certificate")[0].clone().into_owned()
}

async fn open(mut socket: TlsStream<TcpStream>) -> Client<TlsStream<TcpStream>> {
    let request = handshake("/", &[("Sec-WebSocket-Protocol", "swill/1")]);
    socket.write_all(request.as_bytes()).await.expect("the server reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, socket.read_u8()).await.expect("in time").expect("the server answers"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    Client::new(socket, &[], PATIENCE)
}

fn app(tls: Tls) -> App {
    Probe::new().app().tls(tls)
}

/// Shakes hands until the server shows this certificate.
async fn until_shown(server: &Server, old: &Identity, new: &Identity) {
    let begun = Instant::now();
    while shown(&shake_hands(server, &[old, new]).await) != new.der() {
        assert!(begun.elapsed() < PATIENCE, "the new certificate is not shown");
    }
}

#[tokio::test]
async fn calls_go_through_tls_small_and_large() {
    let identity = Identity::new();
    let server = serve(app(identity.tls())).await;
    let socket = shake_hands(&server, &[&identity]).await;
    let mut client = open(socket).await;
    assert_eq!(client.call(1, "echo", "hello").await, Ok(Value::from("hello")));
    // More than the socket and the buffers of TLS take at once.
    for (seq, length) in [(2, 100_000), (3, 1_000_000)] {
        let text = "x".repeat(length);
        assert_eq!(client.call(seq, "echo", &text).await, Ok(Value::from(text)));
    }
    assert_eq!(client.call(4, "bytes", 8_000_000).await, Ok(Value::from("x".repeat(8_000_000))));
    client.goodbye().await;
    server.stop().await;
}

#[tokio::test]
async fn plain_requests_within_tls_are_answered() {
    let identity = Identity::new();
    let server = serve(app(identity.tls())).await;
    let mut socket = try_shake_hands(&server, &[&identity], &[b"h2", b"http/1.1"]).await.expect("trusted");
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.expect("open");
    let mut answer = String::new();
    timeout(PATIENCE, socket.read_to_string(&mut answer)).await.expect("in time").expect("an orderly end");
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    let error = try_shake_hands(&server, &[&identity], &[b"h2"]).await.expect_err("HTTP/2 is not spoken");
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn a_reload_changes_new_connections_only() {
    let (old, new) = (Identity::new(), Identity::new());
    let files = Files::new(&old);
    let tls = files.tls().check_every(Duration::from_secs(3600));
    let server = serve(app(tls.clone())).await;
    let socket = shake_hands(&server, &[&old]).await;
    assert_eq!(shown(&socket), old.der());
    let mut client = open(socket).await;
    assert_eq!(client.call(1, "echo", 1).await, Ok(Value::from(1)));

    files.write(&new);
    tls.reload().expect("the new files are fine");
    assert_eq!(shown(&shake_hands(&server, &[&old, &new]).await), new.der());
    assert_eq!(client.call(2, "echo", 2).await, Ok(Value::from(2)));
    client.goodbye().await;
}

#[tokio::test]
async fn files_that_change_are_read_again() {
    let (old, new) = (Identity::new(), Identity::new());
    let files = Files::new(&old);
    let server = serve(app(files.tls().check_every(Duration::from_millis(1)))).await;
    assert_eq!(shown(&shake_hands(&server, &[&old]).await), old.der());
    files.write(&new);
    until_shown(&server, &old, &new).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_makes_files_be_read_again() {
    let (old, new) = (Identity::new(), Identity::new());
    let files = Files::new(&old);
    let server = serve(app(files.tls().check_every(Duration::from_secs(3600)))).await;
    // The server runs, and so it has asked for the signal, which would end the process otherwise.
    assert_eq!(shown(&shake_hands(&server, &[&old]).await), old.der());
    files.write(&new);
    let id = std::process::id().to_string();
    let status = std::process::Command::new("kill").args(["-HUP", &id]).status().expect("there is `kill`");
    assert!(status.success());
    until_shown(&server, &old, &new).await;
}

#[tokio::test]
async fn what_cannot_be_used_leaves_the_certificate_in_use() {
    let (old, new) = (Identity::new(), Identity::new());
    let files = Files::new(&old);
    let tls = files.tls().check_every(Duration::from_millis(1));
    let server = serve(app(tls.clone())).await;
    for (certificate, key, why) in [
        ("nonsense", new.key.as_str(), "no certificate"),
        (&new.certificate, "nonsense", "no private key"),
        (&new.certificate, &old.key, "cannot be used together"),
        (&new.certificate, "", "no private key"),
        ("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", &new.key, "cert.pem"),
    ] {
        fs::write(&files.certificate, certificate).expect("a file");
        fs::write(&files.key, key).expect("a file");
        let error = tls.reload().expect_err(why);
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(shown(&shake_hands(&server, &[&old, &new]).await), old.der());
    }
    fs::remove_file(&files.certificate).expect("a file");
    let error = tls.reload().expect_err("a file is missing");
    assert!(error.to_string().contains("cert.pem` cannot be read"), "{error}");
    assert_eq!(shown(&shake_hands(&server, &[&old, &new]).await), old.der());
    // As soon as the files are good, they are in use.
    files.write(&new);
    until_shown(&server, &old, &new).await;
}

#[tokio::test]
async fn certificates_without_files_are_replaced_by_hand() {
    let (old, new) = (Identity::new(), Identity::new());
    let tls = old.tls();
    let server = serve(app(tls.clone())).await;
    assert!(matches!(tls.reload(), Err(BuildError::BadTls(why)) if why.contains("`replace`")));
    assert!(tls.replace(new.certificate.as_bytes(), old.key.as_bytes()).is_err());
    assert_eq!(shown(&shake_hands(&server, &[&old, &new]).await), old.der());
    tls.replace(new.certificate.as_bytes(), new.key.as_bytes()).expect("they belong together");
    assert_eq!(shown(&shake_hands(&server, &[&old, &new]).await), new.der());
}

#[tokio::test]
async fn a_configuration_of_ones_own_brings_its_certificate() {
    let identity = Identity::new();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("PEM");
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![identity.der()], key)
        .expect("they belong together");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = Tls::from_config(Arc::new(config));
    assert!(tls.reload().is_err() && tls.replace(identity.certificate.as_bytes(), b"").is_err());
    let server = serve(app(tls)).await;
    let socket = try_shake_hands(&server, &[&identity], &[b"h2", b"http/1.1"]).await.expect("trusted");
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    open(socket).await.goodbye().await;
}

#[tokio::test]
async fn handshakes_that_are_slow_are_cut_off() {
    let identity = Identity::new();
    let limits = Limits::default().handshake(Duration::from_millis(50));
    let server = serve(app(identity.tls()).limits(limits)).await;
    // Nothing at all, the type of a record, and its head with a length that never comes.
    for beginning in [&b""[..], &[0x16], &[0x16, 3, 1, 2, 0, 1]] {
        let mut socket = TcpStream::connect(server.address).await.expect("the server listens");
        socket.write_all(beginning).await.expect("the server is there");
        let mut rest = Vec::new();
        // An alert may come before the end.
        let _ = timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("the server hangs up");
    }
    // The request is part of the opening handshake, too.
    let mut socket = shake_hands(&server, &[&identity]).await;
    let _ = timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await.expect("the server hangs up");
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_so_and_costs_no_place() {
    let identity = Identity::new();
    let server = serve(app(identity.tls()).limits(Limits::default().connections(1))).await;
    for _ in 0..20 {
        let (mut socket, response) = exchange(server.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(response.status, 400);
        assert!(response.text().contains("wss://"), "{}", response.text());
        assert_eq!(socket.read(&mut [0]).await.expect("an orderly end"), 0);
    }
    for _ in 0..20 {
        let mut socket = TcpStream::connect(server.address).await.expect("the server listens");
        // It is not said whether the server reads it before it hangs up.
        let _ = socket.write_all(&[0xff; 100]).await;
        let _ = timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await.expect("the server hangs up");
    }
    let mut client = open(shake_hands(&server, &[&identity]).await).await;
    assert_eq!(client.call(1, "echo", 1).await, Ok(Value::from(1)));
}

#[tokio::test]
async fn what_cannot_be_used_is_said_at_the_start() {
    let identity = Identity::new();
    let files = Files::new(&identity);
    let missing = files.key.with_file_name("other.pem");
    let swapped = Tls::from_files(&files.key, &files.certificate).expect_err("they are swapped");
    for (error, says) in [
        (
            Tls::from_files(&missing, &files.key).expect_err("there is no such file"),
            "other.pem` cannot be read",
        ),
        (Tls::from_files(&files.certificate, &missing).expect_err("there is no such file"), "other.pem"),
        (swapped, "no certificate in `"),
    ] {
        assert!(error.to_string().contains(says), "{error}");
    }
    let shown = format!("{:?}", identity.tls());
    assert!(!shown.contains("PRIVATE"), "{shown}");
}
