//! Close codes, in words.

/// What a close code means (RFC 6455, section 7.4, and the register of IANA).
pub(super) fn meaning(code: u16) -> &'static str {
    match code {
        1000 => "done",
        1001 => "going away",
        1002 => "broken protocol",
        1003 => "data of the wrong kind",
        1005 => "no code",
        1006 => "connection lost",
        1007 => "broken data",
        1008 => "against the rules",
        1009 => "message too big",
        1010 => "extension missing",
        1011 => "internal error",
        1012 => "restarting",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "no TLS",
        4008 => "slow consumer",
        3000..=3999 => "a code of a library",
        4000..=4999 => "a code of the application",
        _ => "a code that means nothing",
    }
}
