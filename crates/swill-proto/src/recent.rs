use crate::Found;

/// The procedure that was called last, which is often the next one, too: comparing a name is cheaper than looking it
/// up. The directory does not change during a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent {
    name: [u8; Recent::LONGEST],
    length: u8,
    pub(crate) found: Found,
}

impl Recent {
    const LONGEST: usize = 31;

    pub(crate) fn new(name: &[u8], found: Found) -> Option<Self> {
        let mut front = [0; Self::LONGEST];
        front.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self { name: front, length: name.len() as u8, found })
    }

    #[inline]
    pub(crate) fn is(&self, name: &[u8]) -> bool {
        self.name.get(..usize::from(self.length)) == Some(name)
    }
}
