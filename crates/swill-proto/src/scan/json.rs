//! JSON text.

use super::Malformed;
use std::borrow::Cow;

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
                if level > depth {
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
        if self.at < self.text.len() { Malformed::Invalid } else { Malformed::Truncated }
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
        // Most strings are names: short, and without escapes.
        loop {
            match self.peek() {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Text { raw, escaped: false });
                }
                Some(b'\\') => return self.escaped_string(start),
                Some(0..0x20) | None => return Err(self.wrong()),
                Some(_) if self.at - start == LONG => return self.long_string(start),
                Some(_) => self.at += 1,
            }
        }
    }

    /// Goes on with a string that is worth more than a step for each byte.
    #[inline(never)]
    fn long_string(&mut self, start: usize) -> Result<Text<'t>, Malformed> {
        let mut escaped = false;
        loop {
            while let Some(eight) = self.text.get(self.at..).and_then(<[u8]>::first_chunk) {
                let plain = plain_bytes(u64::from_le_bytes(*eight));
                self.at += plain;
                if plain < 8 {
                    break;
                }
            }
            match self.peek() {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Text { raw, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..0x20) | None => return Err(self.wrong()),
                Some(_) => self.at += 1,
            }
        }
    }

    #[cold]
    fn escaped_string(&mut self, start: usize) -> Result<Text<'t>, Malformed> {
        self.long_string(start).map(|text| Text { escaped: true, ..text })
    }

    /// Passes a backslash and what belongs to it.
    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    match self.peek() {
                        Some(digit) if digit.is_ascii_hexdigit() => self.at += 1,
                        _ => return Err(self.wrong()),
                    }
                }
            }
            _ => return Err(self.wrong()),
        }
        Ok(())
    }

    #[inline(always)]
    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    /// Passes at least one digit.
    #[inline(always)]
    fn some_digits(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'0'..=b'9') => {
                self.digits();
                Ok(())
            }
            _ => Err(self.wrong()),
        }
    }

    #[inline(always)]
    fn number(&mut self) -> Result<(), Malformed> {
        self.pass(b'-');
        if !self.pass(b'0') {
            self.some_digits()?;
        }
        if let Some(b'.' | b'e' | b'E') = self.peek() {
            return self.fraction();
        }
        Ok(())
    }

    #[inline(never)]
    fn fraction(&mut self) -> Result<(), Malformed> {
        if self.pass(b'.') {
            self.some_digits()?;
        }
        if self.pass(b'e') || self.pass(b'E') {
            if !self.pass(b'+') {
                self.pass(b'-');
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Malformed> {
        for &letter in word {
            self.expect(letter)?;
        }
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
    /// Walks without recursion: a bit for each level says whether it is an object.
    ///
    /// # Errors
    ///
    /// What is wrong.
    #[inline]
    pub(crate) fn value(&mut self, depth: usize) -> Result<&'t [u8], Malformed> {
        debug_assert!(depth <= super::DEPTH);
        let start = self.at;
        let (mut level, mut objects) = (0, 0_u64);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(open @ (b'[' | b'{')) => {
                    if level == depth {
                        return Err(Malformed::TooDeep);
                    }
                    self.at += 1;
                    self.space();
                    let object = open == b'{';
                    if !self.pass(if object { b'}' } else { b']' }) {
                        level += 1;
                        objects = objects << 1 | u64::from(object);
                        if object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                _ => return Err(self.wrong()),
            }
            // A value has ended, and with it perhaps what it is in.
            loop {
                if level == 0 {
                    return Ok(&self.text[start..self.at]);
                }
                self.space();
                let object = objects & 1 == 1;
                if self.pass(b',') {
                    self.space();
                    if object {
                        self.name()?;
                    }
                    break;
                }
                self.expect(if object { b'}' } else { b']' })?;
                level -= 1;
                objects >>= 1;
            }
        }
    }
}

/// A string is long from so many bytes on.
const LONG: usize = 32;

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
