//! The head of a frame (RFC 6455 §5.2), read and written. Knows nothing about messages.

use crate::mask::Key;
use crate::{Kind, Violation, weak};

/// The longest head: 2 bytes, 8 bytes of length, 4 bytes of key.
pub(crate) const LONGEST: usize = 14;
/// The largest payload of a control frame.
pub(crate) const CONTROL: usize = 125;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const MASKED: u8 = 0x80;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    /// The lower half of a frame's first byte; `None` for the reserved ones.
    fn new(byte: u8) -> Option<Self> {
        Some(match byte & 0x0f {
            0x0 => Opcode::Continuation,
            0x1 => Opcode::Text,
            0x2 => Opcode::Binary,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xa => Opcode::Pong,
            _ if weak::is_off("reserved-opcodes") => Opcode::Pong,
            _ => return None,
        })
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Opcode::Continuation => 0x0,
            Opcode::Text => 0x1,
            Opcode::Binary => 0x2,
            Opcode::Close => 0x8,
            Opcode::Ping => 0x9,
            Opcode::Pong => 0xa,
        }
    }

    pub(crate) fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }

    /// What kind of message a frame of this opcode starts.
    pub(crate) fn kind(self) -> Option<Kind> {
        match self {
            Opcode::Text => Some(Kind::Text),
            Opcode::Binary => Some(Kind::Binary),
            _ => None,
        }
    }
}

/// What the reader of a head has to know about the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// `MASKED` where frames have to be masked, 0 where they must not be.
    pub(crate) mask: u8,
    /// Whether the first reserved bit means "compressed".
    pub(crate) deflate: bool,
}

/// A head that keeps to the rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
    /// Zero if the frame is not masked.
    pub(crate) key: Key,
    /// Below 2^63.
    pub(crate) len: u64,
    /// Bytes of the head itself.
    pub(crate) size: usize,
}

impl Header {
    /// Reads a head from the start of `bytes`; `None` if they end before it does. What is wrong is said as
    /// soon as the bytes that show it are there.
    pub(crate) fn parse(bytes: &[u8], rules: Rules) -> Result<Option<Header>, Violation> {
        let &[first, second, ref rest @ ..] = bytes else {
            return Ok(None);
        };
        let Some(opcode) = Opcode::new(first) else {
            return Err(Violation::protocol("reserved opcode"));
        };
        let fin = first & FIN != 0;
        let compressed = first & RSV1 != 0;
        if (first & 0x30 != 0 || (compressed && !rules.deflate)) && !weak::is_off("reserved-bits") {
            return Err(Violation::protocol("reserved bit set"));
        }
        if compressed && opcode.kind().is_none() && !weak::is_off("reserved-bits") {
            return Err(Violation::protocol("compression bit on a frame that does not start a message"));
        }
        let mask = if weak::is_off("masked-frames") { second & MASKED } else { rules.mask };
        if second & MASKED != mask {
            return Err(Violation::protocol(if rules.mask == 0 {
                "masked frame from a server"
            } else {
                "unmasked frame from a client"
            }));
        }
        let short = second & !MASKED;
        if opcode.is_control() {
            if !fin && !weak::is_off("control-frames") {
                return Err(Violation::protocol("fragmented control frame"));
            }
            if usize::from(short) > CONTROL && !weak::is_off("control-frames") {
                return Err(Violation::protocol("control frame over 125 bytes"));
            }
        }
        let (len, rest, before) = match short {
            126 => {
                let Some((len, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                (u64::from(u16::from_be_bytes(*len)), rest, 126)
            }
            127 => {
                let Some((len, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                (u64::from_be_bytes(*len), rest, 1 << 16)
            }
            short => (u64::from(short), rest, 0),
        };
        if len >> 63 != 0 && !weak::is_off("frame-lengths") {
            return Err(Violation::protocol("length over 63 bits"));
        }
        if len < before && !weak::is_off("frame-lengths") {
            return Err(Violation::protocol("length not in its shortest form"));
        }
        let (key, rest) = if mask == 0 {
            (Key::default(), rest)
        } else {
            let Some((key, rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            (*key, rest)
        };
        Ok(Some(Header { fin, compressed, opcode, key, len, size: bytes.len() - rest.len() }))
    }
}

/// Bytes a head takes, without the key.
#[inline]
pub(crate) fn size(len: usize) -> usize {
    match len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// A head without the key: its bytes and how many of them count, which is [`size`]`(len)`.
#[inline]
pub(crate) fn encode(first: u8, mask: u8, len: usize) -> ([u8; 10], usize) {
    let mut head = [0; 10];
    head[0] = first;
    match len {
        0..=125 => {
            head[1] = mask | len as u8;
            (head, 2)
        }
        126..=0xffff => {
            head[1] = mask | 126;
            head[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            (head, 4)
        }
        _ => {
            head[1] = mask | 127;
            head[2..10].copy_from_slice(&(len as u64).to_be_bytes());
            (head, 10)
        }
    }
}
