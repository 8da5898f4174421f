use crate::Value;
use std::{borrow::Cow, fmt};

/// One thing that is wrong with a value: where, what, and in words.
///
/// ```
/// use swill_proto::{Rule, Step, Violation};
///
/// let path = vec![Step::Name("customer".into()), Step::Name("name".into())];
/// let violation = Violation::new(path, Rule::MinLength(1));
/// assert_eq!(violation.path_text(), "customer.name");
/// assert_eq!(violation.message, "length less than 1");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Where: from the parameter, or from the whole value, inwards. By the names that are on the wire.
    pub path: Vec<Step>,
    /// What.
    pub rule: Rule,
    /// In words.
    pub message: Cow<'static, str>,
}

/// One step of a path into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A parameter, or a field of a struct. `*` stands for the struct as a whole.
    Name(Box<str>),
    /// An element of a list or tuple, counted from 0.
    Index(usize),
    /// The value under a key of a map.
    Key(Box<str>),
}

/// What a value has to hold to, and does not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// It has to be there.
    Missing,
    /// Nothing of that name is known.
    Unknown,
    /// It has to be of this type.
    Type(Expected),
    /// It may not be null. What is expected instead.
    NotNull(Expected),
    /// Greater than a limit.
    Gt(Value),
    /// Greater than a limit, or equal to it.
    Ge(Value),
    /// Less than a limit.
    Lt(Value),
    /// Less than a limit, or equal to it.
    Le(Value),
    /// A multiple of a number.
    MultipleOf(Value),
    /// At least so long: characters, elements, or entries.
    MinLength(usize),
    /// Shorter than this: the bound itself is too long already.
    MaxLength(usize),
    /// Matches a regular expression, which is anchored at the start only.
    Pattern(Box<str>),
    /// What a function of the application says.
    Predicate,
    /// Is in this time zone.
    Timezone(Box<str>),
    /// What a method of the type says, in words of its own.
    Custom,
}

/// The type that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// An integer.
    Integer,
    /// A number.
    Float,
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A list or tuple.
    List,
    /// A map or struct.
    Map,
    /// Anything else: a variant of an enum, a date, an address.
    Other,
}

impl Violation {
    /// A violation with the words that go with its rule.
    pub fn new(path: Vec<Step>, rule: Rule) -> Self {
        let message = rule.words();
        Self { path, rule, message }
    }

    /// A violation with other words.
    pub fn with_message(path: Vec<Step>, rule: Rule, message: impl Into<Cow<'static, str>>) -> Self {
        Self { path, rule, message: message.into() }
    }

    /// The path as text: `customer.name`, `lines[2].qty`, `prices["tea"]`.
    pub fn path_text(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Name(name) if text.is_empty() => text.push_str(name),
                Step::Name(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Step::Index(index) => text.push_str(&format!("[{index}]")),
                Step::Key(key) => text.push_str(&format!("[{key:?}]")),
            }
        }
        text
    }

    /// All violations as one tree, by their paths.
    ///
    /// ```text
    /// data := { field: [item, …], … }             "*" is the field of the struct as a whole
    /// item := { "description": text }
    ///       | { "index": n, "errors": [item] }    an element of a list or tuple, from 0
    ///       | { "key": k, "errors": [item] }      the value under a key of a map
    ///       | data                                of a struct inside
    /// ```
    pub fn tree(violations: &[Self]) -> Value {
        let paths: Vec<_> = violations.iter().map(|it| (&it.path[..], &*it.message)).collect();
        fields(&paths)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path_text() {
            path if path.is_empty() => f.write_str(&self.message),
            path => write!(f, "parameter `{path}`: {}", self.message),
        }
    }
}

type Paths<'v> = Vec<(&'v [Step], &'v str)>;

/// What lies below a struct, or below all parameters.
fn fields(violations: &[(&[Step], &str)]) -> Value {
    let mut order: Vec<(&str, Paths<'_>)> = Vec::new();
    for (path, message) in violations {
        let (name, rest) = match path {
            [Step::Name(name), rest @ ..] => (&**name, rest),
            // What concerns a value that has no name of its own.
            rest => ("*", *rest),
        };
        match order.iter_mut().find(|(known, _)| *known == name) {
            Some((_, below)) => below.push((rest, message)),
            None => order.push((name, vec![(rest, message)])),
        }
    }
    Value::Map(order.into_iter().map(|(name, below)| (name.into(), Value::List(items(&below)))).collect())
}

/// What lies below one value.
fn items(violations: &[(&[Step], &str)]) -> Vec<Value> {
    let mut items = Vec::new();
    let mut rest = violations;
    while let Some((path, message)) = rest.first() {
        let Some(first) = path.first() else {
            items.push(Value::Map(vec![("description".into(), (*message).into())]));
            rest = &rest[1..];
            continue;
        };
        // Those that are about the same thing lie next to each other.
        let same = rest.iter().take_while(|(path, _)| match (path.first(), first) {
            (Some(Step::Name(_)), Step::Name(_)) => true,
            (step, first) => step == Some(first),
        });
        let (below, others) = rest.split_at(same.count());
        rest = others;
        let inside = |below: &[(&[Step], &str)]| -> Value {
            let below: Paths<'_> = below.iter().map(|(path, message)| (&path[1..], *message)).collect();
            Value::List(self::items(&below))
        };
        items.push(match first {
            Step::Name(_) => fields(below),
            Step::Index(index) => Value::Map(vec![
                ("index".into(), Value::from(*index as u64)),
                ("errors".into(), inside(below)),
            ]),
            Step::Key(key) => {
                Value::Map(vec![("key".into(), Value::from(&**key)), ("errors".into(), inside(below))])
            }
        });
    }
    items
}

impl Rule {
    /// Whether it is a constraint on a value whose type is right.
    pub fn is_constraint(&self) -> bool {
        !matches!(self, Self::Missing | Self::Unknown | Self::Type(_) | Self::NotNull(_))
    }

    /// A short name that does not change: `gt`, `min_length`, `missing`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Type(_) => "type",
            Self::NotNull(_) => "not_null",
            Self::Gt(_) => "gt",
            Self::Ge(_) => "ge",
            Self::Lt(_) => "lt",
            Self::Le(_) => "le",
            Self::MultipleOf(_) => "multiple_of",
            Self::MinLength(_) => "min_length",
            Self::MaxLength(_) => "max_length",
            Self::Pattern(_) => "pattern",
            Self::Predicate => "predicate",
            Self::Timezone(_) => "timezone",
            Self::Custom => "custom",
        }
    }

    /// The limit, if the rule has one.
    pub fn limit(&self) -> Option<Value> {
        match self {
            Self::Gt(limit)
            | Self::Ge(limit)
            | Self::Lt(limit)
            | Self::Le(limit)
            | Self::MultipleOf(limit) => Some(limit.clone()),
            Self::MinLength(length) | Self::MaxLength(length) => Some(Value::from(*length as u64)),
            Self::Pattern(text) | Self::Timezone(text) => Some(Value::from(&**text)),
            Self::Missing
            | Self::Unknown
            | Self::Type(_)
            | Self::NotNull(_)
            | Self::Predicate
            | Self::Custom => None,
        }
    }

    fn words(&self) -> Cow<'static, str> {
        match self {
            Self::Missing => "is missing".into(),
            Self::Unknown => "is unknown".into(),
            Self::Type(expected) => format!("is not {expected}").into(),
            Self::NotNull(expected) => format!("is null, not {expected}").into(),
            Self::Gt(limit) => format!("less than or equal to {}", Plain(limit)).into(),
            Self::Ge(limit) => format!("less than {}", Plain(limit)).into(),
            Self::Lt(limit) => format!("greater than or equal to {}", Plain(limit)).into(),
            Self::Le(limit) => format!("greater than {}", Plain(limit)).into(),
            Self::MultipleOf(number) => format!("not a multiple of {}", Plain(number)).into(),
            Self::MinLength(length) => format!("length less than {length}").into(),
            Self::MaxLength(length) => format!("length greater than or equal to {length}").into(),
            Self::Pattern(pattern) => format!("Does not match pattern: {pattern}").into(),
            Self::Predicate => "failed predicate".into(),
            Self::Timezone(zone) => format!("not in time zone {zone}").into(),
            Self::Custom => "is not valid".into(),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "an integer",
            Self::Float => "a number",
            Self::Bool => "a boolean",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Other => "of the right kind",
        })
    }
}

/// A limit as people write it.
struct Plain<'v>(&'v Value);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Int(number) => number.fmt(f),
            Value::UInt(number) => number.fmt(f),
            Value::Float(number) => number.fmt(f),
            Value::Float32(number) => number.fmt(f),
            Value::Text(text) => text.fmt(f),
            other => write!(f, "{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(name: &str) -> Step {
        Step::Name(name.into())
    }

    #[test]
    fn a_tree_has_the_shape_of_the_value() {
        let ten = || Value::from(10);
        let violations = [
            Violation::new(vec![name("gt")], Rule::Gt(ten())),
            Violation::new(vec![name("customer"), name("name")], Rule::MinLength(1)),
            Violation::new(vec![name("customer"), name("age")], Rule::Ge(ten())),
            Violation::new(vec![name("lines"), Step::Index(1), name("qty")], Rule::Le(ten())),
            Violation::new(vec![name("tags"), Step::Index(2)], Rule::MaxLength(5)),
            Violation::new(vec![name("prices"), Step::Key("tea".into())], Rule::Lt(ten())),
            Violation::with_message(vec![name("*")], Rule::Custom, "high is below low"),
        ];
        let tree = serde_json::to_value(Violation::tree(&violations)).unwrap();
        let said = |text: &str| json!({ "description": text });
        assert_eq!(
            tree,
            json!({
                "gt": [said("less than or equal to 10")],
                "customer": [{ "name": [said("length less than 1")], "age": [said("less than 10")] }],
                "lines": [{ "index": 1, "errors": [{ "qty": [said("greater than 10")] }] }],
                "tags": [{ "index": 2, "errors": [said("length greater than or equal to 5")] }],
                "prices": [{ "key": "tea", "errors": [said("greater than or equal to 10")] }],
                "*": [said("high is below low")],
            })
        );
    }

    #[test]
    fn paths_are_written_as_in_programs() {
        let path = vec![name("order"), name("lines"), Step::Index(2), Step::Key("a b".into()), name("x")];
        assert_eq!(Violation::new(path, Rule::Missing).path_text(), r#"order.lines[2]["a b"].x"#);
    }
}
