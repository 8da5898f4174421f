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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        collections::HashSet,
        hash::{BuildHasher, Hash},
    };

    fn hash(key: impl Hash) -> u64 {
        OwnKeys::default().hash_one(key)
    }

    #[test]
    fn neighbours_lie_apart() {
        // A table takes the lower bits for the place, and the upper ones to tell keys apart.
        let hashes: Vec<u64> = (0..1024).map(|number: u64| hash(number)).collect();
        let places: HashSet<u64> = hashes.iter().map(|hash| hash % 1024).collect();
        let marks: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
        assert_eq!((places.len(), marks.len()), (1024, 128));
    }

    #[test]
    fn every_part_of_a_key_counts() {
        let keys = [[0, 0], [0, 1], [1, 0], [1, 1], [2, 1], [1, 2], [3, 1], [1, 3]];
        let numbers: HashSet<u64> = keys.iter().map(|key| hash(key.map(u64::from))).collect();
        let bytes: HashSet<u64> = keys.iter().map(|key: &[u8; 2]| hash(key)).collect();
        assert_eq!((numbers.len(), bytes.len()), (keys.len(), keys.len()));
    }
}
