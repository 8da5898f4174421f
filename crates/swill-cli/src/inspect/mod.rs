//! `swill inspect`: a description, for people.

mod page;
mod words;

use crate::{Error, Result, connection::Connection, nearest, output, source};
use clap::Args;
use page::Page;
use std::{collections::BTreeSet, io::Write};
use swill_proto::spec::{Spec, definition_name};

const AFTER_HELP: &str = "\
Examples:
  swill inspect localhost                 everything that can be called, in one line each
  swill inspect localhost shop            one module
  swill inspect localhost shop.order      one procedure: parameters, types, constraints
  swill inspect shop.json --json | jq '.procedures[].name'";

/// Shows what can be called, and how
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Inspect {
    /// The address of a server, a file with a description, or `-` for the standard input
    source: String,
    /// A procedure or a module, by its full name; everything if there is none
    #[arg(value_name = "PROCEDURE|MODULE")]
    name: Option<String>,
    /// Prints JSON: the description, reduced to what was asked for and the types in it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Inspect {
    pub(crate) async fn run(self) -> Result<()> {
        let mut spec = source::load(&self.source, &self.connection).await?;
        let is_whole = self.name.is_none();
        if !self.json {
            spec = harmless(&spec)?;
        }
        if let Some(name) = &self.name {
            narrow(&mut spec, name, &self.source)?;
        }
        let text = match (self.json, spec.procedures.as_slice(), is_whole) {
            (true, ..) => {
                let json = serde_json::to_value(&spec).map_err(|error| Error::failed(error.to_string()))?;
                format!("{json:#}\n")
            }
            (false, _, true) => Page::of_app(&spec).into(),
            (false, [only], false) if self.name.as_ref() == Some(&only.name) => {
                Page::of_procedure(&spec, only).into()
            }
            (false, ..) => Page::of_modules(&spec).into(),
        };
        Ok(anstream::stdout().write_all(text.as_bytes())?)
    }
}

/// Every page there is of a description, without colours.
#[cfg(feature = "unstable-fuzzing")]
pub(crate) fn everything(spec: &Spec) -> String {
    let Ok(spec) = harmless(spec) else { return String::new() };
    let pages = spec.procedures.iter().map(|procedure| Page::of_procedure(&spec, procedure));
    let mut all: Vec<String> = [Page::of_app(&spec)].into_iter().chain(pages).map(String::from).collect();
    for module in &spec.modules {
        let mut spec = spec.clone();
        if narrow(&mut spec, &module.name, "the description").is_ok() {
            all.push(Page::of_modules(&spec).into());
        }
    }
    anstream::adapter::strip_str(&all.concat()).to_string()
}

/// A description whose texts can be printed, whoever wrote them.
fn harmless(spec: &Spec) -> Result<Spec> {
    fn clean(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = output::printable(text),
            serde_json::Value::Array(elements) => elements.iter_mut().for_each(clean),
            serde_json::Value::Object(members) => {
                let cleaned = std::mem::take(members).into_iter().map(|(name, mut member)| {
                    clean(&mut member);
                    (output::printable(&name), member)
                });
                *members = cleaned.collect();
            }
            _ => {}
        }
    }
    let mut value = serde_json::to_value(spec).map_err(|error| Error::failed(error.to_string()))?;
    clean(&mut value);
    serde_json::from_value(value).map_err(|error| Error::failed(error.to_string()))
}

/// Leaves nothing but the procedure or the module of this name, and the types that it needs.
fn narrow(spec: &mut Spec, name: &str, source: &str) -> Result<()> {
    let module = format!("{name}.");
    if spec.procedure(name).is_some() {
        spec.procedures.retain(|it| it.name == name);
    } else if spec.procedures.iter().any(|it| it.name.starts_with(&module)) {
        spec.procedures.retain(|it| it.name.starts_with(&module));
    } else {
        return Err(unknown(spec, name, source));
    }
    let modules: BTreeSet<&str> = spec.procedures.iter().map(|it| it.module.as_str()).collect();
    spec.modules.retain(|it| modules.contains(it.name.as_str()));
    let used = used(spec);
    spec.definitions.retain(|name, _| used.contains(name));
    Ok(())
}

fn unknown(spec: &Spec, name: &str, source: &str) -> Error {
    let error = Error::failed(format!("{source} has no procedure and no module `{name}`"));
    let procedures = spec.procedures.iter().map(|it| it.name.as_str());
    let modules = spec.modules.iter().map(|it| it.name.as_str());
    match nearest::nearest(name, procedures.chain(modules)) {
        Some(meant) => error.advice(format!("did you mean `{meant}`?")),
        None => error.advice(format!("`swill inspect {source}` lists what there is")),
    }
}

/// The definitions that the procedures refer to, directly or not.
fn used(spec: &Spec) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut open = Vec::new();
    for procedure in &spec.procedures {
        let parameters = procedure.parameters.iter().map(|it| &it.schema);
        let items = procedure.items.iter().map(|it| &it.schema);
        let errors = procedure.errors.iter().filter_map(|it| it.data.as_ref());
        let schemas = parameters.chain(items).chain(errors).chain([&procedure.result]);
        schemas.for_each(|schema| references(schema, &mut open));
    }
    while let Some(name) = open.pop() {
        if let Some(definition) = spec.definitions.get(&name)
            && used.insert(name)
        {
            references(definition, &mut open);
        }
    }
    used
}

/// Collects the names that a schema refers to.
fn references(schema: &serde_json::Value, found: &mut Vec<String>) {
    match schema {
        serde_json::Value::Object(members) => {
            let reference = members.get("$ref").and_then(serde_json::Value::as_str);
            found.extend(reference.and_then(definition_name));
            members.values().for_each(|member| references(member, found));
        }
        serde_json::Value::Array(elements) => elements.iter().for_each(|element| references(element, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use swill_proto::{
        Shape,
        spec::{Info, ProcedureSpec},
    };

    #[test]
    fn texts_of_strangers_are_harmless() {
        let mut spec = Spec::new(Info::new("a\x1b[31m", "1"));
        spec.definitions.insert("b\x1b".into(), json!({ "enum": ["c\x1b"] }));
        let harmless = harmless(&spec).unwrap();
        assert!(!serde_json::to_string(&harmless).unwrap().contains("\\u001b"));
        assert_eq!(harmless.info.title, "a\u{fffd}[31m");
    }

    #[test]
    fn types_that_are_needed_are_kept_and_no_others() {
        let mut spec = Spec::new(Info::default());
        for (name, schema) in [
            (
                "Tree",
                json!({ "properties": { "left": { "$ref": "#/$defs/Tree" }, "of": { "$ref": "#/$defs/Leaf" } } }),
            ),
            ("Leaf", json!({ "type": "integer" })),
            ("Other", json!({ "type": "integer" })),
        ] {
            spec.definitions.insert(name.into(), schema);
        }
        let tree = json!({ "type": "array", "items": { "$ref": "#/$defs/Tree" } });
        for name in ["a.grow", "a.cut", "b.grow"] {
            spec.procedures.push(ProcedureSpec::new(name, Shape::SINGLE, tree.clone()));
        }
        let mut module = spec.clone();
        narrow(&mut module, "a", "here").unwrap();
        assert_eq!(module.procedures.len(), 2);
        narrow(&mut spec, "b.grow", "here").unwrap();
        assert_eq!(spec.procedures.len(), 1);
        assert_eq!(
            spec.definitions.keys().collect::<BTreeSet<_>>(),
            ["Leaf", "Tree"].map(String::from).iter().collect()
        );
        let error = narrow(&mut module, "a.grwo", "here").unwrap_err();
        assert!(error.details().any(|detail| detail == ("help", "did you mean `a.grow`?")));
    }
}
