//! The members of a JSON object, with their values left as they are written.

use super::{
    DEPTH, Malformed,
    json::{Cursor, Text},
};
use crate::weak;
use std::{borrow::Cow, collections::hash_map::Entry};

/// With so many members at most, comparing each with each is cheaper than a table, unless their names have escapes, which
/// would be taken out again and again.
const FEW: usize = 16;

/// A JSON object whose values have not been decoded. The text of all of it has been checked.
#[derive(Debug)]
pub(crate) struct Object<'m>(pub(crate) Vec<Member<'m>>);

/// One member of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'m> {
    key: Text<'m>,
    value: &'m [u8],
}

impl<'m> Object<'m> {
    /// Takes a text apart that must be one object, nested at most [`DEPTH`] levels.
    pub(crate) fn read(text: &'m [u8]) -> Result<Self, Malformed> {
        std::str::from_utf8(text).map_err(|_| Malformed::Invalid)?;
        let mut cursor = Cursor::new(text);
        cursor.space();
        cursor.expect(b'{')?;
        cursor.space();
        let mut members = Vec::new();
        if !cursor.pass(b'}') {
            members.reserve(4);
            loop {
                members.push(Member { key: cursor.name()?, value: cursor.value(DEPTH - 1)? });
                cursor.space();
                if cursor.pass(b'}') {
                    break;
                }
                cursor.expect(b',')?;
                cursor.space();
            }
        }
        cursor.end()?;
        Ok(Self(members))
    }

    /// The value of a member; of equal ones the last counts.
    pub(crate) fn get(&self, name: &str) -> Option<&'m [u8]> {
        self.0.iter().rev().find(|member| member.is(name)).map(|member| member.value)
    }

    /// Leaves out a member.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|member| !member.is(name));
        self
    }

    /// Keeps one of equal members: in the place of the first, with the value of the last.
    pub(crate) fn distinct(mut self) -> Self {
        let mut kept = 0;
        if self.0.len() <= FEW && self.0.iter().all(|member| !member.key.escaped) {
            for at in 0..self.0.len() {
                let member = self.0[at];
                match self.0[..kept].iter_mut().find(|other| other.key.raw == member.key.raw) {
                    Some(first) => first.value = member.value,
                    None => {
                        self.0[kept] = member;
                        kept += 1;
                    }
                }
            }
        } else {
            let mut places: weak::Table<Cow<'m, str>, usize> =
                weak::Table::with_capacity_and_hasher(self.0.len(), weak::Keys::default());
            for at in 0..self.0.len() {
                let member = self.0[at];
                match places.entry(member.name()) {
                    Entry::Occupied(place) => self.0[*place.get()].value = member.value,
                    Entry::Vacant(place) => {
                        place.insert(kept);
                        self.0[kept] = member;
                        kept += 1;
                    }
                }
            }
        }
        self.0.truncate(kept);
        self
    }

    /// Writes the object, its values as they were.
    pub(crate) fn write(&self) -> Vec<u8> {
        let members = self.0.iter().map(|it| it.key.raw.len() + it.value.len() + 4);
        let length = (1 + members.sum::<usize>()).max(2);
        let mut text = Vec::with_capacity(length);
        let mut before = b'{';
        for member in &self.0 {
            text.push(before);
            member.write_key(&mut text);
            text.push(b':');
            text.extend_from_slice(member.value);
            before = b',';
        }
        if self.0.is_empty() {
            text.push(before);
        }
        text.push(b'}');
        debug_assert_eq!(text.len(), length);
        text
    }
}

impl<'m> Member<'m> {
    /// The value, as it is written.
    pub(crate) fn value(&self) -> &'m [u8] {
        self.value
    }

    /// The key. One that is not valid Unicode is taken as it is written.
    pub(crate) fn name(&self) -> Cow<'m, str> {
        self.key.decode().unwrap_or_else(|_| String::from_utf8_lossy(self.key.raw))
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        if self.key.escaped { self.name() == name } else { self.key.raw == name.as_bytes() }
    }

    /// Writes the key in its quotes.
    pub(crate) fn write_key(&self, text: &mut Vec<u8>) {
        text.push(b'"');
        text.extend_from_slice(self.key.raw);
        text.push(b'"');
    }
}

/// The text that a JSON string stands for; `None` if it is no string, or not valid Unicode.
pub(crate) fn text(json: &[u8]) -> Option<Cow<'_, str>> {
    Cursor::new(json).string().ok()?.decode().ok()
}

/// Whether an object has a member of this name. The text must be valid JSON; only what this program has written should
/// come here.
pub(crate) fn has_member(object: &[u8], name: &str) -> bool {
    let (mut at, mut level, mut key) = (0, 0_usize, false);
    while let Some(byte) = object.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'{' | b'[' => {
                level += 1;
                key = level == 1;
            }
            b'}' | b']' => level = level.saturating_sub(1),
            b',' => key = level == 1,
            b'"' => {
                at = string_end(object, at);
                if key && text(&object[start..at]).is_some_and(|key| key == name) {
                    return true;
                }
                key = false;
            }
            _ => {}
        }
    }
    false
}

/// The place behind the quote that ends a string, whose content begins at `at`.
fn string_end(text: &[u8], mut at: usize) -> usize {
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Object<'_> {
        Object::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn members_keep_their_text_and_the_last_of_equal_ones_counts() {
        for (text, expected) in [
            ("{}", "{}"),
            (r#" { "a" : 1.50 , "b":[1, {"a":2}] } "#, r#"{"a":1.50,"b":[1, {"a":2}]}"#),
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
            (r#"{"a":1,"b":2,"\u0061":3,"t":4,"\u0074":5}"#, r#"{"a":3,"b":2}"#),
            (r#"{"\ud800":1,"\ud800":2}"#, r#"{"\ud800":2}"#),
            (r#"{"\u0061":1,"b":2,"a":3}"#, r#"{"\u0061":3,"b":2}"#),
            (r#"{"\u00e4":1,"\u00E4":2}"#, r#"{"\u00e4":2}"#),
            (r#"{"t":1}"#, "{}"),
        ] {
            let written = read(text).without("t").distinct().write();
            assert_eq!(String::from_utf8(written).unwrap(), expected);
        }
    }

    #[test]
    fn many_members_are_told_apart_as_few_are() {
        let many: Vec<String> = (0..100).map(|n| format!(r#""k{}":{n}"#, n % 40)).collect();
        let text = format!("{{{}}}", many.join(","));
        let object = read(&text).distinct();
        assert_eq!(object.0.len(), 40);
        for n in 0..40 {
            assert_eq!(object.0[n].name(), format!("k{n}"));
            let last = if n < 20 { n + 80 } else { n + 40 };
            assert_eq!(object.0[n].value(), last.to_string().as_bytes());
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in [
            "",
            "1",
            "[1]",
            "null",
            r#""a""#,
            "{",
            "{}}",
            r#"{"a"}"#,
            r#"{"a":1,}"#,
            r#"{1:2}"#,
            "{\"a\":\"\n\"}",
        ] {
            assert!(Object::read(text.as_bytes()).is_err(), "{text}");
        }
        let nested =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(Object::read(nested(64).as_bytes()).is_ok());
        assert!(Object::read(nested(65).as_bytes()).is_err());
    }

    #[test]
    fn only_members_of_the_object_itself_are_found() {
        for (text, expected) in [
            (r#"{"type":1}"#, true),
            (r#"{ "a" : [ {"type":1} ] , "type" : null }"#, true),
            (r#"{"a":{"type":1},"b":"type"}"#, false),
            (r#"{"a":["type","type"]}"#, false),
            (r#"{"a":"\"type\":1,","b":"\\"}"#, false),
            (r#"{"a":"\"","type":1}"#, true),
            (r#"{"\u0074ype":1}"#, true),
            (r#"{"types":1,"typ":2}"#, false),
            ("{}", false),
        ] {
            assert_eq!(has_member(text.as_bytes(), "type"), expected, "{text}");
        }
    }
}
