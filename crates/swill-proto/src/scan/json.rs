//! JSON text.

use super::Malformed;
use crate::{bytes::JsonWithBytes, weak};
use serde::Serialize;
use std::borrow::Cow;

/// Writes a value at the end of a buffer, without blanks. Bytes are base64 text.
///
/// # Errors
///
/// Those of `serde_json`; the buffer may then hold a part of the value.
#[inline]
pub fn encode<T: Serialize + ?Sized>(value: &T, buffer: &mut Vec<u8>) -> serde_json::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(buffer, JsonWithBytes))
}

/// Checks that arrays and objects are nested at most `depth` levels. Everything else is left to the decoder.
///
/// # Errors
///
/// [`Malformed::TooDeep`].
pub fn check_depth(text: &[u8], depth: usize) -> Result<(), Malformed> {
    let (mut level, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                level += 1;
                if level > depth && !weak::is_off("nesting") {
                    return Err(Malformed::TooDeep);
                }
            }
            b']' | b'}' => level = level.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Checks that the text is exactly one value of JSON (RFC 8259), nested at most `depth` levels, with or without white
/// space around it.
///
/// Everything is looked at that the grammar says, but not whether the text is UTF-8, nor whether `\u` escapes make
/// whole characters, nor how large numbers are.
///
/// ```
/// use swill_proto::scan::{DEPTH, Malformed, json::validate};
///
/// assert_eq!(validate(br#" {"a": [1, -2.5e3, "\u00e4"]} "#, DEPTH), Ok(()));
/// assert_eq!(validate(b"[01]", DEPTH), Err(Malformed::Invalid));
/// assert_eq!(validate(b"[[1]]", 1), Err(Malformed::TooDeep));
/// ```
///
/// # Errors
///
/// What is wrong.
pub fn validate(text: &[u8], depth: usize) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(text);
    cursor.space();
    cursor.value(depth)?;
    cursor.end()
}

/// Reads JSON text from its front. What it has passed is valid.
///
/// What is long is passed by functions that get a position and return one, rather than the cursor itself: so the position
/// can stay in a register.
#[derive(Debug)]
pub(crate) struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

/// A string as it is written, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'t> {
    /// What is between the quotes.
    pub(crate) raw: &'t [u8],
    /// Whether there are escapes in it.
    pub(crate) escaped: bool,
}

impl<'t> Text<'t> {
    /// The text that is meant.
    ///
    /// # Errors
    ///
    /// [`Malformed::Invalid`] if an escape is half a character, or if it is not UTF-8.
    pub(crate) fn decode(self) -> Result<Cow<'t, str>, Malformed> {
        if self.escaped {
            let quoted = [b"\"", self.raw, b"\""].concat();
            serde_json::from_slice(&quoted).map(Cow::Owned).map_err(|_| Malformed::Invalid)
        } else {
            std::str::from_utf8(self.raw).map(Cow::Borrowed).map_err(|_| Malformed::Invalid)
        }
    }
}

impl<'t> Cursor<'t> {
    pub(crate) const fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte.
    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The byte after the next one.
    #[inline(always)]
    pub(crate) fn peek_second(&self) -> Option<u8> {
        self.text.get(self.at + 1).copied()
    }

    /// Passes this byte, if it is the next one.
    #[inline(always)]
    pub(crate) fn pass(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes this byte, which has to come.
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`] or [`Malformed::Invalid`].
    #[inline(always)]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.pass(byte) { Ok(()) } else { Err(self.wrong()) }
    }

    /// Passes these bytes, if they are the next ones.
    #[inline(always)]
    pub(crate) fn pass_all<const N: usize>(&mut self, bytes: &[u8; N]) -> bool {
        let next = self.text.get(self.at..).and_then(<[u8]>::first_chunk::<N>);
        let are_next = next == Some(bytes);
        self.at += if are_next { N } else { 0 };
        are_next
    }

    /// Passes white space.
    #[inline(always)]
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Passes white space, behind which the text has to end.
    ///
    /// # Errors
    ///
    /// [`Malformed::Trailing`].
    #[inline]
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(Malformed::Trailing) }
    }

    /// What is wrong with the next byte: it is not the right one, or missing.
    #[cold]
    pub(crate) fn wrong(&self) -> Malformed {
        wrong(self.text, self.at)
    }

    /// Passes a string.
    ///
    /// # Errors
    ///
    /// [`Malformed::Truncated`] or [`Malformed::Invalid`].
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Text<'t>, Malformed> {
        self.expect(b'"')?;
        let start = self.at;
        self.at = pass_plain(self.text, start);
        let mut escaped = false;
        if !self.pass(b'"') {
            (self.at, escaped) = rest_of_string(self.text, self.at)?;
        }
        let raw = self.text.get(start..self.at - 1).unwrap_or_default();
        Ok(Text { raw, escaped })
    }

    #[inline(always)]
    fn number(&mut self) -> Result<(), Malformed> {
        self.pass(b'-');
        if !self.pass(b'0') {
            self.at = some_digits(self.text, self.at)?;
        }
        if let Some(b'.' | b'e' | b'E') = self.peek() {
            self.at = fraction(self.text, self.at)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn word(&mut self, word: &[u8]) -> Result<(), Malformed> {
        self.at = pass_word(self.text, self.at, word)?;
        Ok(())
    }

    /// Passes the name of a member and the colon: what follows is its value.
    #[inline(always)]
    pub(crate) fn name(&mut self) -> Result<Text<'t>, Malformed> {
        let name = self.string()?;
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(name)
    }

    /// Passes a value that is nested at most `depth` levels; `depth` is at most [`DEPTH`](super::DEPTH).
    ///
    /// # Errors
    ///
    /// What is wrong.
    #[inline(always)]
    pub(crate) fn value(&mut self, depth: usize) -> Result<&'t [u8], Malformed> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                self.string()?;
            }
            Some(b'1'..=b'9') => self.number()?,
            Some(b'[')
                if depth > 0
                    && let Some(end) = end_of_integers(self.text, start) =>
            {
                self.at = end
            }
            _ => self.at = end_of_value(self.text, start, depth)?,
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }
}

/// Finds the end of a list of integers without white space, which is what parameters often are. `None` if it is
/// another one.
#[inline(always)]
fn end_of_integers(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += usize::from(*text.get(at)? == b'-');
        match text.get(at)? {
            b'0' => at += 1,
            b'1'..=b'9' => {
                while let b'0'..=b'9' = text.get(at)? {
                    at += 1;
                }
            }
            _ => return None,
        }
        match text.get(at)? {
            b',' => at += 1,
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Finds the end of any value.
///
/// Walks without recursion: a bit for each level says whether it is an object.
fn end_of_value(text: &[u8], at: usize, depth: usize) -> Result<usize, Malformed> {
    debug_assert!(depth <= super::DEPTH);
    let mut cursor = Cursor { text, at };
    let (mut level, mut objects) = (0, 0_u64);
    loop {
        match cursor.peek() {
            Some(b'"') => {
                cursor.string()?;
            }
            Some(b'-' | b'0'..=b'9') => cursor.number()?,
            Some(open @ (b'[' | b'{')) => {
                if level == depth && !weak::is_off("nesting") {
                    return Err(Malformed::TooDeep);
                }
                cursor.at += 1;
                cursor.space();
                let object = open == b'{';
                if !cursor.pass(if object { b'}' } else { b']' }) {
                    level += 1;
                    objects = objects << 1 | u64::from(object);
                    if object {
                        cursor.name()?;
                    }
                    continue;
                }
            }
            Some(b't') => cursor.word(b"true")?,
            Some(b'f') => cursor.word(b"false")?,
            Some(b'n') => cursor.word(b"null")?,
            _ => return Err(cursor.wrong()),
        }
        // A value has ended, and with it perhaps what it is in.
        loop {
            if level == 0 {
                return Ok(cursor.at);
            }
            cursor.space();
            let object = objects & 1 == 1;
            if cursor.pass(b',') {
                cursor.space();
                if object {
                    cursor.name()?;
                }
                break;
            }
            cursor.expect(if object { b'}' } else { b']' })?;
            level -= 1;
            objects >>= 1;
        }
    }
}

#[cold]
fn wrong(text: &[u8], at: usize) -> Malformed {
    if at < text.len() { Malformed::Invalid } else { Malformed::Truncated }
}

/// Passes bytes of a string that stand for themselves, as long as there are eight to look at.
#[inline(always)]
fn pass_plain(text: &[u8], mut at: usize) -> usize {
    while let Some(eight) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let plain = plain_bytes(u64::from_le_bytes(*eight));
        at += plain;
        if plain < 8 {
            break;
        }
    }
    at
}

/// Goes on in a string that does not end here: where it has ended, and whether there are escapes in the rest of it.
#[inline(never)]
fn rest_of_string(text: &[u8], mut at: usize) -> Result<(usize, bool), Malformed> {
    let mut escaped = false;
    loop {
        match text.get(at) {
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = pass_plain(text, escape(text, at + 1)?);
            }
            Some(0..0x20) | None => return Err(wrong(text, at)),
            Some(_) => at += 1,
        }
    }
}

/// Passes what belongs to a backslash.
fn escape(text: &[u8], at: usize) -> Result<usize, Malformed> {
    match text.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => match text.get(at + 1..at + 5) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 5),
            Some(_) => Err(Malformed::Invalid),
            None => Err(Malformed::Truncated),
        },
        _ => Err(wrong(text, at)),
    }
}

/// Passes at least one digit.
#[inline(always)]
fn some_digits(text: &[u8], start: usize) -> Result<usize, Malformed> {
    let mut at = start;
    while let Some(b'0'..=b'9') = text.get(at) {
        at += 1;
    }
    if at > start { Ok(at) } else { Err(wrong(text, at)) }
}

/// Passes what follows the integer of a number.
#[inline(never)]
fn fraction(text: &[u8], mut at: usize) -> Result<usize, Malformed> {
    if let Some(b'.') = text.get(at) {
        at = some_digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = some_digits(text, at)?;
    }
    Ok(at)
}

#[inline(never)]
fn pass_word(text: &[u8], at: usize, word: &[u8]) -> Result<usize, Malformed> {
    let rest = text.get(at..).unwrap_or_default();
    match rest.iter().zip(word).position(|(letter, expected)| letter != expected) {
        Some(_) => Err(Malformed::Invalid),
        None if rest.len() < word.len() => Err(Malformed::Truncated),
        None => Ok(at + word.len()),
    }
}

/// How many of the next eight bytes, from the lowest, are neither a quote nor a backslash nor a control character.
#[inline(always)]
fn plain_bytes(eight: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The high bit of each byte that is zero; above the first of them there may be others by mistake.
    let zeros = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes & HIGH;
    let quotes = zeros(eight ^ (ONES * b'"' as u64));
    let backslashes = zeros(eight ^ (ONES * b'\\' as u64));
    let controls = eight.wrapping_sub(ONES * 0x20) & !eight & HIGH;
    ((quotes | backslashes | controls).trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests;
