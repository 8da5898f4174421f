//! Writes a model down as a module of Python, for msgspec.

mod api;
mod types;

use super::{
    model::{Constraints, Content, Int, Key, Kind, Model, Type},
    names::{Scope, pascal},
    text::{Text, header},
};
use serde_json::Value;

/// The longest line, but for text that cannot be broken.
const WIDTH: usize = 100;

/// Words that cannot be names, and names of the language that one does not want to lose in a class.
const RESERVED: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// What annotations mention: something of this name in a class would come before it.
const MENTIONED: &[&str] = &[
    "bool", "bytes", "datetime", "dict", "enum", "float", "int", "list", "msgspec", "set", "str", "swill",
    "tuple", "uuid",
];

/// Names of types that mean something in the file.
const TYPES: &[&str] = &[
    "Annotated",
    "Any",
    "Api",
    "ArithmeticError",
    "AssertionError",
    "AsyncIterable",
    "AttributeError",
    "CallOptions",
    "Callable",
    "Char",
    "ClassVar",
    "ConnectionError",
    "Difference",
    "EOFError",
    "Error",
    "Exception",
    "ImportError",
    "IndexError",
    "Int16",
    "Int32",
    "Int64",
    "Int8",
    "Iterable",
    "KeyError",
    "Literal",
    "LookupError",
    "MemoryError",
    "NameError",
    "OSError",
    "OverflowError",
    "PermissionError",
    "Protocol",
    "RuntimeError",
    "Self",
    "Sending",
    "StreamOptions",
    "SyntaxError",
    "SystemError",
    "Talking",
    "TimeoutError",
    "TypeAlias",
    "TypeError",
    "TypeVar",
    "TypedDict",
    "UInt16",
    "UInt32",
    "UInt64",
    "UInt8",
    "Unpack",
    "ValueError",
    "Warning",
];

pub(super) struct Python<'m> {
    model: &'m Model,
    /// The names of types.
    scope: Scope,
}

pub(crate) fn emit(model: &Model) -> String {
    let mut scope = Scope::without(&[RESERVED, TYPES]);
    for definition in &model.definitions {
        scope.give(&definition.name, pascal(&definition.name));
    }
    for definition in &model.definitions {
        let Kind::Enum(of) = &definition.kind else { continue };
        for variant in &of.variants {
            let wanted = pascal(&format!("{}_{}", definition.name, variant.name));
            scope.give(&types::variant_key(definition, variant), &wanted);
            if let Content::Fields(_) = &variant.content {
                scope.give(&types::fields_key(definition, variant), format!("{wanted}Fields"));
            }
        }
    }
    for error in &model.errors {
        scope.give(&api::error_key(&error.name), &error.name);
    }
    let emitter = Python { model, scope };
    let mut body = Text::new("    ");
    emitter.types(&mut body);
    emitter.errors(&mut body);
    emitter.classes(&mut body);
    let body = body.finish();

    let mut text = Text::new("    ");
    for line in header(model, "python") {
        text.line(format!("# {line}"));
    }
    let title = if model.title.is_empty() { "A client" } else { &model.title };
    let mut said = vec![format!("{title}.").replace("..", ".")];
    said.extend((!model.description.is_empty()).then(|| model.description.clone()));
    docstring(&mut text, &said);
    text.blank();
    emitter.imports(&mut text, &body);
    text.lines(&body);
    text.finish()
}

/// The aliases of integers and characters.
const ALIASES: &[(&str, &str)] = &[
    ("Int8", "Annotated[int, msgspec.Meta(ge=-(2**7), lt=2**7)]"),
    ("Int16", "Annotated[int, msgspec.Meta(ge=-(2**15), lt=2**15)]"),
    ("Int32", "Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]"),
    ("Int64", "Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]"),
    ("UInt8", "Annotated[int, msgspec.Meta(ge=0, lt=2**8)]"),
    ("UInt16", "Annotated[int, msgspec.Meta(ge=0, lt=2**16)]"),
    ("UInt32", "Annotated[int, msgspec.Meta(ge=0, lt=2**32)]"),
    ("UInt64", "Annotated[int, msgspec.Meta(ge=0)]"),
    ("Char", "Annotated[str, msgspec.Meta(min_length=1, max_length=1)]"),
];

impl Python<'_> {
    fn imports(&self, text: &mut Text, body: &str) {
        let aliases: Vec<_> = ALIASES.iter().filter(|(name, _)| mentions(body, name)).collect();
        text.line("from __future__ import annotations");
        text.blank();
        for module in ["datetime", "enum", "uuid"] {
            if body.contains(&format!("{module}.")) {
                text.line(format!("import {module}"));
            }
        }
        let from = |text: &mut Text, module: &str, names: &[&str], needed: &[&str]| {
            let used = names.iter().filter(|name| mentions(body, name) || needed.contains(name));
            let used: Vec<_> = used.copied().collect();
            if used.is_empty() {
                return;
            }
            let line = format!("from {module} import {}", used.join(", "));
            if line.len() <= WIDTH {
                return text.line(line);
            }
            text.block(format!("from {module} import ("), |text| {
                used.iter().for_each(|name| text.line(format!("{name},")));
            });
            text.line(")");
        };
        from(text, "collections.abc", &["AsyncIterable", "Callable", "Iterable"], &[]);
        let needed: &[&str] = if aliases.is_empty() { &[] } else { &["Annotated"] };
        let typing = [
            "TYPE_CHECKING",
            "Annotated",
            "Any",
            "ClassVar",
            "Literal",
            "Protocol",
            "Self",
            "TypeAlias",
            "TypedDict",
            "TypeVar",
            "Unpack",
        ];
        from(text, "typing", &typing, needed);
        text.blank();
        text.line("import msgspec");
        text.line("import swill");
        if !aliases.is_empty() {
            text.blank();
            for (name, alias) in aliases {
                text.line(format!("{name} = {alias}"));
            }
        }
    }

    /// A type, as it stands in annotations and as an expression.
    fn ty(&self, ty: &Type) -> String {
        match ty {
            Type::Any => "Any".into(),
            Type::Null => "None".into(),
            Type::Bool => "bool".into(),
            Type::Int(int) => integer(*int),
            Type::Float32 | Type::Float64 => "float".into(),
            Type::Char => "Char".into(),
            Type::Text => "str".into(),
            Type::Bytes => "bytes".into(),
            Type::DateTime => "datetime.datetime".into(),
            Type::Date => "datetime.date".into(),
            Type::Time => "datetime.time".into(),
            Type::Uuid => "uuid.UUID".into(),
            Type::Const(Value::Bool(_)) => "bool".into(),
            Type::Const(value) => format!("Literal[{}]", literal(value)),
            Type::Option(ty) => format!("{} | None", self.ty(ty)),
            Type::Set(ty) if self.is_hashable(ty) => format!("set[{}]", self.ty(ty)),
            Type::List(ty) | Type::Set(ty) => format!("list[{}]", self.ty(ty)),
            Type::Array(ty, length) if *length <= 4 => {
                format!("tuple[{}]", vec![self.ty(ty); *length].join(", "))
            }
            Type::Array(ty, length) => format!(
                "Annotated[list[{}], msgspec.Meta(min_length={length}, max_length={length})]",
                self.ty(ty)
            ),
            Type::Tuple(parts) if parts.is_empty() => "tuple[()]".into(),
            Type::Tuple(parts) => {
                format!("tuple[{}]", parts.iter().map(|it| self.ty(it)).collect::<Vec<_>>().join(", "))
            }
            Type::Map(Key::Text, ty) => format!("dict[str, {}]", self.ty(ty)),
            Type::Map(Key::Int { .. }, ty) => format!("dict[int, {}]", self.ty(ty)),
            Type::Named(name) => self.scope.of(name).to_owned(),
            Type::Held(ty, constraints) => self.held(ty, constraints),
        }
    }

    fn is_hashable(&self, ty: &Type) -> bool {
        match self.model.bare(ty) {
            Type::Bool | Type::Int(_) | Type::Char | Type::Text | Type::Bytes | Type::Date | Type::Uuid => {
                true
            }
            Type::DateTime | Type::Time | Type::Float32 | Type::Float64 | Type::Const(_) => true,
            Type::Tuple(parts) => parts.iter().all(|part| self.is_hashable(part)),
            _ => false,
        }
    }

    /// What msgspec can check. Patterns are left to the server: those of Rust are not those of Python.
    fn held(&self, ty: &Type, constraints: &Constraints) -> String {
        let mut meta = vec![];
        let base = match ty {
            Type::Int(int) => {
                let (lowest, highest) = int.range();
                let number = |value: &Option<Value>| {
                    let value = value.as_ref()?;
                    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
                };
                let least =
                    number(&constraints.minimum).or_else(|| number(&constraints.above).map(|it| it + 1));
                let most =
                    number(&constraints.maximum).or_else(|| number(&constraints.below).map(|it| it - 1));
                // Wider bounds are beyond msgspec, or go without saying.
                let least = Some(least.unwrap_or(lowest)).filter(|&least| least > i128::from(i64::MIN));
                let most = Some(most.unwrap_or(highest)).filter(|&most| most < i128::from(i64::MAX));
                meta.extend(least.map(|least| format!("ge={least}")));
                meta.extend(most.map(|most| format!("le={most}")));
                if let Some(step) = number(&constraints.multiple_of) {
                    meta.push(format!("multiple_of={step}"));
                }
                "int".to_owned()
            }
            Type::Float32 | Type::Float64 => {
                let mut add = |name: &str, value: &Option<Value>| {
                    meta.extend(value.as_ref().map(|value| format!("{name}={value}")));
                };
                match constraints.above {
                    Some(_) => add("gt", &constraints.above),
                    None => add("ge", &constraints.minimum),
                }
                match constraints.below {
                    Some(_) => add("lt", &constraints.below),
                    None => add("le", &constraints.maximum),
                }
                "float".to_owned()
            }
            _ => {
                meta.extend(constraints.shortest.map(|length| format!("min_length={length}")));
                meta.extend(constraints.longest.map(|length| format!("max_length={length}")));
                self.ty(ty)
            }
        };
        match meta.is_empty() {
            true => base,
            false => format!("Annotated[{base}, msgspec.Meta({})]", meta.join(", ")),
        }
    }
}

fn integer(int: Int) -> String {
    format!("{}Int{}", if int.signed { "" } else { "U" }, int.bits)
}

/// Whether a name stands in a program by itself.
fn mentions(body: &str, name: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    body.match_indices(name).any(|(at, _)| {
        let before = body[..at].chars().next_back();
        let after = body[at + name.len()..].chars().next();
        !before.is_some_and(|it| is_part(it) || it == '.') && !after.is_some_and(is_part)
    })
}

/// A value in the language.
fn literal(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Null => "None".into(),
        // JSON's escapes are Python's, but for what is beyond the first plane, which is written as it is.
        value => value.to_string(),
    }
}

/// What is said about the thing above.
fn docstring(text: &mut Text, paragraphs: &[String]) {
    let said = paragraphs.join("\n\n");
    let mark = if said.contains('\\') { "r" } else { "" };
    let said = said.replace("\"\"\"", "'''");
    let said = if said.ends_with('"') || said.ends_with('\\') { format!("{said} ") } else { said };
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    match &lines[..] {
        [] => {}
        [one] => text.line(format!("{mark}\"\"\"{one}{}\"\"\"", if said.ends_with(' ') { " " } else { "" })),
        [first, rest @ ..] => {
            text.line(format!("{mark}\"\"\"{first}"));
            rest.iter().for_each(|line| text.line(line));
            text.line("\"\"\"");
        }
    }
}

/// A call or the like: on one line, or with what is in its brackets one further in, or each on a line of its own.
fn bracketed(text: &mut Text, first: &str, inner: &[String], last: &str) {
    let joined = inner.join(", ");
    let fits = |width: usize, text: &Text| text.indentation() + width <= WIDTH;
    if fits(first.chars().count() + joined.chars().count() + last.chars().count(), text) || inner.is_empty() {
        return text.line(format!("{first}{joined}{last}"));
    }
    text.block(first, |text| {
        if fits(joined.chars().count(), text) && !joined.contains("**") {
            return text.line(joined);
        }
        inner.iter().for_each(|it| text.line(format!("{it},")));
    });
    text.line(last);
}
