//! What the client hears, and whether it is what it should.

use super::super::client::Answer;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// A message of `swill/1`.
    Answer(Answer),
    /// A message of any other protocol, as JSON, without what is for people.
    Json(serde_json::Value),
    Pong(Vec<u8>),
    Close(u16),
    /// Said if it was on its way before the client broke the call.
    Perhaps(Box<Said>),
    /// One of these, depending on what had been said before.
    Either(Box<[Said; 2]>),
}

impl Said {
    fn is(&self, got: &Self) -> bool {
        match self {
            Self::Perhaps(said) => said.is(got),
            Self::Either(either) => either.iter().any(|said| said.is(got)),
            said => said == got,
        }
    }
}

/// Whether what came is what was expected: everything, nothing else, and all that one call says in its order.
///
/// If the connection ends, what was sent just before may be left unread, behind a stream that was full: then the last words
/// may be missing, but for the close itself. A server that leaves says everything first.
pub(super) fn fits(expected: &[(usize, Said)], got: &[Said]) -> bool {
    let ends = expected.iter().any(|(_, said)| matches!(said, Said::Close(code) if *code != 1001));
    fits_as(ends, expected, got)
}

fn fits_as(ends: bool, expected: &[(usize, Said)], got: &[Said]) -> bool {
    let missing = |(_, said): &(usize, Said)| match said {
        Said::Perhaps(_) => true,
        said => ends && !matches!(said, Said::Close(_)),
    };
    let Some((first, rest)) = got.split_first() else { return expected.iter().all(missing) };
    let mut tried = Vec::new();
    expected.iter().enumerate().any(|(at, (call, said))| {
        if tried.contains(call) {
            return false;
        }
        if !matches!(said, Said::Perhaps(_)) {
            // Only the next word of each call can be the one that came.
            tried.push(*call);
        }
        said.is(first) && fits_as(ends, &[&expected[..at], &expected[at + 1..]].concat(), rest)
    })
}
