//! Frames as bytes (RFC 6455, section 5.2), written so that every rule can be broken.

/// A continuation of a message.
pub(crate) const CONTINUATION: u8 = 0x0;
/// A message of text.
pub(crate) const TEXT: u8 = 0x1;
/// A message of bytes.
pub(crate) const BINARY: u8 = 0x2;
/// The end of a connection.
pub(crate) const CLOSE: u8 = 0x8;
/// "Are you there?"
pub(crate) const PING: u8 = 0x9;
/// "Yes."
pub(crate) const PONG: u8 = 0xA;

/// In how many bytes a length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// In the head's second byte.
    Seven,
    /// In two bytes more.
    Sixteen,
    /// In eight bytes more.
    SixtyFour,
}

/// A frame as a client sends it: final, masked and honest about its length, unless it is told not to be.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a> {
    opcode: u8,
    payload: &'a [u8],
    fin: bool,
    reserved: u8,
    key: Option<[u8; 4]>,
    announced: Option<u64>,
    width: Option<Width>,
}

impl<'a> Frame<'a> {
    /// A frame with any opcode, those that nobody has defined included.
    pub(crate) fn new(opcode: u8, payload: &'a [u8]) -> Self {
        // Any key is as good as another: this one shows payloads that were not unmasked.
        let key = Some([0x37, 0xFA, 0x21, 0x3D]);
        Self { opcode, payload, fin: true, reserved: 0, key, announced: None, width: None }
    }

    /// A close frame's payload is a code and a reason, or nothing.
    pub(crate) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes());
        payload
    }

    /// More of the message is to come.
    pub(crate) fn unfinished(mut self) -> Self {
        self.fin = false;
        self
    }

    /// Sets the three reserved bits, given as a number below eight; the first one is worth four.
    pub(crate) fn reserved(mut self, bits: u8) -> Self {
        self.reserved = bits & 0b111;
        self
    }

    /// Masked with this key. With zeros the payload is on the wire as it is.
    pub(crate) fn key(mut self, key: [u8; 4]) -> Self {
        self.key = Some(key);
        self
    }

    /// Not masked at all, as only servers may send.
    pub(crate) fn unmasked(mut self) -> Self {
        self.key = None;
        self
    }

    /// Says that it has that many bytes, whatever it has.
    pub(crate) fn announces(mut self, length: u64) -> Self {
        self.announced = Some(length);
        self
    }

    /// Writes its length in this many bytes, although fewer may do.
    pub(crate) fn width(mut self, width: Width) -> Self {
        self.width = Some(width);
        self
    }

    /// Writes it behind what is there.
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        let length = self.announced.unwrap_or(self.payload.len() as u64);
        let width = self.width.unwrap_or(match length {
            0..=125 => Width::Seven,
            126..=0xFFFF => Width::Sixteen,
            _ => Width::SixtyFour,
        });
        out.push(u8::from(self.fin) << 7 | self.reserved << 4 | self.opcode & 0xF);
        let mask = u8::from(self.key.is_some()) << 7;
        match width {
            Width::Seven => out.push(mask | (length & 0x7F) as u8),
            Width::Sixteen => {
                out.push(mask | 126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            Width::SixtyFour => {
                out.push(mask | 127);
                out.extend_from_slice(&length.to_be_bytes());
            }
        }
        let Some(key) = self.key else { return out.extend_from_slice(self.payload) };
        out.extend_from_slice(&key);
        let begin = out.len();
        out.extend_from_slice(self.payload);
        if key != [0; 4] {
            out[begin..].iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
    }

    /// Its bytes alone.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.payload.len() + 14);
        self.append(&mut out);
        out
    }
}

/// What a server has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) fin: bool,
    pub(crate) compressed: bool,
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// The first frame of what was read, and how many bytes it takes.
///
/// # Errors
///
/// It is none that a server may send.
pub(crate) fn take(read: &[u8]) -> Result<Option<(Received, usize)>, String> {
    let [first, second, rest @ ..] = read else { return Ok(None) };
    let (fin, reserved, opcode) = (first & 0x80 != 0, first >> 4 & 0b111, first & 0xF);
    if second & 0x80 != 0 {
        return Err("a server's frame is masked".into());
    }
    if reserved & 0b011 != 0 || !matches!(opcode, 0..=2 | 8..=10) {
        return Err(format!("a server's frame begins with {first:#04x}"));
    }
    let (head, length) = match second & 0x7F {
        126 => match rest {
            [a, b, ..] => (4, u64::from(u16::from_be_bytes([*a, *b]))),
            _ => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (10, u64::from_be_bytes(*length)),
            None => return Ok(None),
        },
        short => (2, u64::from(short)),
    };
    let shortest = match length {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    };
    if head != shortest {
        return Err(format!("a server writes the length {length} in a head of {head} bytes"));
    }
    if opcode & 0x8 != 0 && (length > 125 || !fin) {
        return Err(format!("a server's control frame has {length} bytes, or is not final"));
    }
    let end = head + usize::try_from(length).map_err(|_| "a server's frame does not fit into memory")?;
    if read.len() < end {
        return Ok(None);
    }
    let payload = read[head..end].to_vec();
    Ok(Some((Received { fin, compressed: reserved != 0, opcode, payload }, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_as_the_specification_shows() {
        // RFC 6455, section 5.7.
        assert_eq!(Frame::new(TEXT, b"Hello").unmasked().bytes(), b"\x81\x05Hello");
        let masked = Frame::new(TEXT, b"Hello").bytes();
        assert_eq!(masked, [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]);
        let long = Frame::new(BINARY, &[7; 256]).unmasked().unfinished().bytes();
        assert_eq!(long[..4], [0x02, 0x7E, 0x01, 0x00]);
        let lie = Frame::new(BINARY, b"").unmasked().announces(u64::MAX).reserved(0b100).bytes();
        assert_eq!(lie, [0xC2, 0x7F, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(Frame::new(PING, b"").unmasked().width(Width::Sixteen).bytes(), [0x89, 0x7E, 0, 0]);
    }

    #[test]
    fn frames_are_read_when_they_are_whole() {
        let mut read = b"\x81\x05Hell".to_vec();
        assert_eq!(take(&read), Ok(None));
        read.extend_from_slice(b"o\x8A");
        let (text, end) = take(&read).unwrap().unwrap();
        assert_eq!((text.fin, text.opcode, &text.payload[..]), (true, TEXT, &b"Hello"[..]));
        assert_eq!(read[end..], *b"\x8A");
        for bad in [&b"\x81\x80\0\0\0\0"[..], b"\x91\0", b"\x83\0", b"\x82\x7E\0\x01a", b"\x09\0"] {
            assert!(take(bad).is_err(), "{bad:?}");
        }
    }
}
