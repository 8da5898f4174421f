use super::words;
use crate::output::{FAINT, HEADING, NAME};
use std::fmt::{self, Write};
use swill_proto::{
    Shape,
    spec::{ErrorSpec, MetadataKey, ModuleSpec, ProcedureSpec, Schema, Spec},
};

/// Text for people, with colours in it.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl From<Page> for String {
    fn from(page: Page) -> Self {
        page.0
    }
}

impl Page {
    /// What an app is, and what can be called.
    pub(super) fn of_app(spec: &Spec) -> Self {
        let mut page = Self::default();
        let info = &spec.info;
        let title = if info.title.is_empty() { "An app" } else { &info.title };
        let version = if info.version.is_empty() { "" } else { &format!(" {}", info.version) };
        page.line(0, format_args!("{HEADING}{title}{HEADING:#}{version}"));
        page.doc(0, &info.description);
        let protocols: Vec<String> = spec
            .protocols
            .iter()
            .map(|it| {
                let default = if it.default { ", the default" } else { "" };
                match it.tokens.is_empty() {
                    true => format!("{}{default}", it.name),
                    false => format!("{} ({}{default})", it.name, it.tokens.join(", ")),
                }
            })
            .collect();
        page.fact("answers at", &spec.paths.join(", "));
        page.fact("speaks", &protocols.join("; "));
        page.fact("contract", &spec.hash);
        page.blank();
        page.modules(spec);
        page
    }

    /// Some modules, and what can be called of them.
    pub(super) fn of_modules(spec: &Spec) -> Self {
        let mut page = Self::default();
        page.modules(spec);
        page
    }

    fn modules(&mut self, spec: &Spec) {
        let mut shown: Vec<&str> = Vec::new();
        for module in spec.procedures.iter().map(|it| it.module.as_str()) {
            if shown.contains(&module) {
                continue;
            }
            if !shown.is_empty() {
                self.blank();
            }
            shown.push(module);
            self.module(spec, module);
        }
    }

    fn module(&mut self, spec: &Spec, name: &str) {
        let described = spec.modules.iter().filter(|it| it.name == name);
        let docs = described.map(|ModuleSpec { doc, .. }| first_paragraph(doc)).filter(|doc| !doc.is_empty());
        let doc = docs.collect::<Vec<_>>().join(" ");
        match name {
            "" if doc.is_empty() => {}
            "" => self.line(0, format_args!("{FAINT}{doc}{FAINT:#}")),
            name => self.line(0, format_args!("{HEADING}{name}{HEADING:#}  {FAINT}{doc}{FAINT:#}")),
        }
        for procedure in spec.procedures.iter().filter(|it| it.module == name) {
            self.signature(2, procedure);
            let doc = first_paragraph(&procedure.doc);
            if !doc.is_empty() {
                self.line(6, format_args!("{FAINT}{doc}{FAINT:#}"));
            }
        }
    }

    /// Everything about a procedure.
    pub(super) fn of_procedure(spec: &Spec, procedure: &ProcedureSpec) -> Self {
        let mut page = Self::default();
        page.signature(0, procedure);
        page.doc(0, &procedure.doc);
        page.blank();
        page.fact("shape", shape(procedure.shape()));
        if let Some(milliseconds) = procedure.deadline_ms {
            page.fact("deadline", &format!("{} s", milliseconds as f64 / 1000.0));
        }
        page.fact("paths", &procedure.paths.join(", "));
        let cannot = spec.protocols.iter().filter(|it| it.cannot_carry.contains(&procedure.name));
        page.fact("not over", &cannot.map(|it| it.name.as_str()).collect::<Vec<_>>().join(", "));
        if !procedure.parameters.is_empty() {
            page.heading("Parameters");
            for it in &procedure.parameters {
                let need = if it.required { "required" } else { "optional" };
                let mut also = vec![need.to_owned()];
                also.extend(it.default.as_ref().map(|default| format!("default {default}")));
                page.value(&it.name, &it.schema, also, &it.doc);
            }
        }
        if let Some(items) = &procedure.items {
            page.heading("Items that go in");
            page.value(&items.name, &items.schema, Vec::new(), &items.doc);
        }
        page.heading(if procedure.streams_out { "Items that come out" } else { "Answer" });
        page.typed(2, &procedure.result, Vec::new());
        if !procedure.errors.is_empty() {
            page.heading("Errors");
            procedure.errors.iter().for_each(|error| page.error(error));
        }
        let metadata = &procedure.metadata;
        page.metadata("Metadata of the caller", &metadata.client);
        page.metadata("Metadata ahead of the answer", &metadata.leading);
        page.metadata("Metadata at the end", &metadata.trailing);
        if !spec.definitions.is_empty() {
            page.heading("Types");
            let mut types: Vec<_> = spec.definitions.iter().collect();
            types.sort_by_key(|(name, _)| name.as_str());
            types.into_iter().for_each(|(name, schema)| page.definition(name, schema));
        }
        page
    }

    /// `shop.order(order: Order) -> text`
    fn signature(&mut self, indent: usize, procedure: &ProcedureSpec) {
        let inputs: Vec<String> = match &procedure.items {
            Some(items) => vec![format!("{}: stream of {}", items.name, words::short(&items.schema))],
            None => procedure
                .parameters
                .iter()
                .map(|it| {
                    format!("{}{}: {}", it.name, if it.required { "" } else { "?" }, words::short(&it.schema))
                })
                .collect(),
        };
        let stream = if procedure.streams_out { "stream of " } else { "" };
        let result = words::short(&procedure.result);
        let name = &procedure.name;
        self.line(indent, format_args!("{NAME}{name}{NAME:#}({}) -> {stream}{result}", inputs.join(", ")));
    }

    /// A name, its type, what else is to be said, and its documentation.
    fn value(&mut self, name: &str, schema: &Schema, also: Vec<String>, doc: &str) {
        let _ = write!(self.0, "  {NAME}{name}{NAME:#}  ");
        self.typed(0, schema, also);
        let own = schema.get("description").and_then(serde_json::Value::as_str).unwrap_or_default();
        self.doc(6, if doc.is_empty() { own } else { doc });
    }

    fn typed(&mut self, indent: usize, schema: &Schema, also: Vec<String>) {
        let also: Vec<String> = words::constraints(schema).into_iter().chain(also).collect();
        let separator = if also.is_empty() { "" } else { "; " };
        self.line(indent, format_args!("{}{separator}{}", words::long(schema), also.join("; ")));
    }

    fn error(&mut self, error: &ErrorSpec) {
        let ErrorSpec { code, name, message, .. } = error;
        self.line(2, format_args!("{NAME}{code} {name}{NAME:#}  {message}"));
        self.doc(6, &error.doc);
        if let Some(data) = &error.data {
            self.line(6, format_args!("{FAINT}data:{FAINT:#} {}", words::long(data)));
        }
        if let Some(code) = error.json_rpc_code {
            self.line(6, format_args!("{FAINT}in JSON-RPC:{FAINT:#} {code}"));
        }
    }

    fn metadata(&mut self, heading: &str, keys: &[MetadataKey]) {
        if !keys.is_empty() {
            self.heading(heading);
            for MetadataKey { name, doc } in keys {
                self.line(2, format_args!("{NAME}{name}{NAME:#}  {}", first_paragraph(doc)));
            }
        }
    }

    fn definition(&mut self, name: &str, schema: &Schema) {
        let members = schema.get("properties").and_then(serde_json::Value::as_object);
        let description = schema.get("description").and_then(serde_json::Value::as_str).unwrap_or_default();
        let Some(members) = members else {
            let _ = write!(self.0, "  {NAME}{name}{NAME:#}  ");
            self.typed(0, schema, Vec::new());
            self.doc(6, description);
            return self.choices(schema);
        };
        self.line(2, format_args!("{NAME}{name}{NAME:#}  object"));
        self.doc(6, description);
        let required = schema["required"].as_array();
        for (name, member) in members {
            let is_required = required.is_some_and(|names| names.iter().any(|it| it == name.as_str()));
            let mut also = vec![if is_required { "required" } else { "optional" }.to_owned()];
            also.extend(member.get("default").map(|default| format!("default {default}")));
            let _ = write!(self.0, "    {NAME}{name}{NAME:#}  ");
            self.typed(0, member, also);
            self.doc(8, member["description"].as_str().unwrap_or_default());
        }
    }

    /// The documentation of the values that a type may have.
    fn choices(&mut self, schema: &Schema) {
        for choice in schema["oneOf"].as_array().into_iter().flatten() {
            if let Some(doc) = choice["description"].as_str() {
                self.line(
                    6,
                    format_args!("{}  {FAINT}{}{FAINT:#}", words::short(choice), first_paragraph(doc)),
                );
            }
        }
    }

    fn heading(&mut self, text: &str) {
        self.blank();
        self.line(0, format_args!("{HEADING}{text}{HEADING:#}"));
    }

    /// A line with a name, unless there is nothing to say.
    fn fact(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.line(0, format_args!("{FAINT}{name:<10}{FAINT:#} {text}"));
        }
    }

    fn doc(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            match line.trim_end() {
                "" => self.blank(),
                line => self.line(indent, format_args!("{line}")),
            }
        }
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    fn line(&mut self, indent: usize, text: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{:indent$}{text}", "");
    }
}

fn shape(shape: Shape) -> &'static str {
    match (shape.streams_in, shape.streams_out) {
        (false, false) => "one message each way",
        (false, true) => "the answer is a stream",
        (true, false) => "a stream goes in, one answer comes out",
        (true, true) => "streams both ways",
    }
}

/// What stands before the first empty line, in one line.
fn first_paragraph(doc: &str) -> String {
    let lines: Vec<&str> = doc.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}
