//! Writes a model down as a module of Rust, with serde.

mod api;
mod errors;
mod recursion;
mod types;

use super::{
    model::{Int, Key, Kind, Model, Type},
    names::{Scope, pascal},
    text::{Text, header},
};
use recursion::Recursion;

/// The longest line, but for text that cannot be broken.
const WIDTH: usize = 100;

/// Keywords, those to come included.
const RESERVED: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// Names of types and traits that mean something in the file.
const TYPES: &[&str] = &[
    "Api",
    "Arc",
    "BTreeMap",
    "BTreeSet",
    "Box",
    "Bytes",
    "Client",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Deserialize",
    "DeserializeOwned",
    "Difference",
    "Display",
    "Drop",
    "Eq",
    "Err",
    "Error",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "Hash",
    "Into",
    "Items",
    "Iterator",
    "None",
    "Ok",
    "One",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Request",
    "Result",
    "Send",
    "SendHalf",
    "Sender",
    "Serialize",
    "Sized",
    "Some",
    "String",
    "Sync",
    "TryFrom",
    "TryInto",
    "Value",
    "Vec",
];

/// What types of other crates are used.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Types of the crate `chrono` for dates and times, in place of texts
    #[arg(long)]
    chrono: bool,
    /// `uuid::Uuid` for UUIDs, in place of texts
    #[arg(long)]
    uuid: bool,
}

struct Rust<'m> {
    model: &'m Model,
    /// The names of types.
    scope: Scope,
    recursion: Recursion,
    options: Options,
}

pub(crate) fn emit(model: &Model, options: Options) -> String {
    let mut scope = Scope::without(&[RESERVED, TYPES]);
    for definition in &model.definitions {
        scope.give(&definition.name, pascal(&definition.name));
    }
    for procedure in model.root.all().iter().flat_map(|module| &module.procedures) {
        if !procedure.errors.is_empty() {
            let wanted = format!("{}Error", pascal(&procedure.path));
            scope.give(&errors::error_key(&procedure.path), wanted);
        }
    }
    let emitter = Rust { model, scope, recursion: Recursion::of(model), options };
    let mut body = Text::new("    ");
    emitter.types(&mut body);
    emitter.errors(&mut body);
    emitter.api(&mut body);
    let body = body.finish();

    let mut text = Text::new("    ");
    for line in header(model, "rust") {
        text.line(format!("// {line}"));
    }
    text.blank();
    text.line("#![allow(dead_code, reason = \"not every program needs all of it\")]");
    text.blank();
    imports(&mut text, &body);
    text.lines(&body);
    text.finish()
}

fn imports(text: &mut Text, body: &str) {
    let mentions = |name: &str| {
        let is_part = |it: char| it.is_alphanumeric() || it == '_';
        body.match_indices(name).any(|(at, _)| {
            let before = body[..at].chars().next_back();
            let after = body[at + name.len()..].chars().next();
            !before.is_some_and(|it| is_part(it) || it == ':') && !after.is_some_and(is_part)
        })
    };
    let from = |text: &mut Text, module: &str, names: &[&str]| {
        let used: Vec<_> =
            names.iter().filter(|name| mentions(name.rsplit("::").next().unwrap_or(name))).copied().collect();
        match &used[..] {
            [] => {}
            [one] => text.line(format!("use {module}::{one};")),
            many => {
                let line = format!("use {module}::{{{}}};", many.join(", "));
                if line.len() <= WIDTH {
                    return text.line(line);
                }
                text.block(format!("use {module}::{{"), |text| text.line(format!("{},", many.join(", "))));
                text.line("};");
            }
        }
    };
    from(text, "serde", &["de::DeserializeOwned", "Deserialize", "Serialize"]);
    from(text, "std::collections", &["BTreeMap", "BTreeSet"]);
    from(text, "std", &["fmt", "sync::Arc"]);
    let client =
        ["Bytes", "Client", "Error", "Items", "Protocol", "Request", "Result", "SendHalf", "Sender", "Value"];
    from(text, "swill_client", &client);
}

impl Rust<'_> {
    /// A type, as part of the definition of this name: where that would hold itself, a box is between.
    fn ty(&self, ty: &Type, within: Option<&str>) -> String {
        let inner = |ty: &Type| self.ty(ty, within);
        let outside = |ty: &Type| self.ty(ty, None);
        match ty {
            Type::Any => "Value".into(),
            Type::Null => "()".into(),
            Type::Bool | Type::Const(serde_json::Value::Bool(_)) => "bool".into(),
            Type::Int(int) => integer(*int).into(),
            Type::Float32 => "f32".into(),
            Type::Float64 => "f64".into(),
            Type::Char => "char".into(),
            Type::Bytes => "Bytes".into(),
            Type::DateTime if self.options.chrono => "chrono::DateTime<chrono::Utc>".into(),
            Type::Date if self.options.chrono => "chrono::NaiveDate".into(),
            Type::Time if self.options.chrono => "chrono::NaiveTime".into(),
            Type::Uuid if self.options.uuid => "uuid::Uuid".into(),
            Type::Const(serde_json::Value::Number(number)) if number.is_u64() => "u64".into(),
            Type::Const(serde_json::Value::Number(_)) => "i64".into(),
            Type::Text | Type::DateTime | Type::Date | Type::Time | Type::Uuid | Type::Const(_) => {
                "String".into()
            }
            Type::Option(ty) => format!("Option<{}>", inner(ty)),
            Type::Set(ty) if self.is_ordered(ty) => format!("BTreeSet<{}>", outside(ty)),
            Type::List(ty) | Type::Set(ty) => format!("Vec<{}>", outside(ty)),
            Type::Array(ty, length) => format!("[{}; {length}]", inner(ty)),
            Type::Tuple(parts) => tuple(&parts.iter().map(inner).collect::<Vec<_>>()),
            Type::Map(Key::Text, ty) => format!("BTreeMap<String, {}>", outside(ty)),
            Type::Map(Key::Int { signed: true }, ty) => format!("BTreeMap<i64, {}>", outside(ty)),
            Type::Map(Key::Int { signed: false }, ty) => format!("BTreeMap<u64, {}>", outside(ty)),
            Type::Named(name) => {
                let given = self.scope.of(name);
                match within.is_some_and(|owner| self.recursion.comes_back(name, owner)) {
                    true => format!("Box<{given}>"),
                    false => given.to_owned(),
                }
            }
            Type::Held(ty, _) => inner(ty),
        }
    }

    /// A type of a parameter: what is not small is borrowed.
    fn parameter(&self, ty: &Type) -> String {
        match ty.plain() {
            ty if self.is_copied(ty) => self.ty(ty, None),
            Type::Text | Type::DateTime | Type::Date | Type::Time | Type::Uuid | Type::Const(_) => {
                "&str".into()
            }
            Type::List(ty) => format!("&[{}]", self.ty(ty, None)),
            Type::Set(element) if !self.is_ordered(element) => format!("&[{}]", self.ty(element, None)),
            Type::Option(ty) => format!("Option<{}>", self.parameter(ty)),
            ty => format!("&{}", self.ty(ty, None)),
        }
    }

    fn is_copied(&self, ty: &Type) -> bool {
        match ty.plain() {
            Type::Null | Type::Bool | Type::Int(_) | Type::Float32 | Type::Float64 | Type::Char => true,
            Type::DateTime | Type::Date | Type::Time => self.options.chrono,
            Type::Uuid => self.options.uuid,
            Type::Option(ty) => self.is_copied(ty),
            Type::Const(value) => !value.is_string(),
            _ => false,
        }
    }

    fn is_ordered(&self, ty: &Type) -> bool {
        match ty.plain() {
            Type::Float32 | Type::Float64 | Type::Any => false,
            Type::Option(ty) | Type::List(ty) | Type::Array(ty, _) => self.is_ordered(ty),
            Type::Tuple(parts) => parts.iter().all(|part| self.is_ordered(part)),
            Type::Named(name) => {
                let kind = self.model.definition(name).map(|it| &it.kind);
                matches!(kind, Some(Kind::Enum(of)) if of.tagging == super::model::Tagging::Units)
            }
            _ => true,
        }
    }
}

fn integer(int: Int) -> &'static str {
    match (int.signed, int.bits) {
        (true, 8) => "i8",
        (true, 16) => "i16",
        (true, 32) => "i32",
        (true, _) => "i64",
        (false, 8) => "u8",
        (false, 16) => "u16",
        (false, 32) => "u32",
        (false, _) => "u64",
    }
}

fn tuple(parts: &[String]) -> String {
    match parts {
        [one] => format!("({one},)"),
        parts => format!("({})", parts.join(", ")),
    }
}

/// A text in the language.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|letter| match letter {
            '"' | '\\' => format!("\\{letter}"),
            letter if letter.is_control() => letter.escape_default().to_string(),
            letter => letter.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// Documentation of what follows.
fn doc(text: &mut Text, paragraphs: &[String]) {
    for (at, paragraph) in paragraphs.iter().enumerate() {
        if at > 0 {
            text.line("///");
        }
        for line in paragraph.lines() {
            text.line(format!("/// {line}").trim_end());
        }
    }
}
