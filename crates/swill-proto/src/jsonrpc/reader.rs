use crate::scan::{DEPTH, Malformed, messagepack};

/// Reads MessagePack from its front.
pub(super) struct Reader<'m> {
    pub(super) rest: &'m [u8],
}

impl<'m> Reader<'m> {
    /// Passes the head of a map, if that is next: its number of pairs.
    #[inline]
    pub(super) fn map(&mut self) -> Option<usize> {
        self.container(0x80, 0xde)
    }

    /// Passes the head of an array, if that is next: its number of elements.
    pub(super) fn array(&mut self) -> Option<usize> {
        self.container(0x90, 0xdc)
    }

    /// Passes the head of a container whose short form begins at `short`, and whose longer forms are `wide` and the next.
    #[inline]
    fn container(&mut self, short: u8, wide: u8) -> Option<usize> {
        let &marker = self.rest.first()?;
        let digits = match marker {
            _ if marker & 0xf0 == short => {
                self.rest = &self.rest[1..];
                return Some(usize::from(marker & 0x0f));
            }
            _ if marker == wide => 2,
            _ if marker == wide + 1 => 4,
            _ => return None,
        };
        let announced = self.rest.get(1..=digits)?;
        let announced = announced.iter().fold(0, |number, &digit| number << 8 | usize::from(digit));
        self.rest = &self.rest[1 + digits..];
        Some(announced)
    }

    /// Passes a value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<&'m [u8], Malformed> {
        let end = messagepack::skip(self.rest, DEPTH)?;
        let (value, rest) = self.rest.split_at_checked(end).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(value)
    }
}
