//! From the names of a description to those of a language: the same name for the same thing, whatever else there is.

use std::collections::{BTreeMap, BTreeSet};

/// A name as words: `firstName`, `first_name` and `first-name` are the same two. Nothing but letters and digits is
/// left.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![];
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, &letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(at + 1);
        let begins = letter.is_uppercase()
            && (before.is_some_and(|it| it.is_lowercase() || it.is_numeric())
                || before.is_some_and(|it| it.is_uppercase()) && after.is_some_and(|it| it.is_lowercase()));
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// What cannot begin a name gets something in front; no name at all becomes `nothing`.
fn begun(name: String, with: &str, nothing: &str) -> String {
    match name.chars().next() {
        Some(first) if !first.is_numeric() => name,
        Some(_) => format!("{with}{name}"),
        None => nothing.to_owned(),
    }
}

/// `PageOfPoint`: for types. What is in capitals stays so: `HTTPServer`.
pub(crate) fn pascal(name: &str) -> String {
    begun(words(name).iter().map(|word| capitalized(word)).collect(), "T", "Type")
}

/// `pageOfPoint`
pub(crate) fn camel(name: &str) -> String {
    let words = words(name);
    let rest = words.iter().skip(1).map(|word| capitalized(word));
    begun(words.first().map(|word| word.to_lowercase()).into_iter().chain(rest).collect(), "_", "value")
}

/// `page_of_point`
pub(crate) fn snake(name: &str) -> String {
    begun(words(name).join("_").to_lowercase(), "n", "value")
}

/// `PAGE_OF_POINT`
pub(crate) fn upper_snake(name: &str) -> String {
    begun(words(name).join("_").to_uppercase(), "N", "VALUE")
}

/// Names that are taken in one place: of types in a file, of fields in a struct.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    taken: BTreeSet<String>,
    /// What names of the description have become.
    given: BTreeMap<String, String>,
}

impl Scope {
    /// A place where these words mean something already.
    pub(crate) fn without(reserved: &[&[&str]]) -> Self {
        let taken = reserved.iter().flat_map(|words| words.iter()).map(|&word| word.to_owned()).collect();
        Self { taken, given: BTreeMap::new() }
    }

    /// The name for `of`. One that is taken gets `_` behind it, then a number.
    pub(crate) fn give(&mut self, of: &str, wanted: impl AsRef<str>) -> String {
        let wanted = wanted.as_ref();
        let mut name = wanted.to_owned();
        let mut number = 1;
        while self.taken.contains(&name) {
            name = if number == 1 { format!("{wanted}_") } else { format!("{wanted}_{number}") };
            number += 1;
        }
        self.taken.insert(name.clone());
        self.given.insert(of.to_owned(), name.clone());
        name
    }

    /// All names that have been given.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.given.values().map(String::as_str)
    }

    /// What [`give`](Self::give) has returned for this name.
    pub(crate) fn of<'s>(&'s self, name: &'s str) -> &'s str {
        self.given.get(name).map_or(name, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_words() {
        for (name, forms) in [
            ("first_name", ["FirstName", "firstName", "first_name", "FIRST_NAME"]),
            ("firstName", ["FirstName", "firstName", "first_name", "FIRST_NAME"]),
            ("two words", ["TwoWords", "twoWords", "two_words", "TWO_WORDS"]),
            ("dark-green", ["DarkGreen", "darkGreen", "dark_green", "DARK_GREEN"]),
            ("Page_of_string", ["PageOfString", "pageOfString", "page_of_string", "PAGE_OF_STRING"]),
            ("HTTPServer2", ["HTTPServer2", "httpServer2", "http_server2", "HTTP_SERVER2"]),
            ("2nd", ["T2nd", "_2nd", "n2nd", "N2ND"]),
            ("$id", ["Id", "id", "id", "ID"]),
            ("größe", ["Größe", "größe", "größe", "GRÖSSE"]),
            ("$", ["Type", "value", "value", "VALUE"]),
        ] {
            assert_eq!([pascal(name), camel(name), snake(name), upper_snake(name)], forms, "{name}");
        }
    }

    #[test]
    fn what_is_taken_is_told_apart() {
        let mut scope = Scope::without(&[&["type"]]);
        assert_eq!(scope.give("type", "type"), "type_");
        assert_eq!(scope.give("Type", "type"), "type_2");
        assert_eq!(scope.give("a", "a"), "a");
        assert_eq!((scope.of("Type"), scope.of("b")), ("type_2", "b"));
    }
}
