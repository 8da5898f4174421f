//! Types: structs are interfaces, enums are unions.

use super::{
    super::{
        model::{Content, Definition, Enum, Field, Kind, Struct, Tagging, Type, Variant},
        text::{Text, about, about_field},
    },
    TypeScript, WIDTH, comment, member, quoted,
};

/// Under this name the scope knows the type of a variant's fields.
pub(super) fn variant_key(definition: &Definition, variant: &Variant) -> String {
    format!("{}::{}", definition.name, variant.name)
}

impl TypeScript<'_> {
    pub(super) fn types(&self, text: &mut Text) {
        for definition in &self.model.definitions {
            text.line("");
            self.definition(text, definition);
        }
    }

    fn definition(&self, text: &mut Text, definition: &Definition) {
        let name = self.scope.of(&definition.name);
        let said = |constraints: &[String]| about(&definition.doc, constraints);
        let deprecated = definition.doc.deprecated;
        match &definition.kind {
            Kind::Struct(of) => {
                comment(text, &said(&[]), deprecated);
                self.interface(text, name, &[], of);
            }
            Kind::Unit => {
                let mut said = said(&[]);
                said.push("It has no content: null in JSON, an empty list in MessagePack.".into());
                comment(text, &said, deprecated);
                text.line(format!("export type {name} = null | [];"));
            }
            Kind::Alias(ty) => {
                comment(text, &said(&ty.constraints()), deprecated);
                text.line(format!("export type {name} = {};", self.ty(ty)));
            }
            Kind::Enum(of) => {
                for variant in &of.variants {
                    if let Content::Fields(fields) = &variant.content {
                        let name = self.scope.of(&variant_key(definition, variant)).to_owned();
                        self.variant_type(text, &name, of, variant, fields);
                        text.blank();
                    }
                }
                comment(text, &said(&[]), deprecated);
                self.union(text, definition, of);
            }
        }
    }

    fn interface(&self, text: &mut Text, name: &str, tags: &[(&str, &str)], of: &Struct) {
        if tags.is_empty() && of.fields.is_empty() && of.rest.is_none() {
            text.line(format!("export type {name} = Record<string, never>;"));
            return;
        }
        text.block(format!("export interface {name} {{"), |text| {
            for (tag, word) in tags {
                text.line(format!("{}: {};", member(tag), quoted(word)));
            }
            self.members(text, of);
        });
        text.line("}");
    }

    fn members(&self, text: &mut Text, of: &Struct) {
        for field in &of.fields {
            comment(text, &about_field(field), field.doc.deprecated);
            text.line(self.field(field));
        }
        if let Some(rest) = &of.rest {
            // Members of known names have to fit, too.
            let mut types = vec![self.ty(rest)];
            for field in &of.fields {
                types.push(self.ty(&field.ty));
                types.extend((!field.required).then(|| "undefined".to_owned()));
            }
            let mut seen = vec![];
            for part in types.iter().flat_map(|ty| ty.split(" | ")) {
                if !seen.contains(&part) {
                    seen.push(part);
                }
            }
            let union = if seen.contains(&"unknown") { "unknown".to_owned() } else { seen.join(" | ") };
            text.line("/** Whatever else there is. */");
            text.line(format!("[name: string]: {union};"));
        }
    }

    fn field(&self, field: &Field) -> String {
        let mark = if field.required { "" } else { "?" };
        format!("{}{mark}: {};", member(&field.name), self.ty(&field.ty))
    }

    /// The type of a variant with fields.
    fn variant_type(&self, text: &mut Text, name: &str, of: &Enum, variant: &Variant, fields: &Struct) {
        comment(text, &about(&variant.doc, &[]), variant.doc.deprecated);
        let inside = |text: &mut Text, outer: &[(&str, &str)], key: &str| {
            text.block(format!("export interface {name} {{"), |text| {
                for (tag, word) in outer {
                    text.line(format!("{}: {};", member(tag), quoted(word)));
                }
                text.block(format!("{}: {{", member(key)), |text| self.members(text, fields));
                text.line("};");
            });
            text.line("}");
        };
        match &of.tagging {
            Tagging::Internal { tag } => self.interface(text, name, &[(tag, &variant.name)], fields),
            Tagging::Adjacent { tag, content } => inside(text, &[(tag, &variant.name)], content),
            Tagging::External => inside(text, &[], &variant.name),
            Tagging::Units | Tagging::Untagged => self.interface(text, name, &[], fields),
        }
    }

    fn union(&self, text: &mut Text, definition: &Definition, of: &Enum) {
        let name = self.scope.of(&definition.name);
        let variants: Vec<(Vec<String>, String)> = of
            .variants
            .iter()
            .map(|variant| match &variant.content {
                // Its own type says what it is.
                Content::Fields(_) => (vec![], self.scope.of(&variant_key(definition, variant)).to_owned()),
                Content::Unit => (about(&variant.doc, &[]), unit(of, variant)),
                Content::Value(ty) => (about(&variant.doc, &ty.constraints()), self.value(of, variant, ty)),
            })
            .collect();
        let joined = variants.iter().map(|(_, ty)| ty.as_str()).collect::<Vec<_>>().join(" | ");
        let line = format!("export type {name} = {joined};");
        if line.len() <= WIDTH && variants.iter().all(|(said, _)| said.is_empty()) {
            text.line(line);
            return;
        }
        text.block(format!("export type {name} ="), |text| {
            for (at, (said, ty)) in variants.iter().enumerate() {
                comment(text, said, false);
                text.line(format!("| {ty}{}", if at + 1 == variants.len() { ";" } else { "" }));
            }
        });
    }

    fn value(&self, of: &Enum, variant: &Variant, ty: &Type) -> String {
        let inner = self.ty(ty);
        match &of.tagging {
            Tagging::External => format!("{{ {}: {inner} }}", member(&variant.name)),
            Tagging::Adjacent { tag, content } => {
                format!("{{ {}: {}; {}: {inner} }}", member(tag), quoted(&variant.name), member(content))
            }
            Tagging::Internal { tag } => {
                format!("({{ {}: {} }} & {inner})", member(tag), quoted(&variant.name))
            }
            Tagging::Units | Tagging::Untagged => inner,
        }
    }
}

fn unit(of: &Enum, variant: &Variant) -> String {
    match &of.tagging {
        Tagging::External | Tagging::Units => quoted(&variant.name),
        Tagging::Internal { tag } | Tagging::Adjacent { tag, .. } => {
            format!("{{ {}: {} }}", member(tag), quoted(&variant.name))
        }
        Tagging::Untagged => "null".into(),
    }
}
