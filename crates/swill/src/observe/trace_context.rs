//! W3C Trace Context: which trace a call belongs to, and how that is written.

use crate::{Metadata, Request};
use std::{fmt, str::FromStr};

/// The key of metadata, and the header, with the ids and flags.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The key of metadata, and the header, with what tracing systems add for themselves.
pub(crate) const TRACESTATE: &str = "tracestate";

/// How long a `tracestate` may be to be passed on whole (section 3.3.1.5).
const LONGEST_STATE: usize = 512;

/// How many members a `tracestate` may have (section 3.3.1.1).
const MOST_MEMBERS: usize = 32;

/// Members that are longer are the first to go (section 3.3.1.5).
const LONG_MEMBER: usize = 128;

/// Which trace a call belongs to, and which span it was made in, as
/// [W3C Trace Context](https://www.w3.org/TR/trace-context-2/) has it.
///
/// It comes with the call, under the keys `traceparent` and `tracestate` of its metadata, or else with the headers of the
/// handshake that opened the connection; see [`Context::trace_context`](crate::Context::trace_context). As text it is a
/// `traceparent`:
///
/// ```
/// use swill::TraceContext;
///
/// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let context: TraceContext = text.parse()?;
/// assert_eq!(context.trace_id(), 0x0af7651916cd43dd8448eb211c80319c);
/// assert_eq!(context.parent_id(), 0xb7ad6b7169203331);
/// assert!(context.is_sampled());
/// assert_eq!(context.to_string(), text);
/// # Ok::<(), swill::InvalidTraceContext>(())
/// ```
///
/// What is invalid counts as not there: nothing can be told of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
    state: Option<Box<str>>,
}

/// What a `traceparent` is that says nothing. Made by parsing a [`TraceContext`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidTraceContext;

impl TraceContext {
    /// The caller sampled the trace (section 3.2.2.5.1).
    const SAMPLED: u8 = 1;
    /// The right half of the trace's id is random (level 2, section 3.2.2.5.2).
    const RANDOM: u8 = 2;

    /// The id of the whole trace; never 0.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The id of the span in which the call was made; never 0.
    pub fn parent_id(&self) -> u64 {
        self.parent_id
    }

    /// Whether the caller may have recorded the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & Self::SAMPLED != 0
    }

    /// The flags that are known: 1 for sampled, 2 for a random id.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// What tracing systems have added, as it is passed on: a `tracestate` of at most 32 members and 512 bytes.
    ///
    /// Of one that is longer, members of more than 128 bytes are gone, then the last ones. One that is invalid is gone
    /// altogether.
    ///
    /// ```
    /// # use swill::TraceContext;
    /// let context: TraceContext = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
    /// assert_eq!(context.tracestate(), None);
    /// let context = context.with_tracestate("congo=t61rcWkgMzE, rojo=00f067aa0ba902b7");
    /// assert_eq!(context.tracestate(), Some("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"));
    /// assert_eq!(context.with_tracestate("two=1,two=2").tracestate(), None);
    /// # Ok::<(), swill::InvalidTraceContext>(())
    /// ```
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The same with this `tracestate`, in place of the one before; with none if it is invalid.
    #[must_use]
    pub fn with_tracestate(mut self, tracestate: &str) -> Self {
        self.state = state(tracestate);
        self
    }

    /// Both parts as metadata, to be passed on with a call to another server.
    ///
    /// ```
    /// # use swill::{Context, Metadata};
    /// fn passed_on(cx: &Context) -> Metadata {
    ///     cx.trace_context().map(|it| it.to_metadata()).unwrap_or_default()
    /// }
    /// ```
    pub fn to_metadata(&self) -> Metadata {
        let mut metadata = Metadata::from([(TRACEPARENT, self.to_string())]);
        if let Some(state) = self.tracestate() {
            metadata.insert(TRACESTATE, state);
        }
        metadata
    }

    /// The one that came with a call, or else with the handshake.
    pub(crate) fn of(metadata: Option<&Metadata>, request: &Request) -> Option<Self> {
        metadata.and_then(Self::from_metadata).or_else(|| Self::from_headers(request))
    }

    fn from_metadata(metadata: &Metadata) -> Option<Self> {
        let context: Self = metadata.get(TRACEPARENT)?.as_str()?.parse().ok()?;
        Some(match metadata.get(TRACESTATE).and_then(|state| state.as_str()) {
            Some(state) => context.with_tracestate(state),
            None => context,
        })
    }

    pub(crate) fn from_headers(request: &Request) -> Option<Self> {
        let mut parents = request.headers().filter(|(name, _)| *name == TRACEPARENT);
        let (parent, second) = (parents.next()?.1, parents.next());
        if second.is_some() {
            // Nobody knows which of them holds.
            return None;
        }
        let context: Self = parent.trim_matches([' ', '\t']).parse().ok()?;
        let states: Vec<_> =
            request.headers().filter(|(name, _)| *name == TRACESTATE).map(|(_, state)| state).collect();
        Some(if states.is_empty() { context } else { context.with_tracestate(&states.join(",")) })
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceContext;

    /// Reads a `traceparent` (section 3.2) of any version but ff. What a later version has behind the flags is ignored.
    fn from_str(text: &str) -> Result<Self, InvalidTraceContext> {
        read(text).ok_or(InvalidTraceContext)
    }
}

fn read(text: &str) -> Option<TraceContext> {
    let bytes = text.as_bytes();
    let version = hex(bytes.get(..2)?)?;
    let dashes = [bytes.get(2)?, bytes.get(35)?, bytes.get(52)?].iter().all(|byte| **byte == b'-');
    let (trace_id, parent_id) = (hex(bytes.get(3..35)?)?, hex(bytes.get(36..52)?)?);
    let flags = hex(bytes.get(53..55)?)?;
    let ends = match bytes.get(55) {
        None => true,
        Some(byte) => version > 0 && *byte == b'-',
    };
    if version == 0xff || !dashes || trace_id == 0 || parent_id == 0 || !ends {
        return None;
    }
    Some(TraceContext {
        trace_id,
        parent_id: u64::try_from(parent_id).ok()?,
        // Bits without a meaning are not passed on (section 3.2.2.5.3).
        flags: u8::try_from(flags).ok()? & (TraceContext::SAMPLED | TraceContext::RANDOM),
        state: None,
    })
}

/// Reads digits of lower case.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

/// A `tracestate` as it is passed on; `None` if it is invalid or says nothing.
fn state(text: &str) -> Option<Box<str>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in text.split(',').map(|member| member.trim_matches([' ', '\t'])) {
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        let again = members.iter().any(|(known, _)| *known == key);
        if !is_key(key) || !is_value(value) || again || members.len() == MOST_MEMBERS {
            return None;
        }
        members.push((key, value));
    }
    let length = |members: &[(&str, &str)]| {
        members.iter().map(|(key, value)| key.len() + 1 + value.len() + 1).sum::<usize>().saturating_sub(1)
    };
    if length(&members) > LONGEST_STATE {
        members.retain(|(key, value)| key.len() + 1 + value.len() <= LONG_MEMBER);
    }
    while length(&members) > LONGEST_STATE {
        members.pop();
    }
    let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}={value}")).collect();
    (!members.is_empty()).then(|| members.join(",").into())
}

/// Section 3.3.1.3.1.
fn is_key(key: &str) -> bool {
    let first = key.bytes().next();
    key.len() <= 256
        && first.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && key.bytes().all(|byte| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@')
        })
}

/// Section 3.3.1.3.2. It ends with no blank, since that has been taken away.
fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len()) && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}

impl fmt::Display for TraceContext {
    /// Writes a `traceparent` of version 00.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags)
    }
}

impl fmt::Display for InvalidTraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a traceparent is 00-TRACE-PARENT-FLAGS, with 32, 16 and 2 digits in lower-case hexadecimal",
        )
    }
}

impl std::error::Error for InvalidTraceContext {}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderName, HeaderValue, Uri};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        for (text, read) in [
            (PARENT, Some(PARENT)),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", Some("…-00")),
            // Unknown flags are not passed on; a random id is said.
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", Some("…-03")),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fc", Some("…-00")),
            // Versions to come: read as this one, as far as it goes.
            ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some(PARENT)),
            ("fe-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", Some(PARENT)),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", Some(PARENT)),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more", None),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011", None),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", None),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", None),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", None),
            ("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
            ("00-0af7651916cd43dd8448eb211c80319c-B7AD6b7169203331-01", None),
            ("0A-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A", None),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", None),
            ("00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", None),
            ("00-0af7651916cd43dd8448eb211c80319cc-b7ad6b7169203331-01", None),
            ("00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01", None),
            ("0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
            ("+0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
            (" 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
            ("00-0af7651916cd43dd8448eb211c80319\u{e9}-b7ad6b7169203331-01", None),
            ("", None),
            ("00", None),
            ("00-", None),
        ] {
            let written = text.parse::<TraceContext>().map(|it| it.to_string()).ok();
            let expected = read.map(|read| read.replace('…', &PARENT[..52]));
            assert_eq!(written, expected, "{text:?}");
        }
    }

    #[test]
    fn a_tracestate_is_read_as_the_standard_says() {
        let with = |state: &str| PARENT.parse::<TraceContext>().unwrap().with_tracestate(state).state;
        let longest_key = "k".repeat(256);
        let longest_value = "v".repeat(256);
        let (key, value) = (format!("{longest_key}=1"), format!("k={longest_value}"));
        let key_too_long = format!("k{longest_key}=1");
        let value_too_long = format!("k=v{longest_value}");
        let members = |count: usize| (0..count).map(|at| format!("k{at}={at}")).collect::<Vec<_>>().join(",");
        let (thirty_two, thirty_three) = (members(32), members(33));
        for (text, read) in [
            ("a=1", Some("a=1")),
            ("a=1,b=2", Some("a=1,b=2")),
            (" a=1 ,\tb=2 , ,", Some("a=1,b=2")),
            ("tenant@system=1", Some("tenant@system=1")),
            ("0tenant@system=1", Some("0tenant@system=1")),
            ("a_-*/b=x y", Some("a_-*/b=x y")),
            ("a=!~", Some("a=!~")),
            (&key, Some(key.as_str())),
            (&value, Some(value.as_str())),
            (&thirty_two, Some(thirty_two.as_str())),
            (&thirty_three, None),
            (&key_too_long, None),
            (&value_too_long, None),
            ("", None),
            (" ,", None),
            ("a", None),
            ("a=", None),
            ("=1", None),
            ("a=1=2", None),
            ("A=1", None),
            ("_a=1", None),
            ("a =1", None),
            ("a=1,a=2", None),
            ("a=\u{e9}", None),
            ("a=1\u{7f}", None),
        ] {
            assert_eq!(with(text).as_deref(), read, "{text:?}");
        }
    }

    #[test]
    fn a_long_tracestate_loses_long_members_first_and_then_the_last() {
        let with =
            |state: &str| PARENT.parse::<TraceContext>().unwrap().with_tracestate(state).state.unwrap();
        let member = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - key.len() - 1));
        let long = [member("a", 128), member("b", 129), member("c", 128), member("d", 128)];
        assert_eq!(*with(&long.join(",")), [&*long[0], &long[2], &long[3]].join(","));
        let many: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|key| member(key, 128)).collect();
        // Four of them have 515 bytes with their commas.
        assert_eq!(*with(&many.join(",")), many[..3].join(","));
        let just_fits = [member("a", 128), member("b", 128), member("c", 128), member("d", 125)].join(",");
        assert_eq!(just_fits.len(), 512);
        assert_eq!(*with(&just_fits), just_fits);
    }

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        Request::new(&Uri::from_static("/"), &map, &[], None).unwrap()
    }

    #[test]
    fn what_comes_with_the_call_counts_more_than_the_handshake() {
        let other = "00-11111111111111111111111111111111-2222222222222222-00";
        let of = |metadata: &[(&str, &str)], headers: &[(&str, &str)]| {
            let metadata = Metadata::from_iter(metadata.iter().copied());
            let found = TraceContext::of((!metadata.is_empty()).then_some(&metadata), &request(headers));
            found.map(|it| (it.to_string(), it.state.map(|state| state.to_string())))
        };
        let some = |parent: &str, state: Option<&str>| Some((parent.to_owned(), state.map(str::to_owned)));
        assert_eq!(of(&[], &[]), None);
        assert_eq!(of(&[("traceparent", PARENT)], &[("traceparent", other)]), some(PARENT, None));
        assert_eq!(of(&[("user", "ann")], &[("Traceparent", other)]), some(other, None));
        assert_eq!(of(&[("traceparent", "nonsense")], &[("traceparent", other)]), some(other, None));
        // A state belongs to the parent beside it.
        assert_eq!(
            of(&[("traceparent", PARENT)], &[("traceparent", other), ("tracestate", "a=1")]),
            some(PARENT, None)
        );
        assert_eq!(of(&[("tracestate", "a=1")], &[]), None);
        assert_eq!(of(&[("traceparent", PARENT), ("tracestate", "a=1")], &[]), some(PARENT, Some("a=1")));
        let joined = [("traceparent", other), ("tracestate", "a=1"), ("tracestate", "b=2")];
        assert_eq!(of(&[], &joined), some(other, Some("a=1,b=2")));
        assert_eq!(of(&[], &[("traceparent", other), ("traceparent", PARENT)]), None);
    }

    #[test]
    fn both_parts_are_passed_on() {
        let context: TraceContext = PARENT.parse().unwrap();
        let metadata = context.with_tracestate("a=1").to_metadata();
        assert_eq!(metadata.get("traceparent").unwrap().as_str(), Some(PARENT));
        assert_eq!(metadata.get("tracestate").unwrap().as_str(), Some("a=1"));
    }
}
