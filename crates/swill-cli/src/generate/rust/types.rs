//! Types: structs and enums, as serde would have written them.

use super::{
    super::{
        model::{Content, Definition, Enum, Field, Kind, Struct, Tagging, Type, Variant},
        names::{Scope, pascal, snake},
        text::{Text, about, about_field},
    },
    RESERVED, Rust, doc, quoted,
};

const DERIVE: &str = "#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]";
const DERIVE_SMALL: &str =
    "#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]";

/// The longest variant that is written on one line.
const SHORT: usize = 31;

impl Rust<'_> {
    pub(super) fn types(&self, text: &mut Text) {
        for definition in &self.model.definitions {
            text.line("");
            self.definition(text, definition);
        }
    }

    fn definition(&self, text: &mut Text, definition: &Definition) {
        let name = self.scope.of(&definition.name);
        let within = Some(definition.name.as_str());
        let mut said = about(&definition.doc, &[]);
        if definition.doc.deprecated {
            said.push("Deprecated.".into());
        }
        match &definition.kind {
            Kind::Struct(of) => {
                doc(text, &said);
                text.line(DERIVE);
                if of.fields.is_empty() && of.rest.is_none() {
                    return text.line(format!("pub struct {name} {{}}"));
                }
                text.block(format!("pub struct {name} {{"), |text| self.fields(text, of, "pub ", within));
                text.line("}");
            }
            Kind::Unit => {
                doc(text, &said);
                text.line(DERIVE_SMALL);
                text.line(format!("pub struct {name};"));
            }
            Kind::Alias(ty) => {
                said.extend(Some(ty.constraints().join(" ")).filter(|it| !it.is_empty()));
                doc(text, &said);
                self.newtype(text, name, ty, within);
            }
            Kind::Enum(of) => {
                doc(text, &said);
                self.enumeration(text, name, of, within);
            }
        }
    }

    fn newtype(&self, text: &mut Text, name: &str, ty: &Type, within: Option<&str>) {
        match ty.plain() {
            // Another name for a type with a name.
            Type::Named(_) => text.line(format!("pub type {name} = {};", self.ty(ty, None))),
            Type::Tuple(parts) if parts.len() > 1 => {
                let parts: Vec<_> =
                    parts.iter().map(|part| format!("pub {}", self.ty(part, within))).collect();
                text.line(DERIVE);
                text.line(format!("pub struct {name}({});", parts.join(", ")));
            }
            _ => {
                text.line(DERIVE);
                text.line("#[serde(transparent)]");
                text.line(format!("pub struct {name}(pub {});", self.ty(ty, within)));
            }
        }
    }

    fn fields(&self, text: &mut Text, of: &Struct, visibility: &str, within: Option<&str>) {
        let mut scope = Scope::without(&[RESERVED]);
        for field in &of.fields {
            self.field(text, field, &scope.give(&field.name, snake(&field.name)), visibility, within);
        }
        if let Some(rest) = &of.rest {
            text.line("/// Whatever else there is.");
            text.line("#[serde(flatten)]");
            let name = scope.give("", "rest");
            text.line(format!("{visibility}{name}: BTreeMap<String, {}>,", self.ty(rest, None)));
        }
    }

    fn field(&self, text: &mut Text, field: &Field, name: &str, visibility: &str, within: Option<&str>) {
        let mut said = about_field(field);
        if field.doc.deprecated {
            said.push("Deprecated.".into());
        }
        doc(text, &said);
        let mut attributes = vec![];
        if name != field.name {
            attributes.push(format!("rename = {}", quoted(&field.name)));
        }
        let mut ty = self.ty(&field.ty, within);
        if !field.required {
            attributes.push("default".into());
            attributes.push("skip_serializing_if = \"Option::is_none\"".into());
            if !field.ty.is_option() {
                ty = format!("Option<{ty}>");
            }
        }
        if !attributes.is_empty() {
            text.line(format!("#[serde({})]", attributes.join(", ")));
        }
        text.line(format!("{visibility}{name}: {ty},"));
    }

    fn enumeration(&self, text: &mut Text, name: &str, of: &Enum, within: Option<&str>) {
        text.line(if of.tagging == Tagging::Units { DERIVE_SMALL } else { DERIVE });
        match &of.tagging {
            Tagging::Units | Tagging::External => {}
            Tagging::Internal { tag } => text.line(format!("#[serde(tag = {})]", quoted(tag))),
            Tagging::Adjacent { tag, content } => {
                text.line(format!("#[serde(tag = {}, content = {})]", quoted(tag), quoted(content)));
            }
            Tagging::Untagged => text.line("#[serde(untagged)]"),
        }
        let mut scope = Scope::without(&[RESERVED]);
        text.block(format!("pub enum {name} {{"), |text| {
            for variant in &of.variants {
                let ident = scope.give(&variant.name, pascal(&variant.name));
                self.variant(text, of, variant, &ident, within);
            }
        });
        text.line("}");
    }

    fn variant(&self, text: &mut Text, of: &Enum, variant: &Variant, ident: &str, within: Option<&str>) {
        let mut said = about(&variant.doc, &[]);
        if let Content::Value(ty) = &variant.content {
            said.extend(Some(ty.constraints().join(" ")).filter(|it| !it.is_empty()));
        }
        doc(text, &said);
        if ident != variant.name && of.tagging != Tagging::Untagged {
            text.line(format!("#[serde(rename = {})]", quoted(&variant.name)));
        }
        match &variant.content {
            Content::Unit => text.line(format!("{ident},")),
            Content::Value(ty) => match ty.plain() {
                Type::Tuple(parts) if parts.len() > 1 => {
                    let parts: Vec<_> = parts.iter().map(|part| self.ty(part, within)).collect();
                    text.line(format!("{ident}({}),", parts.join(", ")));
                }
                ty => text.line(format!("{ident}({}),", self.ty(ty, within))),
            },
            Content::Fields(fields) if fields.fields.is_empty() && fields.rest.is_none() => {
                text.line(format!("{ident} {{}},"));
            }
            Content::Fields(fields) => {
                let mut inner = Text::new("");
                self.fields(&mut inner, fields, "", within);
                let inner = inner.finish();
                let joined = inner.lines().collect::<Vec<_>>().join(" ");
                let joined = joined.trim_end_matches(',');
                // Where rustfmt would put it on one line.
                if !inner.contains(['#', '/']) && ident.len() + joined.len() <= SHORT {
                    return text.line(format!("{ident} {{ {joined} }},"));
                }
                text.block(format!("{ident} {{"), |text| text.lines(&inner));
                text.line("},");
            }
        }
    }
}
