use crate::address::Address;
use std::{fmt, future::Future, io, pin::Pin, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A socket, whatever it is made of.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}

pub(crate) type Socket = Box<dyn Io>;

type Opening = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

/// Opens sockets.
#[derive(Clone)]
pub(crate) enum Connector {
    Tcp,
    Custom(Arc<dyn Fn() -> Opening + Send + Sync>),
}

impl Connector {
    pub(crate) fn custom<F, S>(open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self::Custom(Arc::new(move || {
            let opening = open();
            Box::pin(async move { Ok(Box::new(opening.await?) as Socket) })
        }))
    }

    pub(crate) async fn open(&self, address: &Address) -> io::Result<Socket> {
        match self {
            Self::Tcp => {
                let stream = TcpStream::connect((&*address.host, address.port)).await?;
                // Everything that is queued leaves in one write; waiting for more would only cost time.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Custom(open) => open().await,
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "Tcp",
            Self::Custom(_) => "Custom",
        })
    }
}
