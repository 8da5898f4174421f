//! `wss://`: whom the client trusts, and what is said when it does not.

use crate::{
    Builder,
    address::Address,
    connector::{Io, Socket},
    handshake::{Failure, foreign},
};
use rustls_platform_verifier::Verifier;
use std::{fmt, io, sync::Arc};
use swill_proto::{Code, Error, Result};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, CertificateError, ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

/// Whose certificates are trusted.
#[derive(Clone, Default)]
pub(crate) enum Trust {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those of one's own authorities.
    Roots(RootCertStore),
    /// Somebody else decides.
    Config(Arc<ClientConfig>),
}

impl Builder {
    /// Trusts servers whose certificate comes from this authority, a certificate in PEM, and no longer those that the
    /// system trusts. Can be called several times; a text can hold several certificates. Needs the feature `tls`.
    ///
    /// For servers of one's own, with an authority of one's own or with a certificate that they have signed themselves.
    ///
    /// ```no_run
    /// # fn example() -> swill_client::Result<()> {
    /// use swill_client::Client;
    ///
    /// let client = Client::builder("wss://calc.internal/ws").root_certificate(&std::fs::read("ca.pem")?).lazy()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn root_certificate(mut self, pem: &[u8]) -> Self {
        let mut roots = match std::mem::take(&mut self.connector.trust) {
            Trust::Roots(roots) => roots,
            _ => RootCertStore::empty(),
        };
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let added = match certificate {
                Ok(certificate) => roots.add(certificate).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = added {
                self.refuse(format!("a root certificate cannot be used: {why}"));
            }
        }
        if roots.len() == before {
            self.refuse(
                "there is no root certificate in the text (`-----BEGIN CERTIFICATE-----`)".to_owned(),
            );
        }
        self.connector.trust = Trust::Roots(roots);
        self
    }

    /// Everything about TLS as rustls can do it: certificates of clients, pinned keys, other algorithms. Takes the place
    /// of what [`root_certificate`](Self::root_certificate) was told. Needs the feature `tls`.
    ///
    /// The protocol that is asked for inside (ALPN) becomes `http/1.1`, the only one that the client speaks.
    pub fn tls_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.connector.trust = Trust::Config(config);
        self
    }
}

impl Trust {
    /// What connections are made with.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>> {
        let provider = Arc::new(ring::default_provider());
        let builder = || {
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()
        };
        let unusable = |error: rustls::Error| {
            let why = format!(
                "TLS does not work: {error}; `Builder::root_certificate` says whom to trust instead of the system"
            );
            Error::new(Code::UNAVAILABLE, why).with_source(error)
        };
        let mut config = match self {
            Self::Config(config) => ClientConfig::clone(config),
            Self::Roots(roots) => {
                builder().map_err(unusable)?.with_root_certificates(roots.clone()).with_no_client_auth()
            }
            Self::System => {
                let verifier = Verifier::new(Arc::clone(&provider)).map_err(unusable)?;
                let builder = builder().map_err(unusable)?.dangerous();
                builder.with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Shakes hands over a socket.
pub(crate) async fn connect<S: Io + 'static>(
    config: Arc<ClientConfig>,
    address: &Address,
    socket: S,
) -> std::result::Result<Socket, Failure> {
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    match TlsConnector::from(config).connect(name, socket).await {
        Ok(socket) => Ok(Box::new(socket)),
        Err(error) => Err(failure(error, &address.host)),
    }
}

/// Says what went wrong, and what can be done about it.
fn failure(error: io::Error, host: &str) -> Failure {
    let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) else {
        return Failure::Io(error);
    };
    let (why, lasting) = match cause {
        rustls::Error::InvalidMessage(_) => {
            return foreign("it does not speak TLS on that port; without TLS the URL begins with ws://");
        }
        rustls::Error::InvalidCertificate(why) => certificate(why, host),
        rustls::Error::AlertReceived(alert) => {
            (format!("`{host}` has refused the TLS handshake: {alert:?}"), false)
        }
        other => (format!("the TLS handshake with `{host}` failed: {other}"), false),
    };
    Failure::Tls { why, lasting, error }
}

/// What is wrong with a certificate, and whether it stays so.
fn certificate(why: &CertificateError, host: &str) -> (String, bool) {
    match why {
        // The signature is not that of the authority with the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            format!(
                "the certificate of `{host}` is not trusted, because nobody knows who has issued it; \
                 `Builder::root_certificate` trusts an authority of one's own"
            ),
            true,
        ),
        CertificateError::NotValidForName => {
            (format!("the certificate of `{host}` is for another name: is that the right server?"), true)
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = presented.join(", ");
            (
                format!(
                    "the certificate of `{host}` is for another name ({names}): is that the right server?"
                ),
                true,
            )
        }
        // Certificates are renewed, and clocks are set.
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (format!("the certificate of `{host}` has expired, or the clock here is wrong"), false)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            (format!("the certificate of `{host}` is not valid yet, or the clock here is wrong"), false)
        }
        other => (format!("the certificate of `{host}` is not trusted: {other}"), true),
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Roots(_) => "Roots",
            Self::Config(_) => "Config",
        })
    }
}
