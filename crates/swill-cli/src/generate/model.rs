//! What clients are generated from: a description whose schemas have been understood, in the words of no language.
//!
//! [`reader`](super::reader) makes it; the languages write it down. All names in here are those of the description.

use serde_json::Value;

/// An app, as clients see it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) description: String,
    /// The hash of the contract.
    pub(crate) hash: String,
    /// All types with a name, those of the description and those that had to be given one; in the order of their names.
    pub(crate) definitions: Vec<Definition>,
    /// Errors with a name, in the order of their names.
    pub(crate) errors: Vec<Failure>,
    /// The procedures: those of no module, and the modules.
    pub(crate) root: Module,
    /// What could not be understood, and where.
    pub(crate) warnings: Vec<String>,
}

/// A type with a name.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) doc: Doc,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Struct(Struct),
    Enum(Enum),
    /// Another type under a name of its own: a newtype, for example.
    Alias(Type),
    /// A unit struct: nothing, but with a name.
    Unit,
}

/// Fields by their names.
#[derive(Clone, Debug)]
pub(crate) struct Struct {
    /// In the order of the description.
    pub(crate) fields: Vec<Field>,
    /// What else may be there, under any name.
    pub(crate) rest: Option<Type>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name on the wire.
    pub(crate) name: String,
    pub(crate) doc: Doc,
    pub(crate) required: bool,
    pub(crate) ty: Type,
}

#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) tagging: Tagging,
    pub(crate) variants: Vec<Variant>,
}

/// How to tell variants apart, in the words of serde.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tagging {
    /// All variants are texts.
    Units,
    /// `"Empty"`, `{"Text": "a"}`.
    External,
    /// `{"type": "moved", "x": 1}`.
    Internal { tag: String },
    /// `{"kind": "Text", "data": "a"}`.
    Adjacent { tag: String, content: String },
    /// By what is there.
    Untagged,
}

#[derive(Debug)]
pub(crate) struct Variant {
    /// Its name on the wire; in an untagged enum, a name that its type suggests.
    pub(crate) name: String,
    pub(crate) doc: Doc,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Unit,
    Value(Type),
    Fields(Struct),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// Any value.
    Any,
    Null,
    Bool,
    Int(Int),
    Float32,
    Float64,
    /// One character.
    Char,
    Text,
    Bytes,
    DateTime,
    Date,
    /// A time of the day.
    Time,
    Uuid,
    /// Always this value.
    Const(Value),
    /// A value or null.
    Option(Box<Type>),
    List(Box<Type>),
    Set(Box<Type>),
    /// A list of so many.
    Array(Box<Type>, usize),
    Tuple(Vec<Type>),
    /// A map whose keys are texts or integers.
    Map(Key, Box<Type>),
    /// The definition of this name.
    Named(String),
    /// A type whose values hold to something.
    Held(Box<Type>, Box<Constraints>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Key {
    Text,
    Int { signed: bool },
}

/// An integer of so many bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Int {
    pub(crate) bits: u32,
    pub(crate) signed: bool,
}

/// What holds for a value beyond its type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Constraints {
    pub(crate) minimum: Option<Value>,
    pub(crate) maximum: Option<Value>,
    pub(crate) above: Option<Value>,
    pub(crate) below: Option<Value>,
    pub(crate) multiple_of: Option<Value>,
    /// Characters of a text, elements of a list, entries of a map.
    pub(crate) shortest: Option<u64>,
    pub(crate) longest: Option<u64>,
    pub(crate) pattern: Option<String>,
    /// A format that no language has a type for.
    pub(crate) format: Option<String>,
    /// One of these values.
    pub(crate) one_of: Vec<Value>,
}

/// What is said to people.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Doc {
    /// Markdown.
    pub(crate) text: String,
    pub(crate) deprecated: bool,
    /// What it is if it is left out.
    pub(crate) default: Option<Value>,
    /// That the description was not understood here.
    pub(crate) unknown: bool,
}

/// An error that procedures announce.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// The message; what is in braces depends on the case.
    pub(crate) message: String,
    pub(crate) code: i64,
    /// What JSON-RPC peers get, if that is another code.
    pub(crate) json_rpc_code: i64,
    pub(crate) data: Option<Type>,
}

/// Procedures under a common name.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The last part of its name.
    pub(crate) name: String,
    /// The full name.
    pub(crate) path: String,
    pub(crate) doc: String,
    pub(crate) procedures: Vec<Procedure>,
    pub(crate) modules: Vec<Module>,
}

#[derive(Debug)]
pub(crate) struct Procedure {
    /// The last part of its name.
    pub(crate) name: String,
    /// The full name.
    pub(crate) path: String,
    pub(crate) doc: String,
    /// The hash of its contract.
    pub(crate) hash: String,
    pub(crate) parameters: Vec<Field>,
    /// The items of the stream in.
    pub(crate) items: Option<Field>,
    /// The answer, or each item of the stream out.
    pub(crate) result: Type,
    pub(crate) streams_out: bool,
    /// The names of errors.
    pub(crate) errors: Vec<String>,
    /// The metadata that it knows of, in sentences.
    pub(crate) metadata: Vec<String>,
    pub(crate) deadline_ms: Option<u64>,
}

impl Model {
    pub(crate) fn definition(&self, name: &str) -> Option<&Definition> {
        let at = self.definitions.binary_search_by(|it| it.name.as_str().cmp(name)).ok()?;
        self.definitions.get(at)
    }

    pub(crate) fn error(&self, name: &str) -> Option<&Failure> {
        self.errors.iter().find(|it| it.name == name)
    }

    /// A type without names and constraints around it.
    pub(crate) fn bare<'m>(&'m self, mut ty: &'m Type) -> &'m Type {
        // No chain is longer than there are definitions, unless it goes round in circles.
        for _ in 0..=self.definitions.len() {
            ty = match ty.plain() {
                Type::Named(name) => match self.definition(name).map(|it| &it.kind) {
                    Some(Kind::Alias(other)) => other,
                    _ => return ty.plain(),
                },
                other => return other,
            };
        }
        ty.plain()
    }
}

impl Module {
    /// This module and all inside of it, outer ones first.
    pub(crate) fn all(&self) -> Vec<&Module> {
        let mut all = vec![self];
        self.modules.iter().for_each(|module| all.extend(module.all()));
        all
    }
}

impl Type {
    /// Without what holds for its values.
    pub(crate) fn plain(&self) -> &Type {
        match self {
            Self::Held(ty, _) => ty.plain(),
            ty => ty,
        }
    }

    pub(crate) fn is_option(&self) -> bool {
        matches!(self.plain(), Self::Option(_))
    }

    /// What holds for its values and those inside, in sentences.
    pub(crate) fn constraints(&self) -> Vec<String> {
        fn walk(ty: &Type, of: &str, found: &mut Vec<String>) {
            match ty {
                Type::Held(ty, constraints) => {
                    if let Some(text) = constraints.text() {
                        found.push(format!("{of}{text}."));
                    }
                    walk(ty, of, found);
                }
                Type::Set(ty) => {
                    found.push(format!("{of}none comes twice."));
                    walk(ty, "each: ", found);
                }
                Type::Option(ty) => walk(ty, of, found),
                Type::List(ty) | Type::Array(ty, _) | Type::Map(_, ty) => walk(ty, "each: ", found),
                _ => {}
            }
        }
        let mut found = vec![];
        walk(self, "", &mut found);
        for text in &mut found {
            // All of it is ASCII.
            let first = text.get(..1).map(str::to_uppercase).unwrap_or_default();
            text.replace_range(..first.len(), &first);
        }
        found
    }
}

impl Constraints {
    fn text(&self) -> Option<String> {
        let mut parts = vec![];
        let mut add = |what: &str, value: &Option<Value>| {
            if let Some(value) = value {
                parts.push(format!("{what} {value}"));
            }
        };
        add("at least", &self.minimum);
        add("at most", &self.maximum);
        add("more than", &self.above);
        add("less than", &self.below);
        add("a multiple of", &self.multiple_of);
        match (self.shortest, self.longest) {
            (Some(shortest), Some(longest)) if shortest == longest => parts.push(format!("{shortest} long")),
            (Some(shortest), Some(longest)) => parts.push(format!("{shortest} to {longest} long")),
            (Some(shortest), None) => parts.push(format!("at least {shortest} long")),
            (None, Some(longest)) => parts.push(format!("at most {longest} long")),
            (None, None) => {}
        }
        if let Some(pattern) = &self.pattern {
            parts.push(format!("matches `{pattern}`"));
        }
        if let Some(format) = &self.format {
            parts.push(format!("in the format `{format}`"));
        }
        if !self.one_of.is_empty() {
            let values: Vec<_> = self.one_of.iter().map(|value| format!("`{value}`")).collect();
            parts.push(format!("one of {}", values.join(", ")));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
