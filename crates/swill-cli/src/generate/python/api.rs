//! What is called: exceptions, and a class for each module.

use super::{
    super::{
        model::{Failure, Field, Module, Procedure, Type},
        names::{Scope, pascal, snake},
        text::{Text, about_error, about_field, about_procedure},
    },
    MENTIONED, Python, RESERVED, bracketed, docstring, literal,
};
use serde_json::json;

/// Under this name the scope knows the class of an error.
pub(super) fn error_key(name: &str) -> String {
    format!("error {name}")
}

/// What a class has besides modules and procedures.
const MEMBERS: &[&str] = &["check", "mro"];

/// Names of options, which parameters cannot have.
const OPTIONS: &[&str] = &["self", "metadata", "deadline", "idempotent", "options", "result", "client"];

impl Python<'_> {
    pub(super) fn errors(&self, text: &mut Text) {
        if self.model.errors.is_empty() {
            return;
        }
        text.lines(include_str!("errors.py"));
        for error in &self.model.errors {
            text.line("\n");
            text.block(format!("class {}(_Failure):", self.error_name(&error.name)), |text| {
                docstring(text, &about_error(error));
                text.blank();
                let codes = codes(error).join(", ");
                let comma = if error.code == error.json_rpc_code { "," } else { "" };
                text.line(format!("CODES: ClassVar[tuple[int, ...]] = ({codes}{comma})"));
                let ty = error.data.as_ref().map_or_else(|| "None".into(), |ty| self.ty(ty));
                text.line(format!("DATA: ClassVar[Any] = {ty}"));
                text.line(format!("data: {ty}"));
            });
        }
    }

    fn error_name(&self, name: &str) -> String {
        self.scope.of(&error_key(name)).to_owned()
    }

    /// A class for each module, inner ones first, and `Api` for the app.
    pub(super) fn classes(&self, text: &mut Text) {
        let modules = self.model.root.all();
        let procedures = || modules.iter().flat_map(|module| &module.procedures);
        text.lines(include_str!("options.py"));
        if procedures().any(|it| it.items.is_some() && !it.streams_out) {
            text.lines(include_str!("sending.py"));
        }
        if procedures().any(|it| it.items.is_some() && it.streams_out) {
            text.lines(include_str!("talking.py"));
        }
        if procedures().any(|it| it.parameters.len() == 1) {
            text.lines(include_str!("one.py"));
        }
        if procedures().any(by_name) {
            text.lines(include_str!("given.py"));
        }
        let mut scope = Scope::without(&[RESERVED, super::TYPES]);
        for name in self.scope.names() {
            scope.give(name, name);
        }
        for module in modules.iter().filter(|module| !module.path.is_empty()) {
            scope.give(&module.path, format!("{}Module", pascal(&module.path)));
        }
        for module in modules.iter().rev() {
            let name = if module.path.is_empty() { "Api" } else { scope.of(&module.path) };
            let said = if module.path.is_empty() {
                let description = Some(self.model.description.clone()).filter(|it| !it.is_empty());
                description
                    .into_iter()
                    .chain(["Calls the procedures of the app: ``api = Api(client)``.".into()])
                    .collect()
            } else if module.doc.is_empty() {
                vec![format!("The procedures of `{}`.", module.path)]
            } else {
                vec![module.doc.clone()]
            };
            text.line("\n");
            text.block(format!("class {name}:"), |text| {
                docstring(text, &said);
                text.blank();
                self.module_class(text, module, &scope);
            });
        }
        self.check(text);
    }

    fn module_class(&self, text: &mut Text, module: &Module, scope: &Scope) {
        let mut names = Scope::without(&[RESERVED, MENTIONED, MEMBERS]);
        for procedure in &module.procedures {
            names.give(&format!("{}()", procedure.name), snake(&procedure.name));
        }
        for inner in &module.modules {
            names.give(&inner.name, snake(&inner.name));
        }
        text.block("def __init__(self, client: swill.Client) -> None:", |text| {
            text.line("self._client = client");
            for inner in &module.modules {
                text.line(format!("self.{} = {}(client)", names.of(&inner.name), scope.of(&inner.path)));
                docstring(
                    text,
                    &Some(inner.doc.clone()).filter(|it| !it.is_empty()).into_iter().collect::<Vec<_>>(),
                );
            }
            for procedure in module.procedures.iter().filter(|it| !it.errors.is_empty()) {
                let errors: Vec<_> = procedure.errors.iter().map(|it| self.error_name(it)).collect();
                let arguments = [literal(&json!(procedure.path)), format!("_typed({})", errors.join(", "))];
                bracketed(text, "client.type_errors(", &arguments, ")");
            }
        });
        for procedure in &module.procedures {
            text.blank();
            self.method(text, procedure, names.of(&format!("{}()", procedure.name)));
        }
        if module.path.is_empty() {
            text.blank();
            text.lines(include_str!("check_method.py"));
        }
    }

    fn method(&self, text: &mut Text, procedure: &Procedure, name: &str) {
        let mut scope = Scope::without(&[RESERVED, MENTIONED, OPTIONS]);
        let names: Vec<String> =
            procedure.parameters.iter().map(|it| scope.give(&it.name, snake(&it.name))).collect();
        let mut parameters = vec!["self".to_owned()];
        // What has a default comes last.
        let mut pairs: Vec<(&Field, &String)> = procedure.parameters.iter().zip(&names).collect();
        pairs.sort_by_key(|(parameter, _)| !parameter.required);
        for (parameter, name) in pairs {
            let ty = self.ty(&parameter.ty);
            parameters.push(match (parameter.required, parameter.ty.is_option()) {
                (true, _) => format!("{name}: {ty}"),
                (false, true) => format!("{name}: {ty} = None"),
                (false, false) => format!("{name}: {ty} | msgspec.UnsetType = msgspec.UNSET"),
            });
        }
        let options = if procedure.items.is_some() { "StreamOptions" } else { "CallOptions" };
        parameters.push(format!("**options: Unpack[{options}]"));
        let result = self.ty(&procedure.result);
        let path = literal(&json!(procedure.path));
        let (is_call, method, returns) = match (&procedure.items, procedure.streams_out) {
            (None, false) => (true, "call", result.clone()),
            (None, true) => (false, "stream", format!("swill.Items[{result}]")),
            (Some(items), false) => {
                (false, "stream_in", format!("Sending[{}, {result}]", self.ty(&items.ty)))
            }
            (Some(items), true) => (false, "both", format!("Talking[{}, {result}]", self.ty(&items.ty))),
        };
        let keyword = if is_call { "async def" } else { "def" };
        bracketed(text, &format!("{keyword} {name}("), &parameters, &format!(") -> {returns}:"));
        let sent = match (&procedure.parameters[..], &names[..]) {
            ([], _) => None,
            ([_], [one]) => Some(format!("_one(self._client, {one})")),
            _ if by_name(procedure) => {
                let pairs = procedure.parameters.iter().zip(&names);
                let pairs = pairs.map(|(it, name)| format!("{}: {name}", literal(&json!(it.name))));
                Some(format!("_given({{{}}})", pairs.collect::<Vec<_>>().join(", ")))
            }
            (_, names) => Some(format!("({})", names.join(", "))),
        };
        let mut arguments = vec![path];
        arguments.extend(sent);
        arguments.extend([format!("returns={result}"), "**options".to_owned()]);
        text.inner(|text| {
            docstring(text, &self.said(procedure, &names));
            match (&procedure.result, is_call) {
                (Type::Null, true) => {
                    bracketed(text, &format!("await self._client.{method}("), &arguments, ")");
                }
                (_, true) => {
                    bracketed(
                        text,
                        &format!("result: {result} = await self._client.{method}("),
                        &arguments,
                        ")",
                    );
                    text.line("return result");
                }
                (_, false) => {
                    bracketed(text, &format!("result: {returns} = self._client.{method}("), &arguments, ")");
                    text.line("return result");
                }
            }
        });
    }

    fn said(&self, procedure: &Procedure, names: &[String]) -> Vec<String> {
        let mut said = about_procedure(procedure);
        let mut tags = vec![];
        for (parameter, name) in procedure.parameters.iter().zip(names) {
            let about = about_field(parameter).join(" ").replace('\n', " ");
            tags.extend((!about.is_empty()).then(|| format!(":param {name}: {about}")));
        }
        tags.extend(procedure.errors.iter().map(|it| format!(":raises {}:", self.error_name(it))));
        if !tags.is_empty() {
            said.push(tags.join("\n"));
        }
        if said.is_empty() {
            said.push(format!("Calls `{}`.", procedure.path));
        }
        said
    }

    fn check(&self, text: &mut Text) {
        text.line("\n");
        text.line(format!("CONTRACT = {}", literal(&json!(self.model.hash))));
        docstring(text, &["The hash of the contract that this file was generated from.".into()]);
        text.blank();
        text.block("_PROCEDURES = {", |text| {
            for procedure in self.model.root.all().iter().flat_map(|module| &module.procedures) {
                text.line(format!(
                    "{}: {},",
                    literal(&json!(procedure.path)),
                    literal(&json!(procedure.hash))
                ));
            }
        });
        text.line("}");
        text.lines(include_str!("check.py"));
    }
}

/// Whether the parameters of a procedure go out by name, so that some may be left out.
fn by_name(procedure: &Procedure) -> bool {
    procedure.parameters.len() > 1 && procedure.parameters.iter().any(|it| !it.required)
}

/// The codes by which an error is known.
fn codes(error: &Failure) -> Vec<String> {
    let mut codes = vec![error.code.to_string()];
    if error.json_rpc_code != error.code {
        codes.push(error.json_rpc_code.to_string());
    }
    codes
}
