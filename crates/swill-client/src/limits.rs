use std::time::Duration;
use swill_proto::MetadataLimits;

/// How much a client takes from a server, keeps and waits for. Every limit is on by default.
///
/// | what | default | beyond it |
/// |---|---|---|
/// | [`message`](Self::message): an incoming message | 16 MiB | the connection is closed with 1009 |
/// | [`fragments`](Self::fragments): frames of a message, empty ones | 65,536 and 100 | closed with 1008 |
/// | [`metadata`](Self::metadata): leading or trailing metadata | 64 keys, 8 KiB | the call fails with code 413 |
/// | depth of a value | 64 levels | the call fails with code 413 |
/// | [`request`](Self::request): an outgoing message | 1 MiB | the call fails with code 413, nothing is sent |
/// | [`calls`](Self::calls): calls in flight | 128 | the next call waits, within its deadline |
/// | [`serving`](Self::serving): calls of the server that wait in handlers | 128 | the next one is refused with code 429 |
/// | batches of the server, in JSON-RPC | 1,024 elements, or [`calls`](Self::calls) if that is more | the batch is refused |
/// | [`outbox`](Self::outbox): bytes that wait to be sent | 64 KiB | calls and senders wait |
/// | [`unread`](Self::unread): unread items of a stream, of all streams | 256 KiB and 4 MiB | the socket is not read |
/// | [`stream_stall`](Self::stream_stall): a full stream of which nothing is taken while others wait | 10 s | the stream fails with code 429 |
/// | [`keepalive`](Self::keepalive): silence before a ping, time for the answer | 20 s and 20 s | the connection counts as broken |
/// | [`write_stall`](Self::write_stall): a socket that takes nothing | 30 s | the connection counts as broken |
/// | pings of the server | 1,000, and 100 per second | closed with 1008 |
/// | [`close`](Self::close): the closing handshake | 5 s | the socket is dropped |
///
/// ```
/// use std::time::Duration;
/// use swill_client::{Client, Limits};
///
/// let builder = Client::builder("ws://127.0.0.1:8000/ws")
///     .limits(Limits::default().message(1 << 20).keepalive(Duration::from_secs(5), Duration::from_secs(5)));
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    pub(crate) message: usize,
    pub(crate) fragments: u32,
    pub(crate) empty_fragments: u32,
    pub(crate) metadata: MetadataLimits,
    pub(crate) request: usize,
    pub(crate) calls: usize,
    pub(crate) serving: usize,
    pub(crate) outbox: usize,
    pub(crate) stream_unread: usize,
    pub(crate) unread: usize,
    pub(crate) stream_stall: Duration,
    pub(crate) ping_after: Duration,
    pub(crate) pong_within: Duration,
    pub(crate) write_stall: Duration,
    pub(crate) close: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 16 << 20,
            fragments: 65_536,
            empty_fragments: 100,
            metadata: MetadataLimits::default(),
            request: 1 << 20,
            calls: 128,
            serving: 128,
            outbox: 64 << 10,
            stream_unread: 256 << 10,
            unread: 4 << 20,
            stream_stall: Duration::from_secs(10),
            ping_after: Duration::from_secs(20),
            pong_within: Duration::from_secs(20),
            write_stall: Duration::from_secs(30),
            close: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// How many bytes an incoming message may have, reassembled and decompressed. 16 MiB, as much as a server answers
    /// with by default. Beyond: the connection is closed with 1009, and the client connects again.
    #[must_use]
    pub fn message(mut self, bytes: usize) -> Self {
        self.message = bytes;
        self
    }

    /// In how many frames a message may come (65,536), and how many of them may be empty (100). Beyond: closed with
    /// 1008.
    #[must_use]
    pub fn fragments(mut self, count: u32, empty: u32) -> Self {
        (self.fragments, self.empty_fragments) = (count, empty);
        self
    }

    /// How much metadata an answer may bring: keys (64) and bytes (8 KiB). Beyond: the call fails with code 413.
    #[must_use]
    pub fn metadata(mut self, keys: usize, bytes: usize) -> Self {
        self.metadata = MetadataLimits { keys, bytes };
        self
    }

    /// How many bytes a message to the server may have. 1 MiB, as much as a server takes by default.
    ///
    /// Beyond: the call, or the item, fails with code 413 before anything is sent. A server would close the connection,
    /// and with it every other call. It counts for a batch as a whole, and for what [handlers](crate::Builder::handle)
    /// answer: a larger answer is an internal error.
    #[must_use]
    pub fn request(mut self, bytes: usize) -> Self {
        self.request = bytes;
        self
    }

    /// How many calls and streams may be in flight. 128, as many as a server allows by default; at least 1. All calls of a
    /// batch go out together, so it can have no more.
    ///
    /// Beyond: a call waits until another one has ended, within its deadline; who has waited longest is next. A server
    /// would refuse it with code 429.
    #[must_use]
    pub fn calls(mut self, count: usize) -> Self {
        self.calls = count.max(1);
        self
    }

    /// How many calls and notifications of the server may wait in [handlers](crate::Builder::handle). 128; at least 1. One
    /// that was cancelled counts until its handler has really ended; handlers that never wait count nothing.
    ///
    /// Beyond: a call is refused with code 429; a notification is dropped, which is logged. Their answers wait in memory
    /// until the socket takes them, each at most as large as [`request`](Self::request) allows.
    #[must_use]
    pub fn serving(mut self, count: usize) -> Self {
        self.serving = count.max(1);
        self
    }

    /// How many bytes may wait to be sent. 64 KiB. Beyond: calls and senders wait, within their deadlines. A message of
    /// any size is taken as long as there is room for one byte.
    #[must_use]
    pub fn outbox(mut self, bytes: usize) -> Self {
        self.outbox = bytes.max(1);
        self
    }

    /// How many bytes of items may lie unread: of one stream (256 KiB) and of all streams together (4 MiB). An item
    /// counts 32 bytes more than its payload.
    ///
    /// Beyond: nothing is read from the socket until half of it is free, so that TCP slows the server down. All calls
    /// share the socket, so their answers wait, too; see [`stream_stall`](Self::stream_stall).
    #[must_use]
    pub fn unread(mut self, stream: usize, all: usize) -> Self {
        (self.stream_unread, self.unread) = (stream, all);
        self
    }

    /// How long streams that are full may hold up others without being read at all. 10 s.
    ///
    /// Beyond: if other calls wait for answers, the stream fails with code 429, its unread items are dropped, and reading
    /// goes on. Of streams that are full only together it is the fullest that fails, also when the server has ended it
    /// and only its items wait to be read; one of which something was taken meanwhile gets more time. This is what ends
    /// the deadlock of a loop that reads a stream and, for every item, makes a call through the same client.
    #[must_use]
    pub fn stream_stall(mut self, time: Duration) -> Self {
        self.stream_stall = bounded(time);
        self
    }

    /// After how much silence the server is sent a ping (20 s), and how long it may then stay silent (20 s). Beyond: the
    /// connection counts as broken (1006).
    #[must_use]
    pub fn keepalive(mut self, ping_after: Duration, pong_within: Duration) -> Self {
        (self.ping_after, self.pong_within) = (bounded(ping_after), bounded(pong_within));
        self
    }

    /// How long the socket may take nothing while something waits to be written. 30 s. Beyond: the connection counts as
    /// broken (1006).
    #[must_use]
    pub fn write_stall(mut self, time: Duration) -> Self {
        self.write_stall = bounded(time);
        self
    }

    /// How long the server may take to answer a close. 5 s. Beyond: the socket is dropped.
    #[must_use]
    pub fn close(mut self, within: Duration) -> Self {
        self.close = bounded(within);
        self
    }
}

/// A time that can be added to any instant, and that passes.
fn bounded(time: Duration) -> Duration {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    time.clamp(Duration::from_millis(1), YEAR)
}
