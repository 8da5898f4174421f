//! Accepting connections, whatever the system runs out of: the loop never ends, never spins, and says what is wrong. It is
//! no faster than those whom it lets in are looked after.

use crate::{observe::Observer, weak};
use pin_project_lite::pin_project;
use std::{
    fs::File,
    future::poll_fn,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};

/// Between two lines in the log about the same trouble.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// The first wait after the system could not give a connection, and the longest.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(640);

/// So many connections may wait for their first turn; others stay with the system. Accepting is cheap beside what a peer can
/// have sent by then: without this bound, those that come and go fast enough would fill the line in which everybody waits for
/// a thread, and all descriptors.
const NEWCOMERS: usize = 64;

/// A listener that outlives a lack of descriptors or memory.
///
/// One descriptor is kept in reserve. Where there is no other, it is given up for a moment, so that whoever waits can be
/// accepted and turned away: a peer that hears no at once can go elsewhere or come back later, which one that hangs cannot.
pub(crate) struct Acceptor {
    listener: TcpListener,
    reserve: Option<File>,
    /// Failures one after the other.
    failures: u32,
    trouble: Trouble,
    observer: Observer,
    newcomers: Arc<Semaphore>,
}

/// The place of a connection among those that wait for their first turn.
pub(crate) struct Newcomer(Option<OwnedSemaphorePermit>);

impl Newcomer {
    /// Does what is to be done for the connection. After the first turn its place is free.
    pub(crate) fn begin<F: Future>(self, work: F) -> Begun<F> {
        Begun { work, newcomer: self }
    }
}

pin_project! {
    /// What is done for a connection.
    pub(crate) struct Begun<F> {
        #[pin]
        work: F,
        newcomer: Newcomer,
    }
}

impl<F: Future> Future for Begun<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let poll = this.work.poll(task);
        this.newcomer.0 = None;
        poll
    }
}

/// What is said of failures, now and then.
#[derive(Default)]
struct Trouble {
    said: Option<Instant>,
    /// Its end has not been said yet.
    open: bool,
    /// What has happened since.
    failed: u64,
    turned_away: u64,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener, observer: Observer) -> Self {
        let places = if weak::is_off("newcomers") { Semaphore::MAX_PERMITS } else { NEWCOMERS };
        Self {
            listener,
            reserve: reserve(),
            failures: 0,
            trouble: Trouble::default(),
            observer,
            newcomers: Arc::new(Semaphore::new(places)),
        }
    }

    /// The next connection; never an error, unless a test wants it. What is accepted is lost if this is dropped while it
    /// turns somebody away, which nobody was promised.
    pub(crate) async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr, Newcomer)> {
        // There is always a place in the end: nobody closes this.
        let newcomer = Newcomer(Arc::clone(&self.newcomers).acquire_owned().await.ok());
        loop {
            match self.listener.accept().await {
                Ok((socket, remote)) => {
                    self.recovered();
                    return Ok((socket, remote, newcomer));
                }
                Err(error) if weak::is_off("accept-errors") => return Err(error),
                Err(error) if concerns_one(&error) => {
                    tracing::debug!(%error, "a connection broke before it was accepted");
                }
                Err(error) => {
                    let turned_away = is_full(&error) && self.turn_away().await;
                    self.failed(&error, turned_away);
                    sleep(self.wait()).await;
                }
            }
        }
    }

    /// How long nothing is tried: longer the longer it lasts.
    fn wait(&self) -> Duration {
        SHORTEST_WAIT.saturating_mul(1 << self.failures.saturating_sub(1).min(6)).min(LONGEST_WAIT)
    }

    /// Accepts whoever waits, and closes; whether there was anybody. Only where waiting a little has not helped.
    async fn turn_away(&mut self) -> bool {
        const PATIENCE: u32 = 3;
        const AT_ONCE: usize = 64;
        if self.failures < PATIENCE {
            return false;
        }
        let mut turned_away = 0;
        for _ in 0..AT_ONCE {
            // Without the reserve, another thread has taken the descriptor that was free.
            if self.reserve.take().is_none() {
                break;
            }
            let accepted = poll_fn(|task| match self.listener.poll_accept(task) {
                Poll::Pending => Poll::Ready(None),
                ready => ready.map(Some),
            });
            let accepted = accepted.await;
            let over = !matches!(accepted, Some(Ok(_)));
            drop(accepted);
            self.reserve = reserve();
            if over {
                break;
            }
            turned_away += 1;
        }
        if self.reserve.is_none() {
            self.reserve = reserve();
        }
        self.trouble.turned_away += turned_away;
        turned_away > 0
    }

    fn failed(&mut self, error: &io::Error, turned_away: bool) {
        self.failures = self.failures.saturating_add(1);
        self.trouble.failed += 1;
        self.observer.count(|registry| registry.accept_failed());
        let now = Instant::now();
        if self.trouble.said.is_none_or(|said| now >= said + SAID_EVERY) {
            let Trouble { failed, turned_away, .. } = self.trouble;
            tracing::warn!(%error, failed, turned_away, "connections cannot be accepted");
            self.trouble = Trouble { said: Some(now), open: true, ..Trouble::default() };
        }
        if turned_away {
            // Somebody else may come soon; who waits any longer would only wait to be turned away.
            self.failures = self.failures.min(4);
        }
    }

    fn recovered(&mut self) {
        if self.reserve.is_none() {
            self.reserve = reserve();
        }
        if self.failures == 0 {
            return;
        }
        self.failures = 0;
        if std::mem::take(&mut self.trouble.open) {
            let Trouble { failed, turned_away, .. } = self.trouble;
            tracing::info!(failed, turned_away, "connections are accepted again");
            (self.trouble.failed, self.trouble.turned_away) = (0, 0);
        }
    }
}

/// A descriptor that is of no other use.
fn reserve() -> Option<File> {
    if cfg!(unix) { File::open("/dev/null").ok() } else { None }
}

/// Whether an error belongs to the connection that would have been accepted: the next one may be fine.
fn concerns_one(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::TimedOut
    )
}

/// Whether the process, or the system, has no descriptor left.
fn is_full(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn acceptor() -> Acceptor {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        Acceptor::new(listener, Observer::default())
    }

    #[tokio::test]
    async fn waits_grow_and_end_with_the_trouble() {
        let mut acceptor = acceptor().await;
        let error = io::Error::from_raw_os_error(24);
        let waits: Vec<u128> = (0..9)
            .map(|_| {
                acceptor.failed(&error, false);
                acceptor.wait().as_millis()
            })
            .collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 640, 640]);
        acceptor.recovered();
        acceptor.failed(&error, false);
        assert_eq!(acceptor.wait().as_millis(), 10);
    }

    #[tokio::test]
    async fn trouble_is_said_once_and_counted_meanwhile() {
        let mut acceptor = acceptor().await;
        for _ in 0..1000 {
            acceptor.failed(&io::Error::from_raw_os_error(24), true);
        }
        assert_eq!(acceptor.trouble.failed, 999, "the first was said");
        assert_eq!(acceptor.wait().as_millis(), 80, "whoever comes is told soon");
        acceptor.recovered();
        assert!(!acceptor.trouble.open);
        acceptor.failed(&io::Error::from_raw_os_error(24), false);
        assert!(!acceptor.trouble.open, "what comes and goes is not said each time");
    }

    #[tokio::test]
    async fn whoever_waits_is_turned_away_and_the_next_accepted() {
        let mut acceptor = acceptor().await;
        let address = acceptor.listener.local_addr().expect("it listens");
        acceptor.failures = 3;
        let mut waiting = Vec::new();
        for _ in 0..5 {
            waiting.push(TcpStream::connect(address).await.expect("the system takes it"));
        }
        acceptor
            .listener
            .accept()
            .await
            .expect("the first is there, and then the listener knows of the others");
        assert!(acceptor.turn_away().await);
        assert_eq!(acceptor.trouble.turned_away, 4);
        for socket in &mut waiting {
            socket.readable().await.expect("it is told");
            assert!(matches!(socket.try_read(&mut [0; 8]), Ok(0) | Err(_)));
        }
        let next = tokio::spawn(async move { TcpStream::connect(address).await });
        acceptor.accept().await.expect("it never fails");
        next.await.expect("no panic").expect("it is accepted");
        assert_eq!(acceptor.failures, 0);
        assert!(acceptor.reserve.is_some() == cfg!(unix));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_waits_until_others_have_had_a_turn() {
        let mut acceptor = acceptor().await;
        let address = acceptor.listener.local_addr().expect("it listens");
        let (mut peers, mut newcomers) = (Vec::new(), Vec::new());
        for _ in 0..NEWCOMERS {
            peers.push(TcpStream::connect(address).await.expect("the system takes it"));
            newcomers.push(acceptor.accept().await.expect("it never fails").2);
        }
        peers.push(TcpStream::connect(address).await.expect("the system takes it"));
        let patience = Duration::from_secs(3600);
        assert!(tokio::time::timeout(patience, acceptor.accept()).await.is_err(), "there is no place");
        // One of them begins, and has a lot to do: it is no newcomer any more.
        let begun = newcomers.pop().expect("there are some").begin(std::future::pending::<()>());
        let begun = tokio::spawn(begun);
        let next = acceptor.accept().await.expect("it never fails");
        assert!(!begun.is_finished());
        begun.abort();
        // Those that are turned away before they begin give their places back as well.
        drop((next, newcomers));
        assert_eq!(acceptor.newcomers.available_permits(), NEWCOMERS);
    }

    #[test]
    fn errors_of_one_connection_hold_up_nobody() {
        for (code, one, full) in
            [(103, true, false), (104, true, false), (24, false, true), (23, false, true), (12, false, false)]
        {
            let error = io::Error::from_raw_os_error(code);
            if cfg!(target_os = "linux") {
                assert_eq!((concerns_one(&error), is_full(&error)), (one, full), "{error}");
            }
        }
    }
}
