//! Says what is wrong with a value that did not fit its type: everything, each with its place.
//!
//! Decoders stop at the first misfit and know little of its place. So a value that failed is decoded once more, from a
//! neutral form, by a deserializer that watches. This is the error path: it may cost something, but not without bound.

mod misfit;
mod node;
mod watch;

pub(crate) use watch::{check, is_on};

use crate::{Error, Format, Rule, Step, Value, Violation};
use misfit::Misfit;
use node::Node;
use serde::de::DeserializeOwned;
use std::rc::Rc;
use watch::Watch;

/// How many violations are told at most.
pub(crate) const MOST: usize = 100;

/// How many values are looked at before the search for further misfits is given up. Whoever sends much that is wrong is
/// told less of it, and costs no more than what was sent.
const BUDGET: usize = 10_000;

/// What came of looking at a value that did not fit its type.
#[derive(Debug)]
pub struct Diagnosis<T> {
    /// The value, if all that failed were checks of fields that are not there and have defaults.
    pub value: Option<T>,
    /// All that is wrong, by paths that begin in the value.
    pub violations: Vec<Violation>,
    /// Whether checks were left out because their fields are not there.
    pub forgiven: bool,
}

impl<T: DeserializeOwned> Diagnosis<T> {
    /// Looks at a value. `format` is what it was written in: JSON has only text for the keys of maps.
    ///
    /// A list or a map is looked at to its end, as far as that can be done: its bad elements are left out one after the
    /// other, until the rest fits.
    #[cold]
    pub fn of(value: Value, format: Format) -> Self {
        let root = Rc::new(value);
        let mut misfits: Vec<Violation> = Vec::new();
        let mut left_out: Vec<Vec<Step>> = Vec::new();
        let mut visited = 0;
        loop {
            let watch = Watch::begin(Rc::clone(&root), left_out);
            let decoded = T::deserialize(Node::new(&root, format));
            let seen = watch.end();
            left_out = seen.left_out;
            visited += seen.visited;
            let next = match decoded {
                Ok(value) if misfits.is_empty() && seen.constraints.is_empty() => {
                    return Self { value: Some(value), violations: Vec::new(), forgiven: seen.forgiven };
                }
                Ok(_) => false,
                Err(Misfit { violation, .. }) => {
                    match left_out.iter_mut().find(|it| violation.path.starts_with(it)) {
                        // It cannot be left out, or is missed now: leave out what it is in.
                        Some(path) => path.pop().is_some() && !path.is_empty(),
                        None => {
                            let inside = !violation.path.is_empty();
                            left_out.push(violation.path.clone());
                            misfits.push(violation);
                            inside
                        }
                    }
                }
            };
            if !next || visited > BUDGET || misfits.len() >= MOST {
                misfits.extend(seen.constraints);
                return Self { value: None, violations: misfits, forgiven: seen.forgiven };
            }
        }
    }

    /// The value, or the error that a peer is told. `error` is what the first decoder said, for the case that there is
    /// nothing else to say.
    ///
    /// # Errors
    ///
    /// Code 422, with everything that is wrong.
    pub fn into_result(self, error: &dyn std::fmt::Display) -> crate::Result<T> {
        match self.value {
            Some(value) if self.forgiven => Ok(value),
            // Nothing wrong was found, but the first decoder knows better.
            Some(_) => Err(Error::invalid("", format!("the value does not fit: {error}"))),
            None => Err(Error::violations_of(self.violations)),
        }
    }
}

/// A value for a name that nobody knows.
pub fn unknown(name: &str, known: &[&str]) -> Violation {
    let path = vec![Step::Name(short(name).into())];
    let message = match known {
        [] => "is unknown: nothing is expected here".to_owned(),
        known => format!("is unknown: expected is `{}`", known.join("`, `")),
    };
    Violation::with_message(path, Rule::Unknown, message)
}

/// The beginning of a text that a peer has chosen.
fn short(text: &str) -> &str {
    match text.char_indices().nth(64) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}
