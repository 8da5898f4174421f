use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
};

/// What a peer calls its request, as it is written: it goes back byte for byte, whatever it is.
#[derive(Clone)]
pub(super) struct Id(Bytes);

#[derive(Clone)]
enum Bytes {
    /// Most are numbers or UUIDs and need no memory of their own.
    Short(u8, [u8; Id::SHORT]),
    Long(Box<[u8]>),
}

impl Id {
    /// The longest id that is taken, in bytes as it is written.
    pub(super) const LONGEST: usize = 255;

    const SHORT: usize = 46;

    #[inline]
    pub(super) fn new(written: &[u8]) -> Self {
        let mut short = [0; Self::SHORT];
        match short.get_mut(..written.len()) {
            Some(front) => {
                front.copy_from_slice(written);
                Self(Bytes::Short(written.len() as u8, short))
            }
            None => Self(Bytes::Long(written.into())),
        }
    }

    #[inline]
    pub(super) fn written(&self) -> &[u8] {
        match &self.0 {
            Bytes::Short(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Bytes::Long(bytes) => bytes,
        }
    }
}

// Equal, and hashed, as the bytes are, so that tables can be asked with bytes.

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.written() == other.written()
    }
}

impl Eq for Id {}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written().hash(state);
    }
}

impl Borrow<[u8]> for Id {
    fn borrow(&self) -> &[u8] {
        self.written()
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.written().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shown_as_it_is_written() {
        for (written, shown) in [(&b"17"[..], "17"), (b"null", "null"), (b"\xcd\x01\x00", "\\xcd\\x01\\x00")]
        {
            assert_eq!(format!("{:?}", Id::new(written)), shown);
        }
    }
}
