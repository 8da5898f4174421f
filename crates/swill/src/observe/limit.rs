//! Limits that take effect: what they are called, and how those who look after a server hear of it.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::time::Instant;

macro_rules! limits {
    ($($variant:ident $name:literal $effect:ident,)*) => {
        /// A limit: every row of the tables in `docs/limits.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Limit {
            $($variant,)*
        }

        impl Limit {
            /// All of them, in the order of the tables.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What it is called in metrics, in logs and in the tables.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            const fn effect(self) -> Effect {
                match self {
                    $(Self::$variant => Effect::$effect,)*
                }
            }
        }
    };
}

limits! {
    Handshake "handshake" Ends,
    Head "head" Ends,
    Headers "headers" Ends,
    Connections "connections" Ends,
    PerAddress "per_address" Ends,
    Budget "budget" Ends,
    Message "message" Ends,
    Fragments "fragments" Ends,
    EmptyFragments "empty_fragments" Ends,
    Answer "answer" Ends,
    MetadataKeys "metadata.keys" Ends,
    MetadataBytes "metadata.bytes" Ends,
    Calls "calls" Ends,
    Batch "batch" Ends,
    Asked "asked" Ends,
    AnswerWithin "answer_within" Ends,
    Draining "draining" Ends,
    Cancels "cancels" Ends,
    Pings "pings" Ends,
    StreamUnread "stream_unread" Slows,
    Unread "unread" Slows,
    StreamStall "stream_stall" Ends,
    Outbox "outbox" Slows,
    WriteStall "write_stall" Ends,
    PongWithin "pong_within" Ends,
    Close "close" Ends,
    Grace "grace" Ends,
    Deadline "deadline" Ends,
    Files "files" Ends,
    Http "http" Ends,
    Answers "answers" Ends,
    Nesting "nesting" Ends,
    Name "name" Ends,
    Id "id" Ends,
    Path "path" Ends,
    FinalBlocks "final_blocks" Ends,
    Discarded "discarded" Ends,
    Log "log" Ends,
}

/// What the machines of protocols notice.
impl From<swill_proto::Limit> for Limit {
    fn from(limit: swill_proto::Limit) -> Self {
        use swill_proto::Limit::{
            Answers, Batch, Draining, Id, MetadataBytes, MetadataKeys, Name, Nesting, Path,
        };
        match limit {
            Answers => Self::Answers,
            Batch => Self::Batch,
            Draining => Self::Draining,
            Id => Self::Id,
            MetadataBytes => Self::MetadataBytes,
            MetadataKeys => Self::MetadataKeys,
            Name => Self::Name,
            Nesting => Self::Nesting,
            Path => Self::Path,
            _ => Self::Message,
        }
    }
}

/// What the machine of the WebSocket notices.
impl From<swill_ws::Limit> for Limit {
    fn from(limit: swill_ws::Limit) -> Self {
        use swill_ws::Limit::{EmptyFragments, FinalBlocks, Fragments};
        match limit {
            EmptyFragments => Self::EmptyFragments,
            FinalBlocks => Self::FinalBlocks,
            Fragments => Self::Fragments,
            _ => Self::Message,
        }
    }
}

/// What becomes of those who reach a limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Something of theirs is refused, or ends.
    Ends,
    /// They wait, and nothing is lost: that is how a fast peer and a slow procedure get along.
    Slows,
}

/// After a line about a limit, further ones are counted for so long.
const QUIET: u64 = 10_000;

/// Lines about single calls and requests that peers can cause: at most so many in a second.
const LINES: u32 = 100;

/// What has been logged of late, so that a peer cannot fill a disk.
#[derive(Debug)]
pub(crate) struct Journal {
    started: Instant,
    limits: [Lines; Limit::ALL.len()],
    /// The second of the last line about a call, and how many there were in it: `second << 32 | count`.
    lines: AtomicU64,
}

#[derive(Debug, Default)]
struct Lines {
    /// When the next one may be written, in milliseconds.
    next: AtomicU64,
    left_out: AtomicU64,
}

/// Who reached a limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Who {
    pub(crate) peer: Option<u64>,
    pub(crate) remote: Option<SocketAddr>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            limits: [const { Lines { next: AtomicU64::new(0), left_out: AtomicU64::new(0) } };
                Limit::ALL.len()],
            lines: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes that a limit took effect, unless that has been written just now.
    #[cold]
    pub(crate) fn note(&self, limit: Limit, who: Who) {
        let Some(left_out) = self.limits[limit as usize].turn(self.now()) else { return };
        let Who { peer, remote } = who;
        let remote = remote.map(tracing::field::display);
        let name = limit.name();
        match limit.effect() {
            Effect::Ends => tracing::warn!(
                target: "swill::limit", limit = name, peer, remote, left_out, "a limit was exceeded"
            ),
            Effect::Slows => tracing::debug!(
                target: "swill::limit", limit = name, peer, remote, left_out, "a limit makes somebody wait"
            ),
        }
    }

    /// Whether a line about a call or a request may be written.
    pub(crate) fn may_write(&self) -> bool {
        let second = self.now() / 1000;
        let update = |lines: u64| {
            let count = if lines >> 32 == second { lines & u64::from(u32::MAX) } else { 0 };
            (count < u64::from(LINES)).then_some(second << 32 | (count + 1))
        };
        self.lines.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update).is_ok()
    }
}

impl Lines {
    /// How many were left out since the last one, if the next one may be written now.
    fn turn(&self, now: u64) -> Option<u64> {
        let next = self.next.load(Ordering::Relaxed);
        let taken = now >= next
            && self.next.compare_exchange(next, now + QUIET, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if taken {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_written_once_and_then_counted() {
        let lines = Lines::default();
        assert_eq!(
            [0, 1, 9_999, 10_000, 10_001, 50_000].map(|now| lines.turn(now)),
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn lines_about_calls_are_limited_in_each_second() {
        let journal = Journal::new();
        for _ in 0..3 {
            assert_eq!((0..1000).filter(|_| journal.may_write()).count(), 100);
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
        }
    }

    #[test]
    fn names_are_unique_and_fit_into_labels() {
        let mut names: Vec<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
        assert!(names.iter().all(|name| name.chars().all(|it| it.is_ascii_lowercase() || "._".contains(it))));
        assert!(Limit::ALL.iter().enumerate().all(|(at, limit)| *limit as usize == at));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Limit::ALL.len());
    }
}
