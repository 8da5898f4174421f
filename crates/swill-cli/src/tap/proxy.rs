//! One connection: bytes there and back.

use super::{
    display::Display,
    frame::{Frame, Side},
    observer::Observer,
};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

/// How long connecting to the server may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Bytes that are read at once, in each direction.
const CHUNK: usize = 16 << 10;

/// Takes bytes from a client to the server and back, until both have ended or one breaks.
pub(super) async fn run(mut client: TcpStream, target: String, number: u64, display: Arc<Display>) {
    let observer = Observer::new(number, display);
    let connected = timeout(CONNECT, TcpStream::connect(&target)).await;
    let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let server = match connected {
        Ok(server) => server,
        Err(error) => {
            observer
                .happened(None, Frame::new("refused").note(format!("no connection to {target}: {error}")));
            let answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            // If the client does not hear it, it sees that the connection ends.
            let _ = client.write_all(answer).await;
            return;
        }
    };
    // Without it, everything takes longer than without the tap.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let observer = Mutex::new(observer);
    let ended = tokio::try_join!(
        pump(from_client, to_server, Side::Client, &observer),
        pump(from_server, to_client, Side::Server, &observer),
    );
    let observer = observer.into_inner().unwrap_or_else(PoisonError::into_inner);
    let note = match ended {
        Ok(_) => "both sides have ended".to_owned(),
        Err((side, error)) => format!("the connection with the {} broke: {error}", side.name()),
    };
    observer.happened(None, Frame::new("gone").note(note));
}

/// Takes bytes one way, and shows them to the observer first: what answers them is seen later.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    side: Side,
    observer: &Mutex<Observer>,
) -> Result<(), (Side, io::Error)> {
    let other = if side == Side::Client { Side::Server } else { Side::Client };
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = from.read(&mut buffer).await.map_err(|error| (side, error))?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            // A side that has ended may have gone away altogether.
            let _ = to.shutdown().await;
            return Ok(());
        }
        observer.lock().unwrap_or_else(PoisonError::into_inner).saw(side, bytes);
        to.write_all(bytes).await.map_err(|error| (other, error))?;
    }
}
