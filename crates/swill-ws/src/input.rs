//! Bytes from the socket with a cursor.

/// What one read of the socket brought, and how far the machine has come in it.
///
/// Messages are unmasked in place, so the bytes before the cursor are no longer what came from the wire; the
/// bytes behind it are untouched. A driver may therefore stop at any event and go on later with a new `Input`
/// that starts at [`consumed`](Input::consumed).
///
/// ```
/// let mut bytes = [0x81, 0x00];
/// let mut input = swill_ws::Input::new(&mut bytes);
/// assert_eq!(input.remaining(), 2);
/// ```
#[derive(Debug)]
pub struct Input<'b> {
    pub(crate) bytes: &'b mut [u8],
    /// Never beyond `bytes.len()`.
    pub(crate) at: usize,
}

impl<'b> Input<'b> {
    /// Wraps bytes that no machine has seen yet.
    #[inline]
    pub fn new(bytes: &'b mut [u8]) -> Self {
        Input { bytes, at: 0 }
    }

    /// Bytes taken so far.
    #[inline]
    pub fn consumed(&self) -> usize {
        self.at
    }

    /// Bytes not taken yet.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether everything has been taken.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// What has not been taken yet.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Takes up to `most` bytes.
    pub(crate) fn take(&mut self, most: usize) -> &mut [u8] {
        let start = self.at;
        self.at += most.min(self.remaining());
        self.bytes.get_mut(start..self.at).unwrap_or_default()
    }

    /// Takes everything that is left and forgets it.
    pub(crate) fn discard(&mut self) {
        self.at = self.bytes.len();
    }
}

impl<'b> From<&'b mut [u8]> for Input<'b> {
    fn from(bytes: &'b mut [u8]) -> Self {
        Input::new(bytes)
    }
}
