//! Defences that can be switched off one by one, so that the abuse suite can show that it would notice.
//!
//! Only a build with `--cfg swill_weak` has the switches; its environment variable `SWILL_WEAK` names the defence that
//! is off. In any other build [`is_off`] is a constant, and nothing of this is left.

/// Whether this defence is switched off.
#[cfg(not(swill_weak))]
#[inline(always)]
pub(crate) const fn is_off(_defence: &str) -> bool {
    false
}

/// Whether this defence is switched off.
#[cfg(swill_weak)]
pub(crate) fn is_off(defence: &str) -> bool {
    static OFF: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("SWILL_WEAK").ok());
    OFF.as_deref() == Some(defence)
}

/// The limits, without the one that is switched off.
#[cfg(not(swill_weak))]
#[inline(always)]
pub(crate) const fn loosened(limits: crate::Limits) -> crate::Limits {
    limits
}

/// The limits, without the one that is switched off.
#[cfg(swill_weak)]
pub(crate) fn loosened(mut limits: crate::Limits) -> crate::Limits {
    use crate::limits::{FOREVER, Rate};
    const MUCH: usize = 1 << 30;
    const ALWAYS: Rate = Rate { burst: u32::MAX, per_second: u32::MAX };
    macro_rules! rows {
        ($($row:literal: $($limit:ident).+ = $beyond:expr;)*) => {
            $(if is_off($row) {
                limits.$($limit).+ = $beyond;
            })*
        };
    }
    rows! {
        "handshake": handshake = FOREVER;
        "head": head = MUCH;
        "headers": headers = MUCH;
        "connections": connections = MUCH;
        "per_address": per_address = None;
        "budget": budget = MUCH;
        "message": message = MUCH;
        "fragments": fragments = u32::MAX;
        "empty_fragments": empty_fragments = u32::MAX;
        "answer": answer = MUCH;
        "metadata.keys": metadata.keys = MUCH;
        "metadata.bytes": metadata.bytes = MUCH;
        "calls": calls = MUCH;
        "batch": batch = MUCH;
        "asked": asked = MUCH;
        "answer_within": answer_within = FOREVER;
        "draining": draining = MUCH;
        "cancels": cancels = ALWAYS;
        "pings": pings = ALWAYS;
        "stream_unread": stream_unread = MUCH;
        "unread": unread = MUCH;
        "stream_stall": stream_stall = FOREVER;
        "outbox": outbox = MUCH;
        "write_stall": write_stall = FOREVER;
        "ping_after": ping_after = FOREVER;
        "pong_within": pong_within = FOREVER;
        "close": close = FOREVER;
        "grace": grace = FOREVER;
        "deadline": deadline = None;
    }
    limits
}
