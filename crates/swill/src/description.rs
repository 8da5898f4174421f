//! An app's description of itself: made of its procedures, served over HTTP, and asked for by `swill.introspect` and
//! `swill.describe`.

use crate::{
    App, BuildError, Limits, Module,
    document::{Document, Readers, Shown},
    introspect,
    negotiate::{self, Protocol},
    service::{Registered, Service},
};
use futures_util::stream;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Arc, OnceLock},
    time::Duration,
};
use swill_proto::spec::{
    Info, ItemsSpec, LimitsSpec, ParameterSpec, ProcedureSpec, ProtocolSpec, Spec, definition_name,
};

/// What all procedures of the server's own begin with. Nobody else may use it.
pub(crate) const OURS: &str = "swill.";

/// What an app says about its description.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    info: Info,
    hidden: bool,
}

impl App {
    /// Says what the app is, for its description.
    #[must_use]
    pub fn info(mut self, info: Info) -> Self {
        self.described.info = info;
        self
    }

    /// Sets the title of the app, for its description.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.described.info.title = title.into();
        self
    }

    /// Sets the version of what the app offers, for its description.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.described.info.version = version.into();
        self
    }

    /// Whether peers may ask what the app can do. They may, by default: `swill.json`, `openrpc.json` and `asyncapi.json`
    /// lie below the app's first path (at `/swill.json`, then, unless [`paths`](Self::paths) says otherwise), and
    /// the procedures `swill.describe` and `swill.introspect` answer on every connection, with the app's hooks around
    /// them.
    #[must_use]
    pub fn description(mut self, shown: bool) -> Self {
        self.described.hidden = !shown;
        self
    }

    /// The complete description of the app, without those of apps mounted beside it.
    ///
    /// ```
    /// # struct Calc;
    /// # #[swill::module]
    /// # impl Calc {
    /// #     /// Adds two numbers.
    /// #     async fn add(&self, a: i64, b: i64) -> i64 { a + b }
    /// # }
    /// let spec = swill::App::new().title("Calculator").module(Calc).spec()?;
    /// assert_eq!(spec.procedures[0].parameters[1].name, "b");
    /// assert_eq!(spec.openrpc()["methods"][0]["name"], "add");
    /// # Ok::<(), swill::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The app could not be served, because two procedures have the same name, for example.
    pub fn spec(&self) -> Result<Spec, BuildError> {
        let (module, protocols) = self.parts();
        let service = Service::unspoken(module.clone(), self.listener_limits().clone())?;
        let default;
        let protocols = match protocols {
            Some(protocols) => protocols,
            None => {
                default = negotiate::default();
                &default
            }
        };
        Ok(spec(&service, protocols, &self.described, &self.paths_at(None)))
    }
}

impl Settings {
    /// What an app's peers can ask for, unless it is hidden.
    pub(crate) fn documents(&self, service: &Service, paths: &[Cow<'static, str>]) -> Option<Arc<Documents>> {
        let protocols = &service.speaks.protocols;
        (!self.hidden).then(|| Arc::new(Documents::new(spec(service, protocols, self, paths))))
    }
}

/// The description in every form that peers can ask for. The written forms are made when somebody asks.
#[derive(Debug)]
pub(crate) struct Documents {
    spec: Spec,
    written: [OnceLock<Document>; FILES.len()],
}

/// A form of the description: its file, and how it is made.
type File = (&'static str, fn(&Spec) -> Value);

const FILES: [File; 3] = [
    ("swill.json", |spec| serde_json::to_value(spec).unwrap_or_default()),
    ("openrpc.json", Spec::openrpc),
    ("asyncapi.json", Spec::asyncapi),
];

impl Documents {
    fn new(spec: Spec) -> Self {
        Self { spec, written: Default::default() }
    }

    /// The procedures by which peers ask.
    pub(crate) fn procedures(self: &Arc<Self>) -> Module {
        let items: Arc<[swill_proto::Value]> = introspect::items(&self.spec).into();
        let documents = Arc::clone(self);
        Module::new()
            .handle("swill.introspect", [], move || {
                let items = Arc::clone(&items);
                async move { stream::iter((0..items.len()).map(move |at| items[at].clone())) }
            })
            .handle("swill.describe", [], move || {
                let documents = Arc::clone(&documents);
                async move { Described(documents) }
            })
    }

    fn written(&self, file: usize) -> &Document {
        self.written[file].get_or_init(|| {
            let mut body = format!("{:#}", FILES[file].1(&self.spec));
            body.push('\n');
            Document::new("application/json", body.into())
        })
    }
}

/// The answer of `swill.describe`.
struct Described(Arc<Documents>);

impl Serialize for Described {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.spec.serialize(serializer)
    }
}

impl JsonSchema for Described {
    fn schema_name() -> Cow<'static, str> {
        "Spec".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "object" })
    }
}

/// The files below a path, to be shown to these readers.
pub(crate) fn shown(
    path: &str,
    documents: &Arc<Documents>,
    readers: &Readers,
) -> impl Iterator<Item = Shown> {
    FILES.iter().enumerate().map(move |(at, (name, _))| {
        let (documents, readers) = (Arc::clone(documents), readers.clone());
        let place = format!("{}/{name}", path.trim_end_matches('/'));
        Shown::default().at(place, move |asked| readers.answer(documents.written(at), asked))
    })
}

fn spec(service: &Service, protocols: &[Protocol], settings: &Settings, paths: &[Cow<'static, str>]) -> Spec {
    let mut spec = Spec::new(settings.info.clone());
    let mut schemas = Schemas::new();
    spec.procedures = service.registered().map(|it| procedure(it, &mut schemas)).collect();
    spec.definitions = schemas.finish(&mut spec.procedures);
    spec.modules = service.modules.clone();
    spec.limits = limits(&service.limits);
    spec.paths = paths.iter().map(|path| path.to_string()).collect();
    let default = protocols.iter().position(|protocol| !protocol.needs_token());
    for (at, protocol) in protocols.iter().enumerate() {
        let capabilities = protocol.capabilities();
        let mut described = ProtocolSpec::new(capabilities, protocol.tokens(), default == Some(at));
        let refused = spec.procedures.iter().filter(|it| !capabilities.carries(it.shape()));
        described.cannot_carry = refused.map(|it| it.name.clone()).collect();
        spec.protocols.push(described);
    }
    spec.seal();
    spec
}

fn limits(limits: &Limits) -> LimitsSpec {
    let mut spec = LimitsSpec::default();
    spec.message = limits.message;
    spec.answer = limits.answer;
    spec.calls = limits.calls;
    spec.batch = limits.batch;
    spec.metadata_keys = limits.metadata.keys;
    spec.metadata_bytes = limits.metadata.bytes;
    spec.deadline_ms = limits.deadline.map(milliseconds);
    spec
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn procedure(registered: &Registered, schemas: &mut Schemas) -> ProcedureSpec {
    let procedure = &registered.procedure;
    // Both ways through both generators, so that they give the same names to the same types.
    let (input, _) = procedure.schemas_with(&mut schemas.input);
    let (_, output) = procedure.schemas_with(&mut schemas.output);
    procedure.errors_with(&mut schemas.input);
    let mut spec = ProcedureSpec::new(&*registered.name, procedure.shape(), output.to_value());
    spec.module = registered.module.to_string();
    spec.doc = procedure.documentation().to_owned();
    spec.errors = procedure.errors_with(&mut schemas.output);
    spec.deadline_ms = procedure.time_limit().map(milliseconds);
    spec.metadata = procedure.metadata().clone();
    spec.paths = procedure.paths().map(Into::into).collect();
    let optional = procedure.optional();
    for (at, (parameter, schema)) in procedure.parameters().iter().zip(input).enumerate() {
        let (name, doc) = (parameter.name.to_owned(), parameter.doc.clone().into_owned());
        if procedure.shape().streams_in {
            spec.items = Some(ItemsSpec { name, doc, schema: schema.to_value() });
        } else {
            let mut parameter = ParameterSpec::new(name, schema.to_value());
            parameter.doc = doc;
            parameter.required = optional.get(at) != Some(&true);
            spec.parameters.push(parameter);
        }
    }
    spec
}

/// Types as they come in and as they go out. Most are the same; a field that may be left out on the way in, but is always
/// there on the way out, makes the difference.
struct Schemas {
    input: SchemaGenerator,
    output: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        Self {
            input: SchemaSettings::draft2020_12().for_deserialize().into_generator(),
            output: SchemaSettings::draft2020_12().for_serialize().into_generator(),
        }
    }

    /// All definitions that are referred to. A type that comes in and goes out, and is not the same both ways, goes out as
    /// `NameOutput`.
    fn finish(mut self, procedures: &mut [ProcedureSpec]) -> Map<String, Value> {
        let mut input = self.input.take_definitions(true);
        // Both generators have met all types. One that only goes out keeps its name.
        let mut comes_in = BTreeSet::new();
        for procedure in &*procedures {
            let parameters = procedure.parameters.iter().map(|parameter| &parameter.schema);
            for schema in parameters.chain(procedure.items.iter().map(|items| &items.schema)) {
                need(schema, &input, &mut comes_in);
            }
        }
        input.retain(|name, _| comes_in.contains(name));
        let output = self.output.take_definitions(true);
        let mut differing: BTreeSet<String> = output
            .iter()
            .filter(|(name, schema)| input.get(*name).is_some_and(|other| other != *schema))
            .map(|(name, _)| name.clone())
            .collect();
        // What refers to something that differs, differs.
        loop {
            let before = differing.len();
            for (name, schema) in &output {
                let mut refers = false;
                each_reference(schema, &mut |name| refers |= differing.contains(name));
                if refers && input.contains_key(name) {
                    differing.insert(name.clone());
                }
            }
            if differing.len() == before {
                break;
            }
        }
        let renamed = |name: &str| {
            let mut new = format!("{name}Output");
            while input.contains_key(&new) || output.contains_key(&new) {
                new.push('_');
            }
            new
        };
        let mut all = input.clone();
        for (name, mut schema) in output.clone() {
            rename(&mut schema, &|name| differing.contains(name).then(|| renamed(name)));
            let name = if differing.contains(&name) { renamed(&name) } else { name };
            all.insert(name, schema);
        }
        // Members of types stay in the order in which they are declared.
        all.sort_keys();
        let mut needed = BTreeSet::new();
        for procedure in procedures {
            let data = procedure.errors.iter_mut().filter_map(|error| error.data.as_mut());
            for schema in data.chain([&mut procedure.result]) {
                rename(schema, &|name| differing.contains(name).then(|| renamed(name)));
                need(schema, &all, &mut needed);
            }
            let parameters = procedure.parameters.iter().map(|parameter| &parameter.schema);
            for schema in parameters.chain(procedure.items.iter().map(|items| &items.schema)) {
                need(schema, &all, &mut needed);
            }
        }
        all.retain(|name, _| needed.contains(name));
        all
    }
}

/// Adds the names that a schema refers to, at once or by others.
fn need(schema: &Value, all: &Map<String, Value>, needed: &mut BTreeSet<String>) {
    let mut new = vec![];
    each_reference(schema, &mut |name| {
        if needed.insert(name.to_owned()) {
            new.push(name.to_owned());
        }
    });
    for schema in new.iter().filter_map(|name| all.get(name)) {
        need(schema, all, needed);
    }
}

fn each_reference(schema: &Value, found: &mut dyn FnMut(&str)) {
    match schema {
        Value::Array(list) => list.iter().for_each(|schema| each_reference(schema, found)),
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match value {
                    Value::String(reference) if keyword == "$ref" => {
                        if let Some(name) = definition_name(reference) {
                            found(&name);
                        }
                    }
                    value => each_reference(value, found),
                }
            }
        }
        _ => {}
    }
}

fn rename(schema: &mut Value, new: &dyn Fn(&str) -> Option<String>) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(|schema| rename(schema, new)),
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match value {
                    Value::String(reference) if keyword == "$ref" => {
                        let name = definition_name(reference).and_then(|name| new(&name));
                        if let Some(name) = name {
                            *reference = swill_proto::spec::definition_reference(&name);
                        }
                    }
                    value => rename(value, new),
                }
            }
        }
        _ => {}
    }
}
