//! `wss://` against the real server: whom a client trusts, and what it says when it does not.
#![cfg(feature = "tls")]

use futures_util::StreamExt;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use swill::{App, Stream, Streaming, Tls, stream};
use swill_client::{Builder, Client, Code, Reconnect};
use tokio::net::TcpStream;

struct Calc;

#[swill::module]
impl Calc {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn echo(&self, text: String) -> String {
        text
    }

    fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream! {
            for number in 0..to {
                yield number;
            }
        }
    }

    async fn total(&self, mut numbers: Streaming<i64>) -> swill::Result<i64> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }
}

/// An authority that issues certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The certificate of a server, valid through such a year.
    fn issue(&self, name: &str, until: i32) -> Tls {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Tls::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }
}

/// Serves; returns the port.
async fn serve(tls: Option<Tls>) -> u16 {
    let app = App::new().module(Calc);
    let app = match tls {
        Some(tls) => app.tls(tls),
        None => app,
    };
    let server = app.bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().port();
    tokio::spawn(server.run());
    port
}

fn builder(scheme: &str, port: u16, authority: &Authority) -> Builder {
    Client::builder(&format!("{scheme}://localhost:{port}/ws")).root_certificate(authority.pem.as_bytes())
}

#[tokio::test]
async fn calls_and_streams_go_through_tls() {
    let authority = Authority::new();
    let port = serve(Some(authority.issue("localhost", 2100))).await;
    let client = builder("wss", port, &authority).connect().await.unwrap();
    assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    let text = "x".repeat(900_000);
    assert_eq!(client.call::<String>("echo", &text).await.unwrap(), text);
    let numbers = client.stream::<u32>("count", 20_000).await.unwrap().collect().await.unwrap();
    assert_eq!(numbers, (0..20_000).collect::<Vec<_>>());
    let mut sender = client.request("total").stream_in::<i64, i64>().await.unwrap();
    for number in 1..=1000 {
        sender.send(number).await.unwrap();
    }
    assert_eq!(sender.finish().await.unwrap(), 500_500);
    // Many at once.
    let calls = (0..200).map(|number| client.call::<i64>("add", (number, 1)));
    let sums: Vec<i64> = futures_util::stream::iter(calls).buffered(100).map(Result::unwrap).collect().await;
    assert_eq!(sums, (1..=200).collect::<Vec<_>>());
    client.close().await;
}

#[tokio::test]
async fn addresses_and_further_authorities_are_trusted() {
    let (one, two) = (Authority::new(), Authority::new());
    let port = serve(Some(two.issue("127.0.0.1", 2100))).await;
    let both = format!("{}{}", one.pem, two.pem);
    for pems in [&[both.as_str()][..], &[&one.pem, &two.pem]] {
        let mut builder = Client::builder(&format!("wss://127.0.0.1:{port}/ws"));
        for pem in pems {
            builder = builder.root_certificate(pem.as_bytes());
        }
        let client = builder.connect().await.unwrap();
        assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
        client.close().await;
    }
}

#[tokio::test]
async fn tls_goes_through_any_stream() {
    let authority = Authority::new();
    let port = serve(Some(authority.issue("calc.example", 2100))).await;
    let client = Client::builder("wss://calc.example/ws")
        .root_certificate(authority.pem.as_bytes())
        .connector(move || TcpStream::connect(("127.0.0.1", port)))
        .connect()
        .await
        .unwrap();
    assert_eq!(client.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    client.close().await;
}

#[tokio::test]
async fn who_is_not_trusted_and_why() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (issued_by, name, until, code, says) in [
        (&other, "localhost", 2100, Code::UNAVAILABLE, "`Builder::root_certificate`"),
        (&authority, "calc.example", 2100, Code::UNAVAILABLE, "for another name"),
        (&authority, "calc.example", 2100, Code::UNAVAILABLE, "calc.example"),
        (&authority, "localhost", 2001, Code::UNAVAILABLE, "has expired"),
    ] {
        let port = serve(Some(issued_by.issue(name, until))).await;
        let error = builder("wss", port, &authority).connect().await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains("`localhost`") && error.message().contains(says), "{error}");
    }
}

#[tokio::test]
async fn the_other_side_without_tls_is_recognised() {
    let authority = Authority::new();
    let plain = serve(None).await;
    let error = builder("wss", plain, &authority).connect().await.unwrap_err();
    assert_eq!(error.code(), Code::UNIMPLEMENTED);
    assert!(error.message().contains("does not speak TLS"), "{error}");

    let secure = serve(Some(authority.issue("localhost", 2100))).await;
    let error = builder("ws", secure, &authority).connect().await.unwrap_err();
    assert_eq!(error.code(), Code(400));
    assert!(error.message().contains("wss://"), "{error}");
}

#[tokio::test]
async fn a_client_does_not_knock_forever_where_nobody_is_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let port = serve(Some(other.issue("localhost", 2100))).await;
    let client = builder("wss", port, &authority).reconnect(Reconnect::default()).lazy().unwrap();
    let error = client.call::<i64>("add", (1, 2)).await.unwrap_err();
    assert!(error.message().contains("is not trusted"), "{error}");
}

#[test]
fn roots_that_are_none_are_refused() {
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let builder = Client::builder("wss://localhost/ws").root_certificate(pem.as_bytes());
        let Err(error) = builder.lazy() else { panic!("{pem} is taken") };
        assert_eq!(error.code(), Code::BAD_REQUEST);
        assert!(error.message().contains("root certificate"), "{error}");
    }
}
