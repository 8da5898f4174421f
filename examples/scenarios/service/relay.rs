//! What stands between clients and the app: it passes on bytes, and breaks connections when it is told to.
//!
//! A connection belongs to the key in its address (`/ws?key=KEY`), which is read from the first line of its request.

use super::tally::Tally;
use std::{
    collections::{HashMap, HashSet},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

#[derive(Clone, Default)]
pub(crate) struct Relay {
    /// How often each key has tried to connect.
    pub(crate) attempts: Tally,
    keys: Arc<Mutex<Keys>>,
}

#[derive(Default)]
struct Keys {
    lines: HashMap<String, Vec<Arc<Line>>>,
    blocked: HashSet<String>,
}

/// A connection that is passed on.
#[derive(Default)]
struct Line {
    cut: Notify,
    swallows: AtomicBool,
}

/// The most that the first line of a request may have.
const LONGEST_LINE: usize = 16 << 10;

impl Relay {
    /// Accepts connections until the listener fails.
    pub(crate) async fn run(self, listener: TcpListener, upstream: SocketAddr) -> io::Result<()> {
        loop {
            let (client, _) = listener.accept().await?;
            let relay = self.clone();
            // Whatever goes wrong ends both sides, and that is all there is to say.
            tokio::spawn(async move { relay.serve(client, upstream).await });
        }
    }

    /// Resets all connections of a key.
    pub(crate) fn cut(&self, key: &str) {
        self.of(key, |line| line.cut.notify_one());
    }

    /// Resets the connections of a key as soon as its client says anything more, of which nothing is passed on.
    pub(crate) fn swallow(&self, key: &str) {
        self.of(key, |line| line.swallows.store(true, Ordering::Release));
    }

    /// Resets every attempt of a key to connect, or does not any more.
    pub(crate) fn block(&self, key: &str, blocked: bool) {
        let mut keys = self.keys();
        match blocked {
            true => keys.blocked.insert(key.to_owned()),
            false => keys.blocked.remove(key),
        };
    }

    fn of(&self, key: &str, run: impl FnMut(&Arc<Line>)) {
        self.keys().lines.get(key).into_iter().flatten().for_each(run);
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, mut client: TcpStream, upstream: SocketAddr) -> io::Result<()> {
        let head = first_line(&mut client).await?;
        let key = key(&head);
        let line = self.open(&key);
        self.attempts.add(&key);
        let Some(line) = line else { return client.set_zero_linger() };
        let passed = pass(&mut client, upstream, &head, &line).await;
        self.close(&key, &line);
        passed
    }

    /// `None` if the key is blocked.
    fn open(&self, key: &str) -> Option<Arc<Line>> {
        let mut keys = self.keys();
        if keys.blocked.contains(key) {
            return None;
        }
        let line = Arc::new(Line::default());
        keys.lines.entry(key.to_owned()).or_default().push(line.clone());
        Some(line)
    }

    fn close(&self, key: &str, line: &Arc<Line>) {
        let mut keys = self.keys();
        if let Some(lines) = keys.lines.get_mut(key) {
            lines.retain(|other| !Arc::ptr_eq(other, line));
            if lines.is_empty() {
                keys.lines.remove(key);
            }
        }
    }
}

/// What has come when the first line is complete.
async fn first_line(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(1024);
    while !head.contains(&b'\n') {
        if head.len() > LONGEST_LINE || client.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(head)
}

/// Keys are made of characters that need no escapes. Without one it is empty.
fn key(head: &[u8]) -> String {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let target = line.split(' ').nth(1).unwrap_or_default();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    query.split('&').find_map(|pair| pair.strip_prefix("key=")).unwrap_or_default().to_owned()
}

/// Passes on both directions until both have ended. What breaks is broken on both sides.
async fn pass(client: &mut TcpStream, upstream: SocketAddr, head: &[u8], line: &Line) -> io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    server.write_all(head).await?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let both = async {
        tokio::try_join!(copy(from_client, to_server, Some(line)), copy(from_server, to_client, None))
            .map(drop)
    };
    let passed = tokio::select! {
        passed = both => passed,
        () = line.cut.notified() => Err(io::ErrorKind::ConnectionReset.into()),
    };
    if passed.is_err() {
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    passed
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    line: Option<&Line>,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 << 10];
    loop {
        match from.read(&mut bytes).await? {
            0 => return to.shutdown().await,
            _ if line.is_some_and(|line| line.swallows.load(Ordering::Acquire)) => {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            count => to.write_all(&bytes[..count]).await?,
        }
    }
}
