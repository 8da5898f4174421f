//! What is called: errors and their guards, the types of all procedures by name, and a class for each module.

use super::{
    super::{
        model::{Failure, Field, Module, Procedure, Struct, Type},
        names::{Scope, camel, pascal},
        text::{Text, about_error, about_field, about_procedure},
    },
    RESERVED, TypeScript, WIDTH, comment, member, quoted,
};

/// Under this name the scope knows the type of an error.
pub(super) fn error_key(name: &str) -> String {
    format!("error {name}")
}

/// What a class has besides modules and procedures.
const MEMBERS: &[&str] = &["check", "client", "constructor", "then"];

impl TypeScript<'_> {
    pub(super) fn imports(&self, text: &mut Text, rest: &str) {
        let mut types = vec!["CallOptions", "Client", "Duplex", "Items", "Sender"];
        types.retain(|name| {
            ["<", " ", ",", "?"].iter().any(|after| rest.contains(&format!(": {name}{after}")))
                || rest.contains(&format!(": {name})"))
                || rest.contains(&format!(": {name};"))
                || rest.contains(&format!("({name}"))
                || rest.contains(&format!("as unknown as {name};"))
        });
        let mut names: Vec<String> = types.into_iter().map(|name| format!("type {name}")).collect();
        if rest.contains("instanceof SwillError") {
            names.insert(0, "SwillError".into());
        }
        let line = format!("import {{ {} }} from '@swill/client';", names.join(", "));
        if line.len() <= WIDTH {
            return text.line(line);
        }
        text.block("import {", |text| names.iter().for_each(|name| text.line(format!("{name},"))));
        text.line("} from '@swill/client';");
    }

    pub(super) fn errors(&self, text: &mut Text) {
        for error in &self.model.errors {
            text.line("");
            comment(text, &about_error(error), false);
            let (name, codes) = (self.error_name(&error.name), codes(error));
            let data = error.data.as_ref().map_or_else(|| "undefined".into(), |ty| self.ty(ty));
            text.block(format!("export interface {name} extends SwillError {{"), |text| {
                text.line(format!("readonly code: {};", codes.join(" | ")));
                text.line(format!("readonly data: {data};"));
            });
            text.line("}");
            text.blank();
            comment(text, &[format!("Whether a call failed with {{@link {name}}}.")], false);
            text.block(format!("export function is{name}(error: unknown): error is {name} {{"), |text| {
                let is_code = codes.iter().map(|code| format!("error.code === {code}")).collect::<Vec<_>>();
                let is_code =
                    if is_code.len() == 1 { is_code.concat() } else { format!("({})", is_code.join(" || ")) };
                let first = format!("return error instanceof SwillError && {is_code}");
                let second = self.fits(error);
                let line = format!("{first} && {second};");
                if text.indentation() + line.len() <= WIDTH {
                    text.line(line);
                } else {
                    text.block(first, |text| text.line(format!("&& {second};")));
                }
            });
            text.line("}");
        }
    }

    /// An expression that tells whether an error's data can be that of this error: several may have the same code.
    fn fits(&self, error: &Failure) -> String {
        let Some(ty) = &error.data else { return "error.data == null".into() };
        match self.model.bare(ty) {
            Type::Named(name) => match self.model.definition(name).map(|it| &it.kind) {
                Some(super::Kind::Struct(Struct { fields, .. })) => {
                    let names = fields.iter().filter(|it| it.required).map(|it| quoted(&it.name));
                    format!("hasMembers(error.data, [{}])", names.collect::<Vec<_>>().join(", "))
                }
                _ => "error.data != null".into(),
            },
            Type::Tuple(parts) => {
                format!("Array.isArray(error.data) && error.data.length === {}", parts.len())
            }
            Type::List(_) | Type::Set(_) | Type::Array(..) => "Array.isArray(error.data)".into(),
            Type::Int(int) if int.bits > 32 => "['number', 'bigint'].includes(typeof error.data)".into(),
            Type::Int(_) | Type::Float32 | Type::Float64 => "typeof error.data === 'number'".into(),
            Type::Bool => "typeof error.data === 'boolean'".into(),
            Type::Char | Type::Text | Type::DateTime | Type::Date | Type::Time | Type::Uuid => {
                "typeof error.data === 'string'".into()
            }
            Type::Any | Type::Option(_) | Type::Null => "true".into(),
            _ => "error.data != null".into(),
        }
    }

    fn error_name(&self, name: &str) -> String {
        self.scope.of(&error_key(name)).to_owned()
    }

    /// The types of all procedures, by their names on the wire.
    pub(super) fn procedures(&self, text: &mut Text) {
        text.line("");
        comment(
            text,
            &["All procedures by their names: `new Client<Api>()` knows their types.".into()],
            false,
        );
        text.block("export interface Api {", |text| {
            for procedure in self.model.root.all().iter().flat_map(|module| &module.procedures) {
                let mut parts = vec![];
                let shape = match (procedure.items.is_some(), procedure.streams_out) {
                    (false, false) => "single",
                    (false, true) => "stream",
                    (true, false) => "streamIn",
                    (true, true) => "both",
                };
                parts.push(format!("shape: {}", quoted(shape)));
                match &procedure.items {
                    Some(items) => parts.push(format!("item: {}", self.ty(&items.ty))),
                    None => parts.extend(self.params_type(procedure).map(|ty| format!("params: {ty}"))),
                }
                parts.push(format!("result: {}", self.ty(&procedure.result)));
                if !procedure.errors.is_empty() {
                    let errors: Vec<_> = procedure.errors.iter().map(|it| self.error_name(it)).collect();
                    parts.push(format!("error: {}", errors.join(" | ")));
                }
                let line = format!("{}: {{ {} }};", quoted(&procedure.path), parts.join("; "));
                if text.indentation() + line.len() <= WIDTH {
                    text.line(line);
                    continue;
                }
                text.block(format!("{}: {{", quoted(&procedure.path)), |text| {
                    parts.iter().for_each(|part| text.line(format!("{part};")));
                });
                text.line("};");
            }
        });
        text.line("}");
    }

    /// The type of what a call sends. `None` if nothing.
    fn params_type(&self, procedure: &Procedure) -> Option<String> {
        match &procedure.parameters[..] {
            [] => None,
            [one] if one.required => Some(self.ty(&one.ty)),
            [one] => Some(format!("{} | undefined", self.ty(&one.ty))),
            many if many.iter().all(|it| it.required) => {
                Some(format!("[{}]", many.iter().map(|it| self.labelled(it)).collect::<Vec<_>>().join(", ")))
            }
            many => Some(self.named(many)),
        }
    }

    /// An element of a tuple that says what it is.
    fn labelled(&self, parameter: &Field) -> String {
        format!("{}: {}", parameter_name(&mut Scope::without(&[RESERVED]), parameter), self.ty(&parameter.ty))
    }

    fn named(&self, parameters: &[Field]) -> String {
        let members = parameters.iter().map(|it| {
            format!("{}{}: {}", member(&it.name), if it.required { "" } else { "?" }, self.ty(&it.ty))
        });
        format!("{{ {} }}", members.collect::<Vec<_>>().join("; "))
    }

    /// A class for each module, inner ones first, and one for the app.
    pub(super) fn classes(&self, text: &mut Text) {
        let mut scope = self.class_scope();
        let app = scope
            .give("", if self.model.title.is_empty() { "App".into() } else { pascal(&self.model.title) });
        let mut modules = self.model.root.all();
        modules.reverse();
        for module in modules.iter().filter(|module| !module.path.is_empty()) {
            scope.give(&module.path, format!("{}Module", pascal(&module.path)));
        }
        for module in &modules {
            text.line("");
            let said = if module.path.is_empty() {
                let description = Some(self.model.description.clone()).filter(|it| !it.is_empty());
                let how = format!("Calls the procedures of the app: `const app = new {app}(client)`.");
                description.into_iter().chain([how]).collect()
            } else if module.doc.is_empty() {
                vec![format!("The procedures of `{}`.", module.path)]
            } else {
                vec![module.doc.clone()]
            };
            comment(text, &said, false);
            self.class(text, module, &scope);
        }
        self.helpers(text);
    }

    /// The names of classes are given beside those of types.
    fn class_scope(&self) -> Scope {
        let mut scope = Scope::without(&[RESERVED, super::TYPES]);
        for name in self.scope.names() {
            scope.give(name, name);
        }
        scope
    }

    fn class(&self, text: &mut Text, module: &Module, scope: &Scope) {
        let mut names = Scope::without(&[MEMBERS]);
        for procedure in &module.procedures {
            names.give(&format!("{}()", procedure.name), camel(&procedure.name));
        }
        for inner in &module.modules {
            names.give(&inner.name, camel(&inner.name));
        }
        text.block(format!("export class {} {{", scope.of(&module.path)), |text| {
            text.line("readonly #client: Client;");
            for inner in &module.modules {
                let said = if inner.doc.is_empty() { vec![] } else { vec![inner.doc.clone()] };
                comment(text, &said, false);
                text.line(format!("readonly {}: {};", names.of(&inner.name), scope.of(&inner.path)));
            }
            text.blank();
            text.block("constructor(client: Client<Api> | Client) {", |text| {
                text.line("this.#client = client as unknown as Client;");
                for inner in &module.modules {
                    text.line(format!(
                        "this.{} = new {}(client);",
                        names.of(&inner.name),
                        scope.of(&inner.path)
                    ));
                }
            });
            text.line("}");
            for procedure in &module.procedures {
                text.blank();
                self.method(text, procedure, names.of(&format!("{}()", procedure.name)));
            }
            if module.path.is_empty() {
                text.blank();
                self.check(text);
            }
        });
        text.line("}");
    }

    fn method(&self, text: &mut Text, procedure: &Procedure, name: &str) {
        let mut scope = Scope::without(&[RESERVED, &["options", "params"]]);
        let by_name = procedure.parameters.len() > 1 && procedure.parameters.iter().any(|it| !it.required);
        let names: Vec<String> =
            procedure.parameters.iter().map(|it| parameter_name(&mut scope, it)).collect();
        let mut said = about_procedure(procedure);
        let mut tags = vec![];
        for (parameter, name) in procedure.parameters.iter().zip(&names) {
            let about = about_field(parameter).join(" ").replace('\n', " ");
            let name = if by_name { format!("params.{}", parameter.name) } else { name.clone() };
            tags.extend((!about.is_empty()).then(|| format!("@param {name} - {about}")));
        }
        let errors = procedure.errors.iter().map(|it| format!("@throws {{@link {}}}", self.error_name(it)));
        tags.extend(errors);
        if !tags.is_empty() {
            said.push(tags.join("\n"));
        }
        comment(text, &said, false);
        let mut parameters: Vec<String> = match by_name {
            true => vec![format!("params: {}{}", self.named(&procedure.parameters), all_optional(procedure))],
            false => {
                let both = procedure.parameters.iter().zip(&names);
                both.map(|(it, name)| {
                    format!("{name}{}: {}", if it.required { "" } else { "?" }, self.ty(&it.ty))
                })
                .collect()
            }
        };
        parameters.push("options?: CallOptions".into());
        let (result, item) = (&procedure.result, procedure.items.as_ref().map(|it| self.ty(&it.ty)));
        let result = match result {
            Type::Null if !procedure.streams_out => "void".into(),
            ty => self.ty(ty),
        };
        let sent = match (&names[..], by_name) {
            ([], _) => "undefined".into(),
            (_, true) => "params".into(),
            ([one], false) => format!("one(this.#client, {one})"),
            (many, false) => format!("[{}]", many.join(", ")),
        };
        let path = quoted(&procedure.path);
        let (returns, call) = match (item, procedure.streams_out) {
            (None, false) => {
                (format!("Promise<{result}>"), format!("call<{result}>({path}, {sent}, options)"))
            }
            (None, true) => {
                (format!("Items<{result}>"), format!("stream<{result}>({path}, {sent}, options)"))
            }
            (Some(item), false) => {
                (format!("Sender<{item}, {result}>"), format!("streamIn<{item}, {result}>({path}, options)"))
            }
            (Some(item), true) => {
                (format!("Duplex<{item}, {result}>"), format!("both<{item}, {result}>({path}, options)"))
            }
        };
        let line = format!("{name}({}): {returns} {{", parameters.join(", "));
        let inside = |text: &mut Text| {
            let line = format!("return this.#client.{call};");
            // Broken where parentheses open.
            match line.split_once("('") {
                Some((first, rest)) if text.indentation() + line.len() > WIDTH => {
                    text.block(format!("{first}("), |text| {
                        text.line(format!("'{},", rest.strip_suffix(");").unwrap_or(rest)));
                    });
                    text.line(");");
                }
                _ => text.line(line),
            }
        };
        if text.indentation() + line.len() <= WIDTH {
            text.block(line, inside);
        } else {
            text.block(format!("{name}("), |text| {
                parameters.iter().for_each(|it| text.line(format!("{it},")))
            });
            text.block(format!("): {returns} {{"), inside);
        }
        text.line("}");
    }

    fn check(&self, text: &mut Text) {
        text.lines(
            "/**\n * Asks the server what it offers, and compares it with what this file was generated from.\n *\n * \
             @returns what differs; `undefined` if both mean the same.\n */\n\
             async check(options?: CallOptions): Promise<Difference | undefined> {",
        );
        text.block(
            "  const spec = await this.#client.call<Description>('swill.describe', undefined, options);",
            |text| {
                text.lines("if (spec.hash === CONTRACT) return undefined;\nreturn compare(spec);");
            },
        );
        text.line("}");
    }

    fn helpers(&self, text: &mut Text) {
        text.line("");
        text.line("/** The hash of the contract that this file was generated from. */");
        text.line(format!("export const CONTRACT = {};", quoted(&self.model.hash)));
        text.line("");
        text.line("/** The procedures that this file knows, each with the hash of its contract. */");
        text.block("const PROCEDURES: Record<string, string> = {", |text| {
            for procedure in self.model.root.all().iter().flat_map(|module| &module.procedures) {
                text.line(format!("{}: {},", quoted(&procedure.path), quoted(&procedure.hash)));
            }
        });
        text.line("};");
        text.lines(include_str!("check.ts"));
        if text_needs_members(self) {
            text.lines(MEMBERS_OF);
        }
        if self.model.root.all().iter().flat_map(|it| &it.procedures).any(|it| it.parameters.len() == 1) {
            text.lines(ONE);
        }
    }
}

const MEMBERS_OF: &str = "
function hasMembers(data: unknown, names: string[]): boolean {
  return typeof data === 'object' && data !== null && names.every((name) => name in data);
}
";

const ONE: &str = "
/** A single parameter: as it is, but in JSON-RPC in a list. */
function one(client: Client, value: unknown): unknown {
  return client.protocol === 'json-rpc' && value !== undefined ? [value] : value;
}
";

fn text_needs_members(emitter: &TypeScript<'_>) -> bool {
    emitter.model.errors.iter().any(|error| emitter.fits(error).contains("hasMembers"))
}

/// Parameters that may all be left out may be left out together.
fn all_optional(procedure: &Procedure) -> &'static str {
    if procedure.parameters.iter().all(|it| !it.required) { " = {}" } else { "" }
}

fn parameter_name(scope: &mut Scope, parameter: &Field) -> String {
    scope.give(&parameter.name, camel(&parameter.name))
}

/// The codes by which an error is known.
fn codes(error: &Failure) -> Vec<String> {
    let mut codes = vec![error.code.to_string()];
    if error.json_rpc_code != error.code {
        codes.push(error.json_rpc_code.to_string());
    }
    codes
}
