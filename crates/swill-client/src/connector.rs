#[cfg(feature = "tls")]
use crate::tls::{self, Trust};
use crate::{address::Address, handshake::Failure};
use std::{fmt, future::Future, io, pin::Pin, sync::Arc};
use swill_proto::Result;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A socket, whatever it is made of.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> Io for S {}

pub(crate) type Socket = Box<dyn Io>;

type Opening = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

/// Opens sockets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connector {
    transport: Transport,
    #[cfg(feature = "tls")]
    pub(crate) trust: Trust,
}

/// What bytes go through.
#[derive(Clone, Default)]
enum Transport {
    #[default]
    Tcp,
    Custom(Arc<dyn Fn() -> Opening + Send + Sync>),
}

impl Connector {
    pub(crate) fn custom<F, S>(&mut self, open: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.transport = Transport::Custom(Arc::new(move || {
            let opening = open();
            Box::pin(async move { Ok(Box::new(opening.await?) as Socket) })
        }));
    }

    /// Prepares what is the same for all connections to an address.
    pub(crate) fn prepare(self, address: &Address) -> Result<Self> {
        #[cfg(feature = "tls")]
        if address.secure {
            let trust = Trust::Config(self.trust.config()?);
            return Ok(Self { trust, ..self });
        }
        let _ = address;
        Ok(self)
    }

    pub(crate) async fn open(&self, address: &Address) -> std::result::Result<Socket, Failure> {
        match &self.transport {
            Transport::Tcp => {
                let stream = TcpStream::connect((&*address.host, address.port)).await?;
                // Everything that is queued leaves in one write; waiting for more would only cost time.
                stream.set_nodelay(true)?;
                self.secure(stream, address).await
            }
            Transport::Custom(open) => self.secure(open().await?, address).await,
        }
    }

    #[cfg(feature = "tls")]
    async fn secure<S: Io + 'static>(
        &self,
        socket: S,
        address: &Address,
    ) -> std::result::Result<Socket, Failure> {
        match &self.trust {
            Trust::Config(config) if address.secure => {
                tls::connect(Arc::clone(config), address, socket).await
            }
            _ => Ok(Box::new(socket)),
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn secure<S: Io + 'static>(&self, socket: S, _: &Address) -> std::result::Result<Socket, Failure> {
        Ok(Box::new(socket))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "Tcp",
            Self::Custom(_) => "Custom",
        })
    }
}
