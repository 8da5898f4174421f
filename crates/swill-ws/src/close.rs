//! Close frames (RFC 6455 §5.5.1, §7.4): which codes may be on the wire, and the body.

use crate::{Violation, weak};

/// Whether a code may stand in a close frame: the registered ones that are not reserved for reports
/// (RFC 6455 §7.4.1 and the IANA registry up to 1014), those of libraries (3000..) and of applications (4000..).
pub(crate) fn is_allowed(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Reads the body of a close frame.
pub(crate) fn parse(body: &[u8]) -> Result<(Option<u16>, &str), Violation> {
    match *body {
        [] => Ok((None, "")),
        [_] => Err(Violation::protocol("close frame with one byte")),
        [high, low, ref reason @ ..] => {
            let code = u16::from_be_bytes([high, low]);
            if !is_allowed(code) && !weak::is_off("close-codes") {
                return Err(Violation::protocol("close code that must not be sent"));
            }
            match std::str::from_utf8(reason) {
                Ok(reason) => Ok((Some(code), reason)),
                Err(_) => Err(Violation::data("close reason is not UTF-8")),
            }
        }
    }
}

/// The longest prefix of a reason that fits behind a code.
pub(crate) fn fit(reason: &str) -> &str {
    reason.get(..reason.floor_char_boundary(123)).unwrap_or_default()
}
