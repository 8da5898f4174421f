//! Defences that can be switched off one by one, so that the abuse suite can show that it would notice.
//!
//! Only a build with `--cfg swill_weak` has the switches; its environment variable `SWILL_WEAK` names the defence that
//! is off. In any other build [`is_off`] is a constant, and nothing of this is left.

/// Whether this defence is switched off.
#[cfg(not(swill_weak))]
#[inline(always)]
pub(crate) const fn is_off(_defence: &str) -> bool {
    false
}

/// Whether this defence is switched off.
#[cfg(swill_weak)]
pub(crate) fn is_off(defence: &str) -> bool {
    static OFF: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("SWILL_WEAK").ok());
    OFF.as_deref() == Some(defence)
}

/// A table whose keys peers choose: its hash must be one that nobody can foresee.
pub(crate) type Table<K, V> = std::collections::HashMap<K, V, Keys>;

/// The hash of such tables: SipHash with random keys.
#[cfg(not(swill_weak))]
pub(crate) type Keys = std::hash::RandomState;

#[cfg(swill_weak)]
pub(crate) use foreseeable::Keys;

#[cfg(swill_weak)]
mod foreseeable {
    use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};

    /// The usual hash, or the sum of all bytes if the defence `random-keys` is off.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Keys(RandomState);

    pub(crate) enum Hash {
        Usual(DefaultHasher),
        Sum(u64),
    }

    impl BuildHasher for Keys {
        type Hasher = Hash;

        fn build_hasher(&self) -> Hash {
            if super::is_off("random-keys") { Hash::Sum(0) } else { Hash::Usual(self.0.build_hasher()) }
        }
    }

    impl Hasher for Hash {
        fn finish(&self) -> u64 {
            match self {
                Self::Usual(hasher) => hasher.finish(),
                Self::Sum(sum) => *sum,
            }
        }

        fn write(&mut self, bytes: &[u8]) {
            match self {
                Self::Usual(hasher) => hasher.write(bytes),
                Self::Sum(sum) => bytes.iter().for_each(|byte| *sum += u64::from(*byte)),
            }
        }
    }
}
