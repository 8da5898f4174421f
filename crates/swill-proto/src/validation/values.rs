//! What can be constrained how.

use crate::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    hash::BuildHasher,
};

/// What can be held against a limit: the integers of up to 64 bits, `f32` and `f64`. A float that is no number holds to
/// nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number that can have a limit",
    label = "not a number",
    note = "`gt`, `ge`, `lt`, `le` and `multiple_of` are for integers of up to 64 bits, `f32` and `f64`; for the length of \
            text, lists and maps there is `length(..)`, for elements `each(..)`"
)]
pub trait Number: Copy + PartialOrd {
    /// The number as a value.
    fn to_value(self) -> Value;

    /// Whether this is a multiple of another number.
    fn is_multiple_of(self, of: Self) -> bool;
}

macro_rules! integers {
    ($($type:ident as $wide:ident)*) => {$(
        impl Number for $type {
            fn to_value(self) -> Value {
                Value::from(self as $wide)
            }

            #[inline]
            fn is_multiple_of(self, of: Self) -> bool {
                // The lowest integer divided by -1 does not fit, but is a multiple.
                if of == 0 { self == 0 } else { self.wrapping_rem(of) == 0 }
            }
        }
    )*};
}

macro_rules! floats {
    ($($type:ident)*) => {$(
        impl Number for $type {
            fn to_value(self) -> Value {
                Value::from(self)
            }

            #[inline]
            fn is_multiple_of(self, of: Self) -> bool {
                // Decimal fractions are not exact: 0.3 is to be a multiple of 0.1.
                let times = self / of;
                (times - times.round()).abs() <= 4.0 * $type::EPSILON * times.abs().max(1.0)
            }
        }
    )*};
}

integers! {
    i8 as i64 i16 as i64 i32 as i64 i64 as i64 isize as i64
    u8 as u64 u16 as u64 u32 as u64 u64 as u64 usize as u64
}
floats! { f32 f64 }

/// What has a length.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no length",
    label = "no text, list or map",
    note = "`length(..)` is for text (its characters), lists (their elements) and maps (their entries); a limit of a number \
            is `gt`, `ge`, `lt` or `le`"
)]
pub trait Length {
    /// Characters, elements or entries.
    fn length(&self) -> usize;
}

impl Length for str {
    fn length(&self) -> usize {
        self.chars().count()
    }
}

impl Length for String {
    fn length(&self) -> usize {
        self.as_str().length()
    }
}

impl<T: Length + ?Sized> Length for &T {
    fn length(&self) -> usize {
        (**self).length()
    }
}

macro_rules! containers {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> Length for $type {
            #[inline]
            fn length(&self) -> usize {
                self.len()
            }
        }
    )*};
}

containers! {
    [T] [T];
    [T, const N: usize] [T; N];
    [T] Vec<T>;
    [T] VecDeque<T>;
    [T, S: BuildHasher] HashSet<T, S>;
    [T] BTreeSet<T>;
    [K, V, S: BuildHasher] HashMap<K, V, S>;
    [K, V] BTreeMap<K, V>;
    [] bytes::Bytes;
}

/// What can be in a time zone: RFC 3339 text, and the timestamps of MessagePack, which are UTC.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no point in time",
    label = "neither RFC 3339 text nor a timestamp",
    note = "`timezone` is for text such as `2026-01-31T12:00:00+01:00`, and for `swill::Value`"
)]
pub trait Zoned {
    /// Whether it is in this zone, written as an offset (`+01:00`, `Z`). `None` if it is no point in time.
    fn is_in_zone(&self, zone: &str) -> Option<bool>;
}

impl Zoned for str {
    fn is_in_zone(&self, zone: &str) -> Option<bool> {
        let (_, time) = self.split_once(['T', 't', ' '])?;
        let own = &time[time.find(['Z', 'z', '+', '-'])?..];
        Some(minutes(own)? == minutes(zone)?)
    }
}

impl Zoned for String {
    fn is_in_zone(&self, zone: &str) -> Option<bool> {
        self.as_str().is_in_zone(zone)
    }
}

impl Zoned for Value {
    fn is_in_zone(&self, zone: &str) -> Option<bool> {
        match self {
            Self::Text(text) => text.is_in_zone(zone),
            Self::Extension(-1, _) => Some(minutes(zone) == Some(0)),
            _ => None,
        }
    }
}

/// The minutes of an offset from UTC.
fn minutes(offset: &str) -> Option<i32> {
    let mut bytes = offset.bytes();
    let sign = match bytes.next()? {
        b'Z' | b'z' if offset.len() == 1 => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digit = |byte: Option<u8>| byte.filter(u8::is_ascii_digit).map(|byte| i32::from(byte - b'0'));
    let hours = digit(bytes.next())? * 10 + digit(bytes.next())?;
    let (b':', true) = (bytes.next()?, offset.len() == 6) else { return None };
    let minutes = digit(bytes.next())? * 10 + digit(bytes.next())?;
    Some(sign * (hours * 60 + minutes))
}
