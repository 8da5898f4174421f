//! What is wrong with the parameters of a call, all of it: the path of those that do not fit.

use crate::{Result, input::left_out};
use serde::de::{DeserializeOwned, value};
use std::fmt;
use swill_proto::{
    Error, Expected, Format, Payload, Rule, Step, Value, Violation,
    diagnose::{self, Diagnosis as One},
    scan,
};

/// Parameters that are looked at one by one.
pub(crate) struct Diagnosis<'n> {
    came: Came,
    format: Format,
    names: &'n [&'static str],
    violations: Vec<Violation>,
    forgiven: bool,
}

/// The form that they came in.
enum Came {
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Nothing,
}

impl<'n> Diagnosis<'n> {
    /// Looks at the parameters as a whole.
    ///
    /// # Errors
    ///
    /// They are no parameters.
    #[cold]
    pub(crate) fn of(payload: &Payload<'_>, names: &'n [&'static str]) -> Result<Self> {
        let came = match scan::neutral(payload.format(), payload.bytes()) {
            Some(Value::List(list)) => Came::List(list),
            Some(Value::Map(entries)) => Came::Map(entries),
            Some(Value::Nil) => Came::Nothing,
            Some(_) => return Err(Error::invalid("", no_parameters(names))),
            None => return Err(unreadable(payload.format())),
        };
        Ok(Self { came, format: payload.format(), names, violations: Vec::new(), forgiven: false })
    }

    /// Looks at one of them.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, at: usize) -> Option<T> {
        let name = self.names[at];
        let came = match &mut self.came {
            Came::List(list) => list.get_mut(at).map(std::mem::take),
            Came::Map(entries) => {
                let mut entries = entries.iter_mut().filter(|(key, _)| key.as_str() == Some(name));
                let came = entries.next().map(|(_, value)| std::mem::take(value));
                if entries.next().is_some() {
                    let rule = Rule::Type(Expected::Other);
                    self.violations.push(Violation::with_message(vec![step(name)], rule, "comes twice"));
                }
                came
            }
            Came::Nothing => None,
        };
        let Some(came) = came else {
            let left_out: Result<T, value::Error> = left_out();
            if left_out.is_err() {
                self.violations.push(Violation::new(vec![step(name)], Rule::Missing));
            }
            return left_out.ok();
        };
        let one = One::of(came, self.format);
        self.forgiven |= one.forgiven;
        self.violations.extend(one.violations.into_iter().map(|violation| below(name, violation)));
        one.value
    }

    /// Looks for those that are too many, and says what is wrong with all.
    ///
    /// # Errors
    ///
    /// Code 422, unless all that was wrong turned out to be right; `error` is what was said at first.
    pub(crate) fn finish(&mut self, error: &dyn fmt::Display) -> Result<()> {
        match &self.came {
            Came::List(list) if list.len() > self.names.len() => {
                let count = self.names.len();
                let path = vec![Step::Index(count)];
                let count = if count == 0 { "none".into() } else { count.to_string() };
                let message = format!("is one too many: the procedure takes {count}");
                self.violations.push(Violation::with_message(path, Rule::Unknown, message));
            }
            Came::Map(entries) => {
                let names = self.names;
                let unknown = entries.iter().filter_map(|(key, _)| match key.as_str() {
                    Some(name) if names.contains(&name) => None,
                    Some(name) => Some(unknown(name, names)),
                    None => Some(unknown(&format!("{key:?}"), names)),
                });
                self.violations.extend(unknown.take(UNKNOWN));
            }
            _ => {}
        }
        match self.violations.is_empty() {
            false => Err(Error::violations_of(std::mem::take(&mut self.violations))),
            true if self.forgiven => Ok(()),
            true => Err(Error::invalid("", format!("the parameters do not fit: {error}"))),
        }
    }
}

/// How many unknown names are told.
const UNKNOWN: usize = 100;

/// Looks at the one parameter that is the whole value. What is wrong inside of a struct is told by its fields, all else
/// by the parameter's name.
///
/// # Errors
///
/// Code 422, unless all that was wrong turned out to be right.
#[cold]
pub(crate) fn whole<T: DeserializeOwned>(
    payload: &Payload<'_>,
    name: &'static str,
    error: &dyn fmt::Display,
) -> Result<T> {
    let Some(value) = scan::neutral(payload.format(), payload.bytes()) else {
        return Err(unreadable(payload.format()));
    };
    if value.is_nil()
        && let Ok(value) = left_out::<T, value::Error>()
    {
        return Ok(value);
    }
    let mut one = One::of(value, payload.format());
    one.violations = one
        .violations
        .into_iter()
        .map(|violation| match violation.path.first() {
            Some(Step::Name(_)) => violation,
            _ => below(name, violation),
        })
        .collect();
    one.into_result(error)
}

fn unreadable(format: Format) -> Error {
    Error::invalid("", format!("the parameters are not {format}"))
}

fn no_parameters(names: &[&str]) -> String {
    match names {
        [] => "the procedure takes no parameters".into(),
        names => format!("the parameters are a list or a map of `{}`", names.join("`, `")),
    }
}

fn unknown(name: &str, names: &[&str]) -> Violation {
    let mut violation = diagnose::unknown(name, names);
    violation.message = match names {
        [] => "is unknown: the procedure takes none".into(),
        names => format!("is unknown: the procedure takes `{}`", names.join("`, `")).into(),
    };
    violation
}

fn step(name: &str) -> Step {
    Step::Name(name.into())
}

fn below(name: &str, mut violation: Violation) -> Violation {
    violation.path.insert(0, step(name));
    violation
}
