use std::time::Duration;
use swill_proto::MetadataLimits;

/// How much a peer may take. Every limit is on by default.
///
/// They belong to an [`App`](crate::App), so that two apps on one server can have different ones:
///
/// ```
/// use std::time::Duration;
/// use swill::{App, Limits};
///
/// let app = App::new().limits(Limits::default().message(64 << 10).keepalive(Duration::from_secs(5), Duration::from_secs(5)));
/// ```
///
#[doc = include_str!("../../../docs/limits.md")]
#[derive(Clone, Debug)]
pub struct Limits {
    pub(crate) handshake: Duration,
    pub(crate) head: usize,
    pub(crate) headers: usize,
    pub(crate) connections: usize,
    pub(crate) budget: usize,
    pub(crate) per_address: Option<usize>,
    pub(crate) message: usize,
    pub(crate) fragments: u32,
    pub(crate) empty_fragments: u32,
    pub(crate) answer: usize,
    pub(crate) metadata: MetadataLimits,
    pub(crate) calls: usize,
    pub(crate) batch: usize,
    pub(crate) asked: usize,
    pub(crate) answer_within: Duration,
    pub(crate) draining: usize,
    pub(crate) cancels: Rate,
    pub(crate) pings: Rate,
    pub(crate) stream_unread: usize,
    pub(crate) unread: usize,
    pub(crate) stream_stall: Duration,
    pub(crate) outbox: usize,
    pub(crate) write_stall: Duration,
    pub(crate) ping_after: Duration,
    pub(crate) pong_within: Duration,
    pub(crate) close: Duration,
    pub(crate) grace: Duration,
    pub(crate) deadline: Option<Duration>,
    #[cfg_attr(not(feature = "files"), allow(dead_code, reason = "settings are the same with and without"))]
    pub(crate) files: usize,
}

/// A bucket that holds `burst` and is refilled by `per_second`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) burst: u32,
    pub(crate) per_second: u32,
}

/// Longer than any program runs, and short enough to be added to the time of day.
pub(crate) const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: 16 << 10,
            headers: 100,
            connections: 65_536,
            budget: 256 << 20,
            per_address: None,
            message: 1 << 20,
            fragments: 65_536,
            empty_fragments: 100,
            answer: 16 << 20,
            metadata: MetadataLimits::default(),
            calls: 128,
            batch: 1024,
            asked: 1024,
            answer_within: Duration::from_secs(10),
            draining: 1024,
            cancels: Rate { burst: 200, per_second: 50 },
            pings: Rate { burst: 1000, per_second: 100 },
            stream_unread: 256 << 10,
            unread: 4 << 20,
            stream_stall: Duration::from_secs(10),
            outbox: 64 << 10,
            write_stall: Duration::from_secs(10),
            ping_after: Duration::from_secs(20),
            pong_within: Duration::from_secs(20),
            close: Duration::from_secs(5),
            grace: Duration::from_secs(30),
            deadline: None,
            files: 64,
        }
    }
}

impl Limits {
    /// How long a peer may take for the whole opening handshake, and to send the head of any HTTP request. 10 s.
    ///
    /// Belongs to the listener: the outermost app's counts. The app's own counts for its hooks: so long they may take to let
    /// a peer in ([`before_connection`](crate::Hook::before_connection), [`before_accept`](crate::Hook::before_accept)),
    /// else it gets HTTP 503, and as long again to accept the connection ([`after_accept`](crate::Hook::after_accept)),
    /// else it is closed with 1013.
    #[must_use]
    pub fn handshake(mut self, within: Duration) -> Self {
        self.handshake = within.min(FOREVER);
        self
    }

    /// How many files of a folder of static files are looked up and read at the same time: 64. While a peer takes what has
    /// been read, it does not count. Beyond: a request waits 1 s for its turn, then it gets HTTP 503. So a disk that hangs keeps so many
    /// threads at most from those procedures that block.
    #[must_use]
    pub fn files(mut self, count: usize) -> Self {
        self.files = count;
        self
    }

    /// How large the head of an HTTP request may be: bytes (16 KiB, at least 8 KiB) and headers (100, at
    /// most 24,576). Beyond: HTTP 431.
    ///
    /// Belongs to the listener: the outermost app's counts.
    #[must_use]
    pub fn head(mut self, bytes: usize, headers: usize) -> Self {
        (self.head, self.headers) = (bytes.max(8 << 10), headers);
        self
    }

    /// How many connections one server holds open. 65,536. Beyond: the newest is refused with HTTP 503.
    ///
    /// Belongs to the listener: the outermost app's counts.
    #[must_use]
    pub fn connections(mut self, count: usize) -> Self {
        self.connections = count;
        self
    }

    /// How many TCP connections one address may have, those included that are in their handshakes or talk plain HTTP. No
    /// limit by default, because behind a proxy all peers have its address. Of IPv6, the upper 64 bits count as the
    /// address. Beyond: the newest is dropped.
    ///
    /// Belongs to the listener: the outermost app's counts.
    #[must_use]
    pub fn per_address(mut self, count: usize) -> Self {
        self.per_address = Some(count);
        self
    }

    /// How many bytes all connections of a server may hold together, of what is not complete, not taken by a procedure, or
    /// not written. 256 MiB. Beyond: those that hold the most are cut off, and hooks see 1013. What a connection holds
    /// counts as soon as it is more than 16 KiB.
    ///
    /// Belongs to the listener: the outermost app's counts.
    #[must_use]
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// How many bytes a message may have, reassembled and decompressed. 1 MiB. Beyond: closed with 1009.
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

    /// How many bytes an answer or an item may have, and what an error tells. 16 MiB. Beyond: the call fails with code 500,
    /// the reason is logged. The names and parameters of a batch of this side ([`Peer::batch`](crate::Peer::batch)) may
    /// have as many, together. Beyond: it fails with code 413, nothing is sent.
    #[must_use]
    pub fn answer(mut self, bytes: usize) -> Self {
        self.answer = bytes;
        self
    }

    /// How much metadata a call may bring: keys (64) and bytes (8 KiB). Beyond: the call fails with code 400. A procedure may
    /// set as much, once as leading and once as trailing metadata. Beyond: the call fails with code 500, the reason is
    /// logged. Clients have such a limit, too, the same by default.
    #[must_use]
    pub fn metadata(mut self, keys: usize, bytes: usize) -> Self {
        self.metadata = MetadataLimits { keys, bytes };
        self
    }

    /// How many calls and streams may be in flight on a connection. 128. The next one fails with code 429. Calls that were
    /// cancelled and have not really ended yet count apart, up to as many again.
    #[must_use]
    pub fn calls(mut self, count: usize) -> Self {
        self.calls = count;
        self
    }

    /// How many calls and notifications may come in one message. 1,024. Beyond: the message is refused. A batch of this side
    /// ([`Peer::batch`](crate::Peer::batch)) may have as many. Beyond: it fails with code 413, nothing is sent.
    #[must_use]
    pub fn batch(mut self, count: usize) -> Self {
        self.batch = count;
        self
    }

    /// How many calls of this side may wait for answers of a peer (1,024; the next one fails with code 429), and how long
    /// an answer may take (10 s; then the call fails with code 504). See [`Peer::call`](crate::Peer::call). As many calls and
    /// notifications may wait until there is room to write them; the next one fails with code 503.
    #[must_use]
    pub fn answer_within(mut self, calls: usize, within: Duration) -> Self {
        (self.asked, self.answer_within) = (calls, within.min(FOREVER));
        self
    }

    /// How many calls that are over a connection remembers because their peer has not ended its stream. 1,024. Beyond:
    /// closed with 1008.
    #[must_use]
    pub fn draining(mut self, count: usize) -> Self {
        self.draining = count;
        self
    }

    /// How many cancellations a peer may send: at once (200) and per second (50). Beyond: closed with 1008. A message that
    /// breaks an open call counts as one.
    #[must_use]
    pub fn cancels(mut self, burst: u32, per_second: u32) -> Self {
        self.cancels = Rate { burst, per_second };
        self
    }

    /// How many pings a peer may send: at once (1,000) and per second (100). Beyond: closed with 1008.
    #[must_use]
    pub fn pings(mut self, burst: u32, per_second: u32) -> Self {
        self.pings = Rate { burst, per_second };
        self
    }

    /// How many bytes of a stream in may wait for their procedure: of one stream (256 KiB) and of a connection (4 MiB).
    /// Beyond: the socket is not read until there is room. Each item counts 64 bytes more than it has.
    #[must_use]
    pub fn unread(mut self, per_stream: usize, per_connection: usize) -> Self {
        (self.stream_unread, self.unread) = (per_stream, per_connection);
        self
    }

    /// How long a full stream may take nothing while the connection waits for it. 10 s. Then its call fails with code
    /// 429, and the connection reads on.
    #[must_use]
    pub fn stream_stall(mut self, within: Duration) -> Self {
        self.stream_stall = within.min(FOREVER);
        self
    }

    /// How many bytes may wait to be written before procedures have to wait and nothing more is read. 64 KiB, at
    /// least 1.
    #[must_use]
    pub fn outbox(mut self, bytes: usize) -> Self {
        self.outbox = bytes.max(1);
        self
    }

    /// How long a peer may take nothing of what waits for it. 10 s. Then the connection is cut off with 4008.
    #[must_use]
    pub fn write_stall(mut self, within: Duration) -> Self {
        self.write_stall = within.min(FOREVER);
        self
    }

    /// After how much silence a ping is sent (20 s), and how long its answer may take (20 s). Then the connection is
    /// cut off.
    #[must_use]
    pub fn keepalive(mut self, ping_after: Duration, pong_within: Duration) -> Self {
        (self.ping_after, self.pong_within) = (ping_after.min(FOREVER), pong_within.min(FOREVER));
        self
    }

    /// How long a peer may take to answer a close. 5 s. Then the connection is cut off.
    #[must_use]
    pub fn close(mut self, within: Duration) -> Self {
        self.close = within.min(FOREVER);
        self
    }

    /// How long calls in flight may take to end when the server shuts down. 30 s. Then they are cancelled. As long, hooks may
    /// take over a call that was cancelled ([`after_request`](crate::Hook::after_request)) and over a connection that has
    /// ended ([`after_connection`](crate::Hook::after_connection)). Then they are dropped.
    #[must_use]
    pub fn grace(mut self, within: Duration) -> Self {
        self.grace = within.min(FOREVER);
        self
    }

    /// How long a call may take. No limit by default. Then it is cancelled and fails with code 504; a procedure can have
    /// one of its own, see [`Procedure::deadline`](crate::Procedure::deadline).
    #[must_use]
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Some(within.min(FOREVER));
        self
    }
}
