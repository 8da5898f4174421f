//! `Sec-WebSocket-Extensions` (RFC 6455 §9.1, RFC 7692 §5 and §7.1): offers, answers, parameters.

use std::{error, fmt};

use crate::Role;

const NAME: &str = "permessage-deflate";
const SERVER_NO_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_BITS: &str = "client_max_window_bits";

/// What a side wishes for: the server to [`accept`] offers with, the client to [make one](Options::offer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The server forgets its context after every message (RFC 7692 §7.1.1.1). Default true: a context kept
    /// takes about 370 KiB per connection on the server.
    pub server_no_context_takeover: bool,
    /// The client forgets its context after every message (RFC 7692 §7.1.1.2). Default true: a context kept
    /// takes about 46 KiB per connection on the server, which has to remember as much as the client refers to.
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the server's window, 9 to 15 (RFC 7692 §7.1.2.1). Default 15. Others count as the
    /// nearest of these. A smaller one saves memory where it compresses, up to a third of its context; who inflates always
    /// has a context for the largest.
    pub server_max_window_bits: u8,
    /// The base-2 logarithm of the client's window, 9 to 15 (RFC 7692 §7.1.2.2). Default 15. Others count as the
    /// nearest of these. A server can only ask for it if the client's offer allows that. A smaller one saves the server,
    /// which inflates, no memory.
    pub client_max_window_bits: u8,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

/// What both sides have agreed on, for [`Config::deflate`](crate::Config::deflate). Made by [`accept`] and
/// [`check`]; its `Display` is the server's answer, the value of `Sec-WebSocket-Extensions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    /// The server forgets its context after every message.
    pub server_no_context_takeover: bool,
    /// The client forgets its context after every message.
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the server's window, 8 to 15.
    ///
    /// A side whose own window is 8 sends uncompressed, which is always allowed: zlib cannot compress with it.
    pub server_max_window_bits: u8,
    /// The base-2 logarithm of the client's window, 8 to 15.
    pub client_max_window_bits: u8,
}

/// The server's answer is not one to the client's offer (RFC 7692 §5.1): the client has to fail the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BadAnswer(
    /// What is wrong with it, in a few words.
    pub &'static str,
);

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server's Sec-WebSocket-Extensions do not answer the offer: {}", self.0)
    }
}

impl error::Error for BadAnswer {}

/// The server's side: picks the first acceptable offer out of the values of all `Sec-WebSocket-Extensions`
/// headers of a request, in their order. `None` means no compression, and no such header in the answer.
///
/// Unknown extensions are passed over. An offer is declined if it has a parameter that is unknown, doubled or of
/// a value that is not allowed (RFC 7692 §7), or if it limits the server's window to 8 bits, which zlib cannot do.
///
/// ```
/// use swill_ws::deflate::{Options, accept};
///
/// let offers = ["x-snappy, permessage-deflate; server_max_window_bits=8", "permessage-deflate"];
/// let negotiated = accept(offers, &Options::default()).unwrap();
/// let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// assert_eq!(negotiated.to_string(), answer);
/// assert_eq!(accept(["x-snappy"], &Options::default()), None);
/// ```
pub fn accept<'v>(values: impl IntoIterator<Item = &'v str>, options: &Options) -> Option<Negotiated> {
    values
        .into_iter()
        .flat_map(extensions)
        .filter_map(|extension| Parameters::read(extension.ok()?).ok().flatten())
        .find_map(|offer| options.answer(&offer))
}

/// The client's side: reads the values of all `Sec-WebSocket-Extensions` headers of the server's answer to
/// [`Options::offer`]. `None` means that the server declined.
///
/// # Errors
///
/// The answer has another extension, a parameter that is unknown, doubled or of a value that is not allowed, or it
/// leaves out or goes beyond what was offered.
///
/// ```
/// use swill_ws::deflate::{Options, check};
///
/// let options = Options { server_no_context_takeover: false, ..Options::default() };
/// let negotiated = check(["permessage-deflate; client_no_context_takeover"], &options)?.unwrap();
/// assert!(!negotiated.server_no_context_takeover);
/// assert!(check(["permessage-deflate; server_max_window_bits=16"], &options).is_err());
/// # Ok::<(), swill_ws::deflate::BadAnswer>(())
/// ```
pub fn check<'v>(
    values: impl IntoIterator<Item = &'v str>,
    options: &Options,
) -> Result<Option<Negotiated>, BadAnswer> {
    let mut answers = values.into_iter().flat_map(extensions);
    let Some(answer) = answers.next() else {
        return Ok(None);
    };
    let Some(answer) = Parameters::read(answer?)? else {
        return Err(BadAnswer("an extension not offered"));
    };
    if answers.next().is_some() {
        return Err(BadAnswer("more than one extension"));
    }
    options.agree(&answer).map(Some)
}

impl Options {
    /// The client's offer, the value of `Sec-WebSocket-Extensions` in its request.
    ///
    /// ```
    /// use swill_ws::deflate::Options;
    ///
    /// let options = Options { server_max_window_bits: 12, ..Options::default() };
    /// let offer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
    ///              server_max_window_bits=12; client_max_window_bits";
    /// assert_eq!(options.offer(), offer);
    /// ```
    pub fn offer(&self) -> String {
        let (server, client) = self.bits();
        let mut offer = Negotiated {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: server,
            client_max_window_bits: client,
        }
        .to_string();
        if client == 15 {
            // Without a value: whatever the server likes.
            offer.push_str("; ");
            offer.push_str(CLIENT_BITS);
        }
        offer
    }

    fn bits(&self) -> (u8, u8) {
        (self.server_max_window_bits.clamp(9, 15), self.client_max_window_bits.clamp(9, 15))
    }

    /// The server's answer to one offer, `None` to decline it.
    fn answer(&self, offer: &Parameters) -> Option<Negotiated> {
        let (server, client) = self.bits();
        let server = match offer.server_bits {
            None => server,
            Some(Some(8) | None) => return None,
            Some(Some(limit)) => server.min(limit),
        };
        let client = match offer.client_bits {
            // The client has not learned to limit its window.
            None => 15,
            Some(None) => client,
            Some(Some(limit)) => client.min(limit),
        };
        Some(Negotiated {
            server_no_context_takeover: self.server_no_context_takeover || offer.server_no_takeover,
            client_no_context_takeover: self.client_no_context_takeover || offer.client_no_takeover,
            server_max_window_bits: server,
            client_max_window_bits: client,
        })
    }

    /// What follows for the client from the server's answer.
    fn agree(&self, answer: &Parameters) -> Result<Negotiated, BadAnswer> {
        let (server, client) = self.bits();
        if self.server_no_context_takeover && !answer.server_no_takeover {
            return Err(BadAnswer("server_no_context_takeover is missing"));
        }
        let server = match answer.server_bits {
            Some(Some(bits)) if bits <= server => bits,
            Some(Some(_)) => return Err(BadAnswer("server_max_window_bits is over the offer")),
            Some(None) => return Err(BadAnswer("server_max_window_bits without a value")),
            None if server < 15 => return Err(BadAnswer("server_max_window_bits is missing")),
            None => 15,
        };
        let client = match answer.client_bits {
            Some(Some(bits)) if bits <= client => bits,
            Some(Some(_)) => return Err(BadAnswer("client_max_window_bits is over the offer")),
            Some(None) => return Err(BadAnswer("client_max_window_bits without a value")),
            None => client,
        };
        Ok(Negotiated {
            server_no_context_takeover: answer.server_no_takeover,
            // The client may always forget; it has to if the server says so.
            client_no_context_takeover: answer.client_no_takeover || self.client_no_context_takeover,
            server_max_window_bits: server,
            client_max_window_bits: client,
        })
    }
}

/// What was agreed on for one direction.
pub(super) struct Side {
    pub(super) takeover: bool,
    pub(super) bits: u8,
}

impl Negotiated {
    /// How the side `role` compresses.
    pub(super) fn side(&self, role: Role) -> Side {
        match role {
            Role::Server => {
                Side { takeover: !self.server_no_context_takeover, bits: self.server_max_window_bits }
            }
            Role::Client => {
                Side { takeover: !self.client_no_context_takeover, bits: self.client_max_window_bits }
            }
        }
    }
}

impl Role {
    pub(super) fn other(self) -> Self {
        match self {
            Role::Server => Role::Client,
            Role::Client => Role::Server,
        }
    }
}

impl fmt::Display for Negotiated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            write!(f, "; {SERVER_NO_TAKEOVER}")?;
        }
        if self.client_no_context_takeover {
            write!(f, "; {CLIENT_NO_TAKEOVER}")?;
        }
        if self.server_max_window_bits < 15 {
            write!(f, "; {SERVER_BITS}={}", self.server_max_window_bits)?;
        }
        if self.client_max_window_bits < 15 {
            write!(f, "; {CLIENT_BITS}={}", self.client_max_window_bits)?;
        }
        Ok(())
    }
}

/// The parameters of one permessage-deflate, each at most once. Of a window the outer `Option` says whether it is
/// there, the inner one whether it has a value.
#[derive(Default)]
struct Parameters {
    server_no_takeover: bool,
    client_no_takeover: bool,
    server_bits: Option<Option<u8>>,
    client_bits: Option<Option<u8>>,
}

impl Parameters {
    /// `None` if it is another extension.
    fn read(extension: Extension<'_>) -> Result<Option<Self>, BadAnswer> {
        if !extension.name.eq_ignore_ascii_case(NAME) {
            return Ok(None);
        }
        let mut read = Parameters::default();
        for (name, value) in extension.parameters {
            let doubled = match name {
                SERVER_NO_TAKEOVER | CLIENT_NO_TAKEOVER => {
                    if value.is_some() {
                        return Err(BadAnswer("context takeover with a value"));
                    }
                    let place = if name == SERVER_NO_TAKEOVER {
                        &mut read.server_no_takeover
                    } else {
                        &mut read.client_no_takeover
                    };
                    std::mem::replace(place, true)
                }
                SERVER_BITS => read.server_bits.replace(window_bits(value.as_deref())?).is_some(),
                CLIENT_BITS => read.client_bits.replace(window_bits(value.as_deref())?).is_some(),
                _ => return Err(BadAnswer("unknown parameter")),
            };
            if doubled {
                return Err(BadAnswer("doubled parameter"));
            }
        }
        Ok(Some(read))
    }
}

/// 8 to 15, decimal, without leading zeros.
fn window_bits(value: Option<&str>) -> Result<Option<u8>, BadAnswer> {
    match value {
        None => Ok(None),
        Some(value @ ("8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")) => Ok(value.parse().ok()),
        Some(_) => Err(BadAnswer("window bits not from 8 to 15")),
    }
}

/// One element of the header's list.
struct Extension<'v> {
    name: &'v str,
    parameters: Vec<(&'v str, Option<String>)>,
}

/// Reads a header value element by element. What cannot be read is an error once, and the end of the value.
fn extensions(value: &str) -> impl Iterator<Item = Result<Extension<'_>, BadAnswer>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        // Empty elements are allowed (RFC 9110 §5.6.1).
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return None;
        }
        let extension = extension(&mut rest);
        if extension.is_none() {
            rest = "";
        }
        Some(extension.ok_or(BadAnswer("not a list of extensions")))
    })
}

fn extension<'v>(rest: &mut &'v str) -> Option<Extension<'v>> {
    let name = token(rest)?;
    let mut parameters = Vec::new();
    loop {
        skip_space(rest);
        if rest.is_empty() || eat(rest, ',') {
            return Some(Extension { name, parameters });
        }
        if !eat(rest, ';') {
            return None;
        }
        skip_space(rest);
        let parameter = token(rest)?;
        skip_space(rest);
        let value = if eat(rest, '=') {
            skip_space(rest);
            Some(if rest.starts_with('"') { quoted(rest)? } else { token(rest)?.to_owned() })
        } else {
            None
        };
        parameters.push((parameter, value));
    }
}

fn skip_space(rest: &mut &str) {
    *rest = rest.trim_start_matches([' ', '\t']);
}

fn eat(rest: &mut &str, expected: char) -> bool {
    match rest.strip_prefix(expected) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

/// A token of RFC 9110 §5.6.2, not empty.
fn token<'v>(rest: &mut &'v str) -> Option<&'v str> {
    let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
    let (token, after) = rest.split_at_checked(end).filter(|(token, _)| !token.is_empty())?;
    *rest = after;
    Some(token)
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// A quoted string whose content is a token, as RFC 6455 §9.1 demands.
fn quoted(rest: &mut &str) -> Option<String> {
    let mut value = String::new();
    let mut characters = rest.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
    *rest = characters.as_str();
    (!value.is_empty() && value.chars().all(is_token)).then_some(value)
}
