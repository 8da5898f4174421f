use super::TYPE;
use crate::{
    Code, Directory, Error, Expected, Kind, Outgoing, Rule, Step, Value, Violation, scan::object::text,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What stands in a path for the value as a whole.
const ROOT: &str = "__root__";

/// What in our paths stands for a struct as a whole.
const WHOLE: &str = "*";

/// So many bytes of a type that is unknown are shown to whoever sent it.
const SHOWN: usize = 256;

/// Names that begin so belong to Swill, and are not told to those who look for a name.
const OWN: &str = "swill.";

#[derive(Serialize)]
struct Entry<'e> {
    loc: Location<'e>,
    msg: Cow<'e, str>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Detail<'e>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'e> {
    Limit { limit_value: Value },
    Multiple { multiple_of: &'e Value },
    Pattern { pattern: &'e str },
    Code { code: i64 },
    Const { given: Given<'e>, permitted: Vec<&'e str> },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Given<'e> {
    Whole(&'e RawValue),
    Text(String),
}

/// Where something is wrong.
enum Location<'e> {
    Type,
    Root,
    Path(Cow<'e, [Step]>),
}

impl Serialize for Location<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Place<'s> {
            Name(&'s str),
            Index(usize),
        }
        match self {
            Self::Type => [TYPE].serialize(serializer),
            Self::Root => [ROOT].serialize(serializer),
            Self::Path(steps) if steps.is_empty() => [ROOT].serialize(serializer),
            Self::Path(steps) => serializer.collect_seq(steps.iter().map(|step| match step {
                Step::Name(name) if **name == *WHOLE => Place::Name(ROOT),
                Step::Name(name) | Step::Key(name) => Place::Name(name),
                Step::Index(index) => Place::Index(*index),
            })),
        }
    }
}

/// Says that an event has no type, or none that is known.
#[cold]
pub(super) fn bad_type(given: Option<&[u8]>, directory: &dyn Directory, out: &mut dyn Outgoing) {
    let (msg, kind, ctx) = match given {
        None => ("field required".into(), "value_error.missing", None),
        Some(b"null") => ("none is not an allowed value".into(), "type_error.none.not_allowed", None),
        Some(given) => {
            let permitted: Vec<&str> =
                directory.names().into_iter().filter(|name| !name.starts_with(OWN)).collect();
            let listed: Vec<String> = permitted.iter().map(|name| format!("'{name}'")).collect();
            let msg = format!("unexpected value; permitted: {}", listed.join(", "));
            (Cow::Owned(msg), "value_error.const", Some(Detail::Const { given: shown(given), permitted }))
        }
    };
    write(&[Entry { loc: Location::Type, msg, r#type: kind, ctx }], out);
}

/// A value, or the beginning of a long one as text.
fn shown(given: &[u8]) -> Given<'_> {
    if given.len() <= SHOWN
        && let Ok(given) = serde_json::from_slice(given)
    {
        return Given::Whole(given);
    }
    let text = text(given).unwrap_or_else(|| String::from_utf8_lossy(given));
    Given::Text(format!("{}…", &text[..text.floor_char_boundary(SHOWN)]))
}

/// Says why a call has failed.
#[cold]
pub(super) fn failed(error: &Error, out: &mut dyn Outgoing) {
    if !error.violations().is_empty() {
        let entries: Vec<Entry<'_>> = error.violations().iter().map(violated).collect();
        return write(&entries, out);
    }
    let (loc, ctx) = match error.parameter() {
        Some(path) => (Location::Path(steps(path).into()), None),
        None => (Location::Root, Some(Detail::Code { code: error.code().0 })),
    };
    write(&[Entry { loc, msg: error.message().into(), r#type: "value_error", ctx }], out);
}

fn write(entries: &[Entry<'_>], out: &mut dyn Outgoing) {
    #[derive(Serialize)]
    struct Errors<'e> {
        errors: &'e [Entry<'e>],
    }
    // Texts and numbers can always be written.
    if let Ok(message) = serde_json::to_vec(&Errors { errors: entries }) {
        out.message(Kind::Text, &message);
    }
}

/// A violation in the words of pydantic, which clients of this protocol know.
fn violated(violation: &Violation) -> Entry<'_> {
    let limit = |limit: &Value| Some(Detail::Limit { limit_value: limit.clone() });
    let (r#type, msg, ctx): (_, Cow<'_, str>, _) = match &violation.rule {
        Rule::Missing => ("value_error.missing", "field required".into(), None),
        Rule::Unknown => ("value_error.extra", "extra fields not permitted".into(), None),
        Rule::NotNull(_) => ("type_error.none.not_allowed", "none is not an allowed value".into(), None),
        Rule::Type(Expected::Integer) => ("type_error.integer", "value is not a valid integer".into(), None),
        Rule::Type(Expected::Float) => ("type_error.float", "value is not a valid float".into(), None),
        Rule::Type(Expected::Bool) => {
            ("type_error.bool", "value could not be parsed to a boolean".into(), None)
        }
        Rule::Type(Expected::Text) => ("type_error.str", "str type expected".into(), None),
        Rule::Type(Expected::Bytes) => ("type_error.bytes", "byte type expected".into(), None),
        Rule::Type(Expected::List) => ("type_error.list", "value is not a valid list".into(), None),
        Rule::Type(Expected::Map) => ("type_error.dict", "value is not a valid dict".into(), None),
        Rule::Gt(number) => (
            "value_error.number.not_gt",
            format!("ensure this value is greater than {}", plain(number)).into(),
            limit(number),
        ),
        Rule::Ge(number) => (
            "value_error.number.not_ge",
            format!("ensure this value is greater than or equal to {}", plain(number)).into(),
            limit(number),
        ),
        Rule::Lt(number) => (
            "value_error.number.not_lt",
            format!("ensure this value is less than {}", plain(number)).into(),
            limit(number),
        ),
        Rule::Le(number) => (
            "value_error.number.not_le",
            format!("ensure this value is less than or equal to {}", plain(number)).into(),
            limit(number),
        ),
        Rule::MultipleOf(number) => (
            "value_error.number.not_multiple",
            format!("ensure this value is a multiple of {}", plain(number)).into(),
            Some(Detail::Multiple { multiple_of: number }),
        ),
        Rule::MinLength(length) => (
            "value_error.any_str.min_length",
            format!("ensure this value has at least {length} characters").into(),
            Some(Detail::Limit { limit_value: Value::from(*length as u64) }),
        ),
        Rule::MaxLength(beyond) => {
            // Ours is the first length that is too long, theirs the last one that is not.
            let length = beyond.saturating_sub(1);
            (
                "value_error.any_str.max_length",
                format!("ensure this value has at most {length} characters").into(),
                Some(Detail::Limit { limit_value: Value::from(length as u64) }),
            )
        }
        Rule::Pattern(pattern) => (
            "value_error.str.regex",
            format!("string does not match regex \"{pattern}\"").into(),
            Some(Detail::Pattern { pattern }),
        ),
        Rule::Type(_) => ("type_error", (&*violation.message).into(), None),
        Rule::Predicate | Rule::Timezone(_) | Rule::Custom => {
            ("value_error", (&*violation.message).into(), None)
        }
    };
    Entry { loc: Location::Path(Cow::Borrowed(&violation.path)), msg, r#type, ctx }
}

/// A limit as people write it.
fn plain(limit: &Value) -> String {
    serde_json::to_string(limit).unwrap_or_default()
}

/// The steps of a path that is written as [`Violation::path_text`] writes it.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (step, behind) = match rest.strip_prefix('[') {
            Some(inside) => bracketed(inside).unwrap_or_else(|| (Step::Name(rest.into()), "")),
            None => {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                (Step::Name(rest[..end].into()), &rest[end..])
            }
        };
        steps.push(step);
        rest = behind.strip_prefix('.').unwrap_or(behind);
    }
    steps
}

/// An index or a key, whose bracket has been opened, and what follows.
fn bracketed(inside: &str) -> Option<(Step, &str)> {
    if !inside.starts_with('"') {
        let (index, behind) = inside.split_once(']')?;
        return Some((Step::Index(index.parse().ok()?), behind));
    }
    // The characters that Rust escapes and the way it does are JSON's for all that is usual in a key.
    let mut keys = serde_json::Deserializer::from_str(inside).into_iter::<String>();
    let key = keys.next()?.ok()?;
    let behind = inside.get(keys.byte_offset()..)?.strip_prefix(']')?;
    Some((Step::Key(key.into()), behind))
}

/// An error list as it comes to a client.
#[derive(Deserialize)]
struct Heard {
    #[serde(default)]
    loc: Vec<Place>,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    ctx: Context,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Place {
    Index(usize),
    Name(Box<str>),
}

#[derive(Default, Deserialize)]
struct Context {
    code: Option<i64>,
    limit_value: Option<Value>,
    multiple_of: Option<Value>,
    pattern: Option<Box<str>>,
}

/// The error that an error list tells of.
#[cold]
pub(super) fn heard(list: &[u8]) -> Error {
    let Ok(mut entries) = serde_json::from_slice::<Vec<Heard>>(list) else {
        return Error::new(Code::INTERNAL, "the call failed; the server's reasons cannot be read");
    };
    if let [only] = &mut entries[..]
        && only.r#type == "value_error"
    {
        let msg = std::mem::take(&mut only.msg);
        let path = Violation::new(path(std::mem::take(&mut only.loc)), Rule::Custom).path_text();
        return match only.ctx.code {
            Some(code) if path == WHOLE => Error::new(code, msg),
            _ => Error::invalid(path, msg),
        };
    }
    Error::violations_of(entries.into_iter().map(understood).collect())
}

fn path(loc: Vec<Place>) -> Vec<Step> {
    let step = |place| match place {
        Place::Name(name) if *name == *ROOT => Step::Name(WHOLE.into()),
        Place::Name(name) => Step::Name(name),
        Place::Index(index) => Step::Index(index),
    };
    loc.into_iter().map(step).collect()
}

fn understood(entry: Heard) -> Violation {
    let Context { limit_value, multiple_of, pattern, .. } = entry.ctx;
    let limit = limit_value.unwrap_or_default();
    let length = usize::try_from(limit.as_i64().unwrap_or_default()).unwrap_or_default();
    let rule = match entry.r#type.as_str() {
        "value_error.missing" => Rule::Missing,
        "value_error.extra" => Rule::Unknown,
        "type_error.none.not_allowed" => Rule::NotNull(Expected::Other),
        "type_error.integer" => Rule::Type(Expected::Integer),
        "type_error.float" => Rule::Type(Expected::Float),
        "type_error.bool" => Rule::Type(Expected::Bool),
        "type_error.str" => Rule::Type(Expected::Text),
        "type_error.bytes" => Rule::Type(Expected::Bytes),
        "type_error.list" => Rule::Type(Expected::List),
        "type_error.dict" => Rule::Type(Expected::Map),
        "type_error" => Rule::Type(Expected::Other),
        "value_error.number.not_gt" => Rule::Gt(limit),
        "value_error.number.not_ge" => Rule::Ge(limit),
        "value_error.number.not_lt" => Rule::Lt(limit),
        "value_error.number.not_le" => Rule::Le(limit),
        "value_error.number.not_multiple" => Rule::MultipleOf(multiple_of.unwrap_or_default()),
        "value_error.any_str.min_length" => Rule::MinLength(length),
        "value_error.any_str.max_length" => Rule::MaxLength(length.saturating_add(1)),
        "value_error.str.regex" => Rule::Pattern(pattern.unwrap_or_default()),
        _ => Rule::Custom,
    };
    Violation::with_message(path(entry.loc), rule, entry.msg)
}
