//! Types: structs are `msgspec.Struct`s, enums are enums, tagged unions, or what stands for them.

use super::{
    super::{
        model::{Content, Definition, Enum, Field, Kind, Struct, Tagging, Type, Variant},
        names::{Scope, snake, upper_snake},
        text::{Text, about, about_field},
    },
    MENTIONED, Python, RESERVED, bracketed, docstring, literal,
};
use serde_json::json;

/// Under this name the scope knows the type of a variant.
pub(super) fn variant_key(definition: &Definition, variant: &Variant) -> String {
    format!("{}::{}", definition.name, variant.name)
}

/// Under this name the scope knows the type of what is in a variant with fields.
pub(super) fn fields_key(definition: &Definition, variant: &Variant) -> String {
    format!("{}::{}::fields", definition.name, variant.name)
}

/// What a struct has besides fields.
const MEMBERS: &[&str] = &["self", "cls", "mro"];

impl Python<'_> {
    /// First what can be used in annotations before it exists, then what has to exist.
    pub(super) fn types(&self, text: &mut Text) {
        let has_choices = self.model.definitions.iter().any(|it| self.is_choice(it));
        if has_choices || !self.model.errors.is_empty() {
            text.lines(include_str!("convert.py"));
        }
        if has_choices {
            text.lines(include_str!("choice.py"));
        }
        for definition in &self.model.definitions {
            match &definition.kind {
                Kind::Enum(of) if of.tagging == Tagging::Units => self.words(text, definition, of),
                Kind::Struct(of) if of.rest.is_none() => {
                    let name = self.scope.of(&definition.name);
                    let said = about(&definition.doc, &[]);
                    self.class(text, name, "msgspec.Struct, omit_defaults=True, kw_only=True", &said, of);
                }
                _ => {}
            }
        }
        for definition in &self.model.definitions {
            if let Kind::Enum(of) = &definition.kind
                && of.tagging != Tagging::Units
            {
                of.variants.iter().for_each(|variant| self.variant(text, definition, of, variant));
            }
        }
        let mut waiting: Vec<&Definition> = self.model.definitions.iter().filter(|it| is_alias(it)).collect();
        if !waiting.is_empty() {
            text.line("");
        }
        while !waiting.is_empty() {
            let before = waiting.len();
            let names: Vec<&str> = waiting.iter().map(|it| it.name.as_str()).collect();
            waiting.retain(|definition| {
                let ready = self.is_choice(definition)
                    || !mentioned(definition).iter().any(|name| names.contains(name));
                if ready {
                    self.alias(text, definition, false);
                }
                !ready
            });
            if waiting.len() == before {
                // Types that hold themselves without a struct between.
                waiting.drain(..).for_each(|definition| self.alias(text, definition, true));
            }
        }
    }

    /// Whether msgspec has no form for an enum: then it is decoded by a class that stands for it.
    fn is_choice(&self, definition: &Definition) -> bool {
        matches!(&definition.kind, Kind::Enum(of) if matches!(of.tagging, Tagging::External | Tagging::Untagged))
    }

    fn words(&self, text: &mut Text, definition: &Definition, of: &Enum) {
        text.line("\n");
        text.block(format!("class {}(enum.StrEnum):", self.scope.of(&definition.name)), |text| {
            let said = about(&definition.doc, &[]);
            docstring(text, &said);
            if !said.is_empty() {
                text.blank();
            }
            let mut scope = Scope::default();
            for variant in &of.variants {
                let name = scope.give(&variant.name, upper_snake(&variant.name));
                text.line(format!("{name} = {}", literal(&json!(variant.name))));
                docstring(text, &about(&variant.doc, &[]));
            }
        });
    }

    fn class(&self, text: &mut Text, name: &str, bases: &str, said: &[String], of: &Struct) {
        text.line("\n");
        let bases: Vec<String> = bases.split(", ").map(str::to_owned).collect();
        bracketed(text, &format!("class {name}("), &bases, "):");
        text.inner(|text| {
            docstring(text, said);
            if !said.is_empty() && !of.fields.is_empty() {
                text.blank();
            }
            if said.is_empty() && of.fields.is_empty() {
                text.line("pass");
            }
            self.fields(text, &of.fields);
        });
    }

    fn fields(&self, text: &mut Text, fields: &[Field]) {
        let mut scope = Scope::without(&[RESERVED, MENTIONED, MEMBERS]);
        for field in fields {
            let name = scope.give(&field.name, snake(&field.name));
            let ty = self.ty(&field.ty);
            let renamed = (name != field.name).then(|| format!("name={}", literal(&json!(field.name))));
            let (ty, default) = match (field.required, field.ty.is_option() || field.ty == Type::Any) {
                (true, _) => (ty, None),
                (false, true) => (ty, Some("None")),
                (false, false) => (format!("{ty} | msgspec.UnsetType"), Some("msgspec.UNSET")),
            };
            let value = match (default, renamed) {
                (None, None) => String::new(),
                (Some(default), None) => format!(" = {default}"),
                (None, Some(renamed)) => format!(" = msgspec.field({renamed})"),
                (Some(default), Some(renamed)) => format!(" = msgspec.field(default={default}, {renamed})"),
            };
            text.line(format!("{name}: {ty}{value}"));
            let mut said = about_field(field);
            if field.doc.deprecated {
                said.push("Deprecated.".into());
            }
            docstring(text, &said);
        }
    }

    /// The class of a variant.
    fn variant(&self, text: &mut Text, definition: &Definition, of: &Enum, variant: &Variant) {
        let name = self.scope.of(&variant_key(definition, variant)).to_owned();
        let said = about(&variant.doc, &[]);
        let tagged =
            |tag: &str| format!("tag_field={}, tag={}", literal(&json!(tag)), literal(&json!(variant.name)));
        let inner_key = fields_key(definition, variant);
        let inner = |text: &mut Text, fields: &Struct| -> Type {
            let name = self.scope.of(&inner_key);
            self.class(text, name, "msgspec.Struct, omit_defaults=True, kw_only=True", &[], fields);
            Type::Named(inner_key.clone())
        };
        match (&of.tagging, &variant.content) {
            (Tagging::External, Content::Value(ty)) => {
                self.value_class(text, &name, "", &said, "value", &variant.name, ty);
            }
            (Tagging::External, Content::Fields(fields)) => {
                let ty = inner(text, fields);
                self.value_class(text, &name, "", &said, "value", &variant.name, &ty);
            }
            (Tagging::Adjacent { tag, content }, Content::Value(ty)) => {
                self.value_class(text, &name, &tagged(tag), &said, &snake(content), content, ty);
            }
            (Tagging::Adjacent { tag, content }, Content::Fields(fields)) => {
                let ty = inner(text, fields);
                self.value_class(text, &name, &tagged(tag), &said, &snake(content), content, &ty);
            }
            (Tagging::Internal { tag }, Content::Value(Type::Named(base))) => {
                let bases = format!("{}, {}", self.scope.of(base), tagged(tag));
                self.class(text, &name, &bases, &said, &Struct { fields: vec![], rest: None });
            }
            (Tagging::Internal { tag }, Content::Fields(fields)) => {
                let bases = format!("msgspec.Struct, {}, omit_defaults=True, kw_only=True", tagged(tag));
                self.class(text, &name, &bases, &said, fields);
            }
            (Tagging::Internal { tag } | Tagging::Adjacent { tag, .. }, Content::Unit) => {
                let bases = format!("msgspec.Struct, {}", tagged(tag));
                self.class(text, &name, &bases, &said, &Struct { fields: vec![], rest: None });
            }
            (Tagging::Untagged, Content::Fields(fields)) => {
                self.class(text, &name, "msgspec.Struct, omit_defaults=True, kw_only=True", &said, fields);
            }
            _ => {}
        }
    }

    /// A class that holds one value, under a name of its own on the wire.
    #[expect(clippy::too_many_arguments, reason = "all of it is text that is put together once")]
    fn value_class(
        &self,
        text: &mut Text,
        name: &str,
        tagged: &str,
        said: &[String],
        attribute: &str,
        wire: &str,
        ty: &Type,
    ) {
        text.line("\n");
        let bases = if tagged.is_empty() {
            "msgspec.Struct, forbid_unknown_fields=True".into()
        } else {
            format!("msgspec.Struct, {tagged}")
        };
        text.block(format!("class {name}({bases}):"), |text| {
            docstring(text, said);
            if !said.is_empty() {
                text.blank();
            }
            let renamed = match attribute == wire {
                true => String::new(),
                false => format!(" = msgspec.field(name={})", literal(&json!(wire))),
            };
            text.line(format!("{attribute}: {}{renamed}", self.ty(ty)));
            let constraints = ty.constraints();
            docstring(text, &if constraints.is_empty() { vec![] } else { vec![constraints.join(" ")] });
        });
    }

    /// What is another type under a name of its own.
    fn alias(&self, text: &mut Text, definition: &Definition, is_recursive: bool) {
        let name = self.scope.of(&definition.name).to_owned();
        let mut said = about(&definition.doc, &[]);
        text.line("");
        match &definition.kind {
            _ if is_recursive => {
                text.line(format!("{name}: TypeAlias = Any"));
                said.push("It holds itself, for which there is no type.".into());
            }
            Kind::Unit => {
                text.line(format!("{name}: TypeAlias = None | tuple[()]"));
                said.push("It has no content: None in JSON, an empty list in MessagePack.".into());
            }
            Kind::Alias(ty) => {
                text.line(format!("{name}: TypeAlias = {}", self.ty(ty)));
                said.extend(Some(ty.constraints().join(" ")).filter(|it| !it.is_empty()));
            }
            Kind::Struct(of) => {
                text.line(format!("{name}: TypeAlias = dict[str, {}]", self.common(of)));
                let fields =
                    of.fields.iter().map(|field| format!("`{}`: {}", field.name, self.ty(&field.ty)));
                let rest = of.rest.iter().map(|rest| format!("any other name: {}", self.ty(rest)));
                said.push(format!("Its members: {}.", fields.chain(rest).collect::<Vec<_>>().join(", ")));
            }
            Kind::Enum(of) if self.is_choice(definition) => self.choice(text, definition, &name, of),
            Kind::Enum(of) => {
                let names =
                    of.variants.iter().map(|it| self.scope.of(&variant_key(definition, it)).to_owned());
                union(text, &name, &names.collect::<Vec<_>>());
            }
        }
        docstring(text, &said);
    }

    /// The type of all members of a struct that has others beside those that it names.
    fn common(&self, of: &Struct) -> String {
        let mut types: Vec<String> = vec![];
        for ty in of.fields.iter().map(|field| &field.ty).chain(&of.rest) {
            let simple = matches!(ty.plain(), Type::Bool | Type::Int(_) | Type::Float64 | Type::Text);
            if !simple {
                return "Any".into();
            }
            let ty = match ty.plain() {
                Type::Int(_) => "int".into(),
                plain => self.ty(plain),
            };
            if !types.contains(&ty) {
                types.push(ty);
            }
        }
        types.join(" | ")
    }

    /// An enum for which msgspec has no form: a union for type checkers, a class that decodes it when it runs.
    fn choice(&self, text: &mut Text, definition: &Definition, name: &str, of: &Enum) {
        let class = |variant: &Variant| self.scope.of(&variant_key(definition, variant)).to_owned();
        let units: Vec<_> = of.variants.iter().filter(|it| matches!(it.content, Content::Unit)).collect();
        let words: Vec<_> = units.iter().map(|it| literal(&json!(it.name))).collect();
        if of.tagging == Tagging::External {
            let others: Vec<_> =
                of.variants.iter().filter(|it| !matches!(it.content, Content::Unit)).collect();
            let mut types = vec![];
            types.extend((!words.is_empty()).then(|| format!("Literal[{}]", words.join(", "))));
            types.extend(others.iter().map(|it| class(it)));
            text.block("if TYPE_CHECKING:", |text| union(text, name, &types));
            text.block("else:", |text| {
                let classes: Vec<_> =
                    others.iter().map(|it| format!("{}: {}", literal(&json!(it.name)), class(it))).collect();
                let words = format!("{{{}}}", words.join(", ")).replace("{}", "set()");
                let first = format!("{name} = _external({}, {words}, {{", literal(&json!(name)));
                if text.indentation() + first.len() + classes.join(", ").len() + 2 <= super::WIDTH {
                    return text.line(format!("{first}{}}})", classes.join(", ")));
                }
                text.block(format!("{name} = _external("), |text| {
                    text.line(format!("{},", literal(&json!(name))));
                    text.line(format!("{words},"));
                    text.block("{", |text| classes.iter().for_each(|class| text.line(format!("{class},"))));
                    text.line("},");
                });
                text.line(")");
            });
            return;
        }
        let types: Vec<_> = of
            .variants
            .iter()
            .map(|variant| match &variant.content {
                Content::Unit => "None".into(),
                Content::Fields(_) => class(variant),
                Content::Value(ty) => self.ty(ty),
            })
            .collect();
        text.block("if TYPE_CHECKING:", |text| union(text, name, &types));
        text.block("else:", |text| {
            // What comes later in the file is looked up when it is needed.
            let last = [literal(&json!(name)), format!("lambda: [{}]", types.join(", "))];
            bracketed(text, &format!("{name} = _untagged("), &last, ")");
        });
    }
}

fn union(text: &mut Text, name: &str, types: &[String]) {
    let line = format!("{name}: TypeAlias = {}", types.join(" | "));
    if text.indentation() + line.len() <= super::WIDTH {
        return text.line(line);
    }
    let joined = types.join(" | ");
    text.block(format!("{name}: TypeAlias = ("), |text| {
        if text.indentation() + joined.len() <= super::WIDTH {
            return text.line(joined);
        }
        for (at, ty) in types.iter().enumerate() {
            text.line(format!("{}{ty}", if at == 0 { "" } else { "| " }));
        }
    });
    text.line(")");
}

fn is_alias(definition: &Definition) -> bool {
    match &definition.kind {
        Kind::Struct(of) => of.rest.is_some(),
        Kind::Enum(of) => of.tagging != Tagging::Units,
        Kind::Alias(_) | Kind::Unit => true,
    }
}

/// The definitions that an alias needs to exist before it.
fn mentioned(definition: &Definition) -> Vec<&str> {
    fn walk<'t>(ty: &'t Type, found: &mut Vec<&'t str>) {
        match ty {
            Type::Named(name) => found.push(name),
            Type::Option(ty) | Type::List(ty) | Type::Set(ty) | Type::Array(ty, _) | Type::Map(_, ty) => {
                walk(ty, found);
            }
            Type::Held(ty, _) => walk(ty, found),
            Type::Tuple(parts) => parts.iter().for_each(|part| walk(part, found)),
            _ => {}
        }
    }
    let mut found = vec![];
    match &definition.kind {
        Kind::Alias(ty) => walk(ty, &mut found),
        // The classes of variants come before, and a class for an untagged enum looks things up later.
        Kind::Enum(_) | Kind::Struct(_) | Kind::Unit => {}
    }
    found
}
