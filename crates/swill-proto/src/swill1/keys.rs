use std::hash::{BuildHasherDefault, Hasher};

/// Hashes numbers that this side gave out itself, one after the other: nobody can choose them to collide.
pub(crate) type OwnKeys = BuildHasherDefault<Spread>;

#[derive(Debug, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        // The golden ratio spreads neighbours over the upper bits; an odd factor keeps them apart in the lower ones.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
