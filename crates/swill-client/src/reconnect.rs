use std::{fmt, sync::Arc, time::Duration};
use swill_proto::Close;

/// When and how a client connects again after it has lost its connection.
///
/// The delay before an attempt is random, between nothing and a bound that doubles with every attempt ("full jitter"),
/// so that the clients of a server that comes back do not come back all at once.
///
/// What ended the connection decides whether the client connects again:
///
/// | end | connects again |
/// |---|---|
/// | the network: reset, end of file, no answer to a ping (1006) | yes |
/// | 1001 going away, 1005 no code, 1009 too big, 1011 server error, 1012 to 1014 restart, overload, gateway | yes |
/// | 4008 slow consumer | yes |
/// | 1000: the server ended the conversation properly | no |
/// | 1002, 1003, 1007, 1010: one side does not understand the other, whichever said so | no |
/// | 1008: a rule was broken, or the client is not welcome | no |
/// | any other application code, 3000 to 4999 | no |
///
/// [`when`](Self::when) replaces these rows. The result of an opening handshake decides likewise:
///
/// | handshake | tries again |
/// |---|---|
/// | the server cannot be reached, breaks the connection or takes too long | yes |
/// | 5xx, 408, 425, 429 | yes |
/// | any other status (4xx, 3xx: redirects are not followed) | no |
/// | 101 with a wrong `Sec-WebSocket-Accept`, subprotocol or extension; no HTTP at all | no |
///
/// Where the answer is no, the client is closed: calls that wait and all later ones fail with what happened.
///
/// ```
/// use std::time::Duration;
/// use swill_client::{Client, Reconnect};
///
/// let patient = Reconnect::default().delays(Duration::from_secs(1), Duration::from_secs(60)).attempts(100);
/// let builder = Client::builder("ws://127.0.0.1:8000/ws").reconnect(patient);
/// let once = Client::builder("ws://127.0.0.1:8000/ws").reconnect(Reconnect::never());
/// ```
#[derive(Clone)]
pub struct Reconnect {
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
    pub(crate) attempts: Option<u32>,
    pub(crate) steady: Duration,
    when: Arc<dyn Fn(&Close) -> bool + Send + Sync>,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(100),
            cap: Duration::from_secs(10),
            attempts: None,
            steady: Duration::from_secs(5),
            when: Arc::new(is_temporary),
        }
    }
}

impl Reconnect {
    /// Never: the client is closed when its connection ends.
    pub fn never() -> Self {
        Self { attempts: Some(0), ..Self::default() }
    }

    /// The bound of the first delay (100 ms), and the one that no bound exceeds (10 s).
    #[must_use]
    pub fn delays(mut self, base: Duration, cap: Duration) -> Self {
        (self.base, self.cap) = (base, cap);
        self
    }

    /// How many attempts are made in a row. Unlimited by default. When the last has failed, the client is closed.
    #[must_use]
    pub fn attempts(mut self, count: u32) -> Self {
        self.attempts = Some(count);
        self
    }

    /// How long a connection has to hold until delays and attempts start anew. 5 s.
    #[must_use]
    pub fn steady(mut self, time: Duration) -> Self {
        self.steady = time;
        self
    }

    /// Decides by what ended a connection, in place of the table above. A connection that broke has code 1006.
    #[must_use]
    pub fn when(mut self, decide: impl Fn(&Close) -> bool + Send + Sync + 'static) -> Self {
        self.when = Arc::new(decide);
        self
    }

    pub(crate) fn after(&self, close: &Close) -> bool {
        self.attempts != Some(0) && (self.when)(close)
    }
}

impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect")
            .field("base", &self.base)
            .field("cap", &self.cap)
            .field("attempts", &self.attempts)
            .field("steady", &self.steady)
            .finish_non_exhaustive()
    }
}

fn is_temporary(close: &Close) -> bool {
    !matches!(close.code, 1000 | 1002 | 1003 | 1007 | 1008 | 1010 | 3000..=4007 | 4009..)
}
