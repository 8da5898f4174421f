//! What is called: a struct for each module, and `Api` for the app.

use super::{
    super::{
        model::{Field, Module, Procedure, Type},
        names::{Scope, pascal, snake},
        text::{Text, about_field, about_procedure},
    },
    RESERVED, Rust, WIDTH, doc,
    errors::error_key,
    quoted, tuple,
};

/// What `Api` has besides modules and procedures.
const MEMBERS: &[&str] = &["check", "client", "clone", "fmt", "new", "request", "with"];

/// More parameters are too many for clippy.
const MANY: usize = 7;

impl Rust<'_> {
    pub(super) fn api(&self, text: &mut Text) {
        let modules = self.model.root.all();
        let mut scope = Scope::without(&[RESERVED, super::TYPES]);
        for name in self.scope.names() {
            scope.give(name, name);
        }
        for module in modules.iter().filter(|module| !module.path.is_empty()) {
            scope.give(&module.path, format!("{}Module", pascal(&module.path)));
        }
        let procedures = || modules.iter().flat_map(|module| &module.procedures);
        for module in &modules {
            text.line("");
            self.module(text, module, &scope);
        }
        let singles = || procedures().filter_map(|it| <&[Field; 1]>::try_from(&it.parameters[..]).ok());
        if singles().next().is_some() {
            text.lines(ONE);
        }
        if singles().any(|[one]| one.required) {
            text.lines(ONE_REQUIRED);
        }
        if singles().any(|[one]| !one.required) {
            text.lines(ONE_OPTIONAL);
        }
        text.lines(&CHECK.replace("HASH", &quoted(&self.model.hash)));
        text.blank();
        doc(text, &["The procedures that this file knows, each with the hash of its contract.".into()]);
        text.block("const PROCEDURES: &[(&str, &str)] = &[", |text| {
            for procedure in procedures() {
                text.line(format!("({}, {}),", quoted(&procedure.path), quoted(&procedure.hash)));
            }
        });
        text.line("];");
    }

    fn module(&self, text: &mut Text, module: &Module, scope: &Scope) {
        let mut names = Scope::without(&[RESERVED, MEMBERS]);
        for procedure in &module.procedures {
            names.give(&format!("{}()", procedure.name), snake(&procedure.name));
        }
        for inner in &module.modules {
            names.give(&inner.name, snake(&inner.name));
        }
        let is_root = module.path.is_empty();
        if is_root {
            let description = Some(self.model.description.clone()).filter(|it| !it.is_empty());
            let how =
                "Calls the procedures of the app. A clone is another handle of the same client.".to_owned();
            doc(text, &description.into_iter().chain([how]).collect::<Vec<_>>());
            text.lines(API);
            text.block("impl Api {", |text| {
                text.lines(API_METHODS);
                self.members(text, module, scope, &names, "self");
            });
        } else {
            let said = match module.doc.is_empty() {
                true => format!("The procedures of `{}`.", module.path),
                false => module.doc.clone(),
            };
            doc(text, &[said]);
            let name = scope.of(&module.path);
            text.line("#[derive(Clone, Copy, Debug)]");
            text.line(format!("pub struct {name}<'a>(&'a Api);"));
            text.blank();
            text.block(format!("impl<'a> {name}<'a> {{"), |text| {
                self.members(text, module, scope, &names, "self.0")
            });
        }
        text.line("}");
    }

    fn members(&self, text: &mut Text, module: &Module, scope: &Scope, names: &Scope, api: &str) {
        for inner in &module.modules {
            text.blank();
            let said = if inner.doc.is_empty() {
                format!("The procedures of `{}`.", inner.path)
            } else {
                inner.doc.clone()
            };
            doc(text, &[said]);
            let (method, ty) = (names.of(&inner.name), scope.of(&inner.path));
            let lifetime = if module.path.is_empty() { "'_" } else { "'a" };
            text.block(format!("pub fn {method}(&self) -> {ty}<{lifetime}> {{"), |text| {
                text.line(format!("{ty}({api})"));
            });
            text.line("}");
        }
        for procedure in &module.procedures {
            text.blank();
            self.method(text, procedure, names.of(&format!("{}()", procedure.name)), api);
        }
    }

    fn method(&self, text: &mut Text, procedure: &Procedure, name: &str, api: &str) {
        let mut scope = Scope::without(&[RESERVED, &["parameters"]]);
        let names: Vec<String> =
            procedure.parameters.iter().map(|it| scope.give(&it.name, snake(&it.name))).collect();
        doc(text, &self.said(procedure, &names));
        let mut parameters = vec!["&self".to_owned()];
        for (parameter, name) in procedure.parameters.iter().zip(&names) {
            parameters.push(format!("{name}: {}", self.taken(parameter, "")));
        }
        if parameters.len() > MANY {
            text.line("#[allow(clippy::too_many_arguments, reason = \"the procedure has so many\")]");
        }
        let result = self.ty(&procedure.result, None);
        let item = procedure.items.as_ref().map(|it| self.ty(&it.ty, None));
        let error =
            (!procedure.errors.is_empty()).then(|| self.scope.of(&error_key(&procedure.path)).to_owned());
        // What a stream fails with comes out of it, as an `Error`.
        let error = error.filter(|_| item.is_none() && !procedure.streams_out);
        let returns = match (&item, procedure.streams_out, &error) {
            (None, false, None) => format!("Result<{result}>"),
            (None, false, Some(error)) => format!("Result<{result}, {error}>"),
            (None, true, _) => format!("Result<Items<{result}>>"),
            (Some(item), false, _) => format!("Result<Sender<{item}, {result}>>"),
            (Some(item), true, _) => format!("Result<(SendHalf<{item}>, Items<{result}>)>"),
        };
        let line = format!("pub async fn {name}({}) -> {returns} {{", parameters.join(", "));
        let inside = |text: &mut Text| {
            let sent = self.sent(text, procedure, &names, api);
            let request = format!("{api}.request({})", quoted(&procedure.path));
            let call = match (&item, procedure.streams_out) {
                (None, false) => format!("call({sent})"),
                (None, true) => format!("stream({sent})"),
                (Some(_), false) => "stream_in()".into(),
                (Some(_), true) => "both()".into(),
            };
            let whole = match error.is_some() {
                true => format!("Ok({request}.{call}.await?)"),
                false => format!("{request}.{call}.await"),
            };
            text.line(whole);
        };
        if text.indentation() + line.len() <= WIDTH {
            text.block(line, inside);
        } else {
            text.block(format!("pub async fn {name}("), |text| {
                parameters.iter().for_each(|it| text.line(format!("{it},")));
            });
            text.block(format!(") -> {returns} {{"), inside);
        }
        text.line("}");
    }

    /// The type of a parameter, borrowed for so long.
    fn taken(&self, parameter: &Field, lifetime: &str) -> String {
        let ty = self.parameter(&parameter.ty);
        let ty = if lifetime.is_empty() { ty } else { ty.replace('&', &format!("&{lifetime} ")) };
        match parameter.required || parameter.ty.is_option() {
            true => ty,
            false => format!("Option<{ty}>"),
        }
    }

    /// What is sent. Parameters of which some may be left out go by name, in a struct that is written first.
    fn sent(&self, text: &mut Text, procedure: &Procedure, names: &[String], api: &str) -> String {
        match (&procedure.parameters[..], names) {
            ([], _) => "()".into(),
            ([parameter], [one]) if !parameter.required => format!("one_or_none({api}, {one})"),
            ([_], [one]) => format!("one({api}, {one})"),
            (parameters, names) if parameters.iter().all(|it| it.required) => tuple(names),
            (parameters, names) => {
                let borrows = parameters.iter().any(|it| self.taken(it, "").contains('&'));
                let lifetime = if borrows { "<'p>" } else { "" };
                text.line("#[derive(Serialize)]");
                text.block(format!("struct Parameters{lifetime} {{"), |text| {
                    for (parameter, name) in parameters.iter().zip(names) {
                        let mut attributes = vec![];
                        if *name != parameter.name {
                            attributes.push(format!("rename = {}", quoted(&parameter.name)));
                        }
                        if !parameter.required {
                            attributes.push("skip_serializing_if = \"Option::is_none\"".into());
                        }
                        if !attributes.is_empty() {
                            text.line(format!("#[serde({})]", attributes.join(", ")));
                        }
                        text.line(format!("{name}: {},", self.taken(parameter, "'p")));
                    }
                });
                text.line("}");
                text.line(format!("let parameters = Parameters {{ {} }};", names.join(", ")));
                "parameters".into()
            }
        }
    }

    fn said(&self, procedure: &Procedure, names: &[String]) -> Vec<String> {
        let mut said = about_procedure(procedure);
        let mut tags = vec![];
        for (parameter, name) in procedure.parameters.iter().zip(names) {
            let about = about_field(parameter).join(" ").replace('\n', " ");
            tags.extend((!about.is_empty()).then(|| format!("- `{name}`: {about}")));
        }
        if !tags.is_empty() {
            said.push(tags.join("\n"));
        }
        if said.is_empty() {
            said.push(format!("Calls `{}`.", procedure.path));
        }
        let error = self.scope.of(&error_key(&procedure.path)).to_owned();
        if !procedure.errors.is_empty() {
            let is_stream = procedure.items.is_some() || procedure.streams_out;
            said.push("# Errors".into());
            said.push(match is_stream {
                true => format!("[`{error}::from`] turns what the call fails with into a [`{error}`]."),
                false => format!("See [`{error}`]."),
            });
        }
        if matches!(procedure.result, Type::Any) && procedure.streams_out {
            said.push("Items are any value.".into());
        }
        said
    }
}

const API: &str = "\
#[derive(Clone)]
pub struct Api {
    client: Client,
    prepare: Option<Arc<Prepare>>,
}

type Prepare = dyn for<'r> Fn(Request<'r>) -> Request<'r> + Send + Sync;

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(\"Api\").field(\"client\", &self.client).finish_non_exhaustive()
    }
}

impl From<Client> for Api {
    fn from(client: Client) -> Self {
        Self::new(client)
    }
}
";

const API_METHODS: &str = "\
/// Calls through this client.
pub fn new(client: Client) -> Self {
    Self { client, prepare: None }
}

/// The client that calls go through.
pub fn client(&self) -> &Client {
    &self.client
}

/// Prepares all calls that are made through what this returns: metadata, a deadline.
///
/// `api.with(|request| request.metadata([(\"trace\", \"a\")]))`
pub fn with<F>(&self, prepare: F) -> Self
where
    F: for<'r> Fn(Request<'r>) -> Request<'r> + Send + Sync + 'static,
{
    let before = self.prepare.clone();
    let prepare: Arc<Prepare> = match before {
        None => Arc::new(prepare),
        Some(before) => Arc::new(move |request| prepare(before(request))),
    };
    Self { client: self.client.clone(), prepare: Some(prepare) }
}

fn request<'r>(&'r self, name: &'r str) -> Request<'r> {
    let request = self.client.request(name);
    match &self.prepare {
        None => request,
        Some(prepare) => prepare(request),
    }
}

/// Asks the server what it offers, and compares it with what this file was generated from.
/// `None` if both mean the same.
///
/// # Errors
///
/// The server could not be asked.
pub async fn check(&self) -> Result<Option<Difference>> {
    let theirs: Description = self.request(\"swill.describe\").call(()).await?;
    Ok((theirs.hash != CONTRACT).then(|| Difference::to(theirs)))
}";

const ONE: &str = "
/// A single parameter: as it is, but in JSON-RPC in a list.
#[derive(Serialize)]
#[serde(untagged)]
enum One<T> {
    Whole(T),
    Listed((T,)),
}
";

const ONE_REQUIRED: &str = "
fn one<T: Serialize>(api: &Api, value: T) -> One<T> {
    match api.client.protocol() {
        Protocol::Swill => One::Whole(value),
        _ => One::Listed((value,)),
    }
}
";

const ONE_OPTIONAL: &str = "
fn one_or_none<T: Serialize>(api: &Api, value: Option<T>) -> One<Option<T>> {
    match (api.client.protocol(), &value) {
        (Protocol::Swill, _) | (_, None) => One::Whole(value),
        _ => One::Listed((value,)),
    }
}
";

const CHECK: &str = "
/// The hash of the contract that this file was generated from.
pub const CONTRACT: &str = HASH;

/// What a server offers that is not what this file was generated from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The hash of the server's contract.
    pub hash: String,
    /// Procedures that the server does not have.
    pub missing: Vec<String>,
    /// Procedures whose parameters, answers, errors or shape are others now.
    pub changed: Vec<String>,
    /// Procedures that this file does not know.
    pub added: Vec<String>,
}

#[derive(Deserialize)]
struct Description {
    hash: String,
    procedures: Vec<Described>,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    hash: Option<String>,
}

impl Difference {
    fn to(theirs: Description) -> Self {
        let (mut missing, mut changed) = (vec![], vec![]);
        for (name, hash) in PROCEDURES {
            match theirs.procedures.iter().find(|it| it.name == *name) {
                None => missing.push((*name).to_owned()),
                Some(it) => {
                    if it.hash.as_ref().is_some_and(|it| it != hash) {
                        changed.push((*name).to_owned());
                    }
                }
            }
        }
        let is_known = |name: &str| PROCEDURES.iter().any(|(known, _)| *known == name);
        let names = theirs.procedures.into_iter().map(|it| it.name);
        let added = names.filter(|name| !is_known(name) && !name.starts_with(\"swill.\")).collect();
        Self { hash: theirs.hash, missing, changed, added }
    }
}
";
