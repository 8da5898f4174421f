//! Writes a model down as a module of TypeScript.

mod api;
mod types;

use super::{
    model::{Content, Key, Kind, Model, Type},
    names::{Scope, pascal},
    text::{Text, header},
};

/// The longest line, but for text that cannot be broken.
const WIDTH: usize = 110;

/// Words that cannot be names of functions, methods' parameters or properties of a class.
const RESERVED: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Names of types that mean something in the file.
const TYPES: &[&str] = &[
    "Any",
    "Api",
    "Array",
    "AsyncIterable",
    "Bytes",
    "Client",
    "CallOptions",
    "Difference",
    "Duplex",
    "Error",
    "Int64",
    "Items",
    "Map",
    "Number",
    "Object",
    "Promise",
    "Record",
    "Sender",
    "Set",
    "String",
    "Symbol",
    "SwillError",
    "Uint8Array",
];

/// How 64-bit integers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Int64 {
    /// `number | bigint`: a number where that is exact, a bigint beyond
    #[default]
    Auto,
    /// `number`: for clients with the option `int64: 'number'`
    Number,
}

/// What stands for maps whose keys are integers.
const INT_MAP: &str = "
/**
 * A map whose keys are integers. What is sent has to be a `Map`; what comes is an object instead if it is empty, and in
 * JSON-RPC: {@link toMap} makes a `Map` of either.
 */
export type IntMap<T> = Map<number, T> | Record<number, T>;

/** A map whose keys are integers, as a `Map`. */
export function toMap<T>(map: IntMap<T>): Map<number, T> {
  if (map instanceof Map) return map;
  return new Map(Object.entries(map).map(([key, value]) => [Number(key), value]));
}
";

struct TypeScript<'m> {
    model: &'m Model,
    /// The names of types.
    scope: Scope,
    int64: Int64,
}

pub(crate) fn emit(model: &Model, int64: Int64) -> String {
    let mut scope = Scope::without(&[RESERVED, TYPES]);
    for definition in &model.definitions {
        scope.give(&definition.name, pascal(&definition.name));
    }
    for definition in &model.definitions {
        let Kind::Enum(of) = &definition.kind else { continue };
        for variant in of.variants.iter().filter(|it| matches!(it.content, Content::Fields(_))) {
            let (full, wanted) = (
                types::variant_key(definition, variant),
                format!("{}{}", definition.name, pascal(&variant.name)),
            );
            scope.give(&full, pascal(&wanted));
        }
    }
    for error in &model.errors {
        scope.give(&api::error_key(&error.name), &error.name);
    }
    let emitter = TypeScript { model, scope, int64 };
    let mut text = Text::new("  ");
    for line in header(model, "typescript") {
        text.line(format!("// {line}"));
    }
    let mut types = Text::new("  ");
    emitter.types(&mut types);
    let mut rest = Text::new("  ");
    emitter.errors(&mut rest);
    emitter.procedures(&mut rest);
    emitter.classes(&mut rest);
    let (types, rest) = (types.finish(), rest.finish());
    text.blank();
    emitter.imports(&mut text, &rest);
    if format!("{types}{rest}").contains("Int64") && int64 == Int64::Auto {
        text.blank();
        text.line("/** An integer of 64 bits: a number where that is exact, a bigint beyond. */");
        text.line("export type Int64 = number | bigint;");
    }
    if format!("{types}{rest}").contains("IntMap<") {
        text.lines(INT_MAP);
    }
    text.lines(&types);
    text.lines(&rest);
    text.finish()
}

impl TypeScript<'_> {
    fn ty(&self, ty: &Type) -> String {
        match ty {
            Type::Any => "unknown".into(),
            Type::Null => "null".into(),
            Type::Bool => "boolean".into(),
            Type::Int(int) if int.bits > 32 && self.int64 == Int64::Auto => "Int64".into(),
            Type::Int(_) | Type::Float32 | Type::Float64 => "number".into(),
            Type::Char | Type::Text | Type::DateTime | Type::Date | Type::Time | Type::Uuid => {
                "string".into()
            }
            Type::Bytes => "Uint8Array".into(),
            Type::Const(serde_json::Value::String(word)) => quoted(word),
            Type::Const(value) => value.to_string(),
            Type::Option(ty) => format!("{} | null", self.ty(ty)),
            Type::List(ty) | Type::Set(ty) => self.list(ty),
            // A tuple tells the length where that helps.
            Type::Array(ty, length) if *length <= 4 => format!("[{}]", vec![self.ty(ty); *length].join(", ")),
            Type::Array(ty, _) => self.list(ty),
            Type::Tuple(parts) => {
                format!("[{}]", parts.iter().map(|it| self.ty(it)).collect::<Vec<_>>().join(", "))
            }
            Type::Map(Key::Text, ty) => format!("Record<string, {}>", self.ty(ty)),
            Type::Map(Key::Int { .. }, ty) => format!("IntMap<{}>", self.ty(ty)),
            Type::Named(name) => self.scope.of(name).to_owned(),
            Type::Held(ty, _) => self.ty(ty),
        }
    }

    fn list(&self, ty: &Type) -> String {
        let element = self.ty(ty);
        match element.contains(" | ") && !element.ends_with(['>', ']']) || element.contains(" | null") {
            true => format!("({element})[]"),
            false => format!("{element}[]"),
        }
    }
}

/// A text in single quotes.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::String(text.to_owned()).to_string();
    let inner = json.get(1..json.len() - 1).unwrap_or_default();
    format!("'{}'", inner.replace("\\\"", "\"").replace('\'', "\\'"))
}

/// The name of a member, as it is on the wire.
fn member(name: &str) -> String {
    let simple = name.starts_with(|it: char| it.is_ascii_alphabetic() || matches!(it, '_' | '$'))
        && name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '$'));
    if simple { name.to_owned() } else { quoted(name) }
}

/// A comment before something.
fn comment(text: &mut Text, paragraphs: &[String], deprecated: bool) {
    let mut lines: Vec<String> = vec![];
    for paragraph in paragraphs {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(paragraph.replace("*/", "*\\/").lines().map(|line| line.trim_end().to_owned()));
    }
    if deprecated {
        lines.push("@deprecated".into());
    }
    match &lines[..] {
        [] => {}
        [one] if text.indentation() + one.chars().count() + 7 <= WIDTH => text.line(format!("/** {one} */")),
        lines => {
            text.line("/**");
            for line in lines {
                text.line(format!(" * {line}").trim_end());
            }
            text.line(" */");
        }
    }
}
