//! An app made ready to serve: every procedure under its full name, in one list.

use crate::{
    Limits, Procedure,
    description::{Documents, OURS},
    directory::Paths,
    failure::Handlers,
    hook::{AnyHook, Hooks},
    module::{Entry, Module},
    negotiate::{Protocol, Settings},
    observe::{Observer, Spoken},
    origin::Origins,
};
use rustc_hash::FxHashMap;
use std::{fmt, sync::Arc};
use swill_proto::{Error, Found, ProcedureId, spec::ModuleSpec};
use swill_ws::deflate;

/// What all connections of a route share.
pub(crate) struct Service {
    pub(crate) limits: Limits,
    pub(crate) origins: Origins,
    pub(crate) speaks: Speaks,
    /// Hooks of the app itself, which see connections.
    pub(crate) hooks: Vec<Arc<dyn AnyHook>>,
    pub(crate) debug: bool,
    pub(crate) handlers: Handlers,
    pub(crate) observer: Observer,
    /// Where connections count, by protocol; nothing if nobody wants to know.
    spoken: Vec<Arc<Spoken>>,
    /// Whether calls are logged that belong to no procedure.
    pub(crate) log_calls: bool,
    pub(crate) paths: Paths,
    /// What users may look up over HTTP and by the procedures of the server's own, unless it is hidden.
    pub(crate) documents: Option<Arc<Documents>>,
    pub(crate) modules: Vec<ModuleSpec>,
    procedures: Vec<Registered>,
    /// Fixed before the first peer connects, so that no peer can make its hashes collide.
    pub(crate) names: FxHashMap<Box<str>, Found>,
}

/// How connections of a route talk.
pub(crate) struct Speaks {
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) plain_errors: bool,
    pub(crate) compression: Option<deflate::Options>,
}

pub(crate) struct Registered {
    pub(crate) name: Box<str>,
    /// The full name of its module.
    pub(crate) module: Box<str>,
    pub(crate) procedure: Procedure,
    /// `None` if nobody looks, which costs nothing.
    pub(crate) hooks: Option<Hooks>,
    /// Whether its calls are logged.
    pub(crate) logged: bool,
}

/// Why an app cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// Two procedures have the same full name.
    DuplicateProcedure(String),
    /// A procedure was to replace one that does not exist.
    NothingToReplace(String),
    /// A name is longer than 255 bytes.
    NameTooLong(String),
    /// A name begins with `swill.`, as only those of the server's own do.
    ReservedName(String),
    /// A path is no path of a route, or names a parameter that its procedure does not have.
    BadPath(String),
    /// An app was told to speak no protocol at all.
    NoProtocol,
    /// A certificate cannot be used.
    BadTls(String),
    /// A folder of static files cannot be served.
    BadFiles(String),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateProcedure(name) => write!(
                f,
                "two procedures are called `{name}`: rename one, nest its module under a name, or use `replace`"
            ),
            Self::NothingToReplace(name) => write!(f, "there is no procedure `{name}` to replace"),
            Self::NameTooLong(name) => write!(f, "the name `{name}` is longer than 255 bytes"),
            Self::ReservedName(name) => write!(
                f,
                "the name `{name}` begins with `swill.`, as only the server's own do: rename the procedure or its module"
            ),
            Self::BadPath(why) => f.write_str(why),
            Self::NoProtocol => {
                f.write_str("the app speaks no protocol: `protocols` was given an empty list")
            }
            Self::BadTls(why) => write!(f, "TLS does not work: {why}"),
            Self::BadFiles(why) => write!(f, "static files cannot be served: {why}"),
        }
    }
}

impl std::error::Error for BuildError {}

/// An error that keeps an app from being served. Whoever starts one is told why: unlike a peer, it may know.
pub(crate) fn cannot_serve(why: impl std::error::Error + Send + Sync + 'static) -> Error {
    let message = why.to_string();
    Error::internal(why).with_message(message)
}

impl Service {
    pub(crate) fn new(
        module: Module,
        limits: Limits,
        origins: Origins,
        speaks: Speaks,
        debug: bool,
    ) -> Result<Self, BuildError> {
        let hooks = module.hooks.clone();
        let log_calls = module.log_calls.unwrap_or(false);
        let mut service = Self {
            limits,
            origins,
            speaks,
            hooks,
            debug,
            handlers: Handlers::default(),
            observer: Observer::default(),
            spoken: Vec::new(),
            log_calls,
            paths: Paths::default(),
            documents: None,
            modules: Vec::new(),
            procedures: Vec::new(),
            names: FxHashMap::default(),
        };
        service.register(module, "", &[], log_calls)?;
        service.paths = Paths::new(&service.procedures)?;
        service.log_what_cannot_be_carried();
        Ok(service)
    }

    /// The procedures of an app alone, without what it says about protocols and connections.
    pub(crate) fn unspoken(module: Module, limits: Limits) -> Result<Self, BuildError> {
        let speaks = Speaks { protocols: Vec::new(), plain_errors: false, compression: None };
        Self::new(module, limits, Origins::default(), speaks, false)
    }

    /// Lets peers ask for the description. The app's hooks see it when they do.
    pub(crate) fn show(&mut self, documents: Arc<Documents>) -> Result<(), BuildError> {
        let module = documents.procedures();
        self.documents = Some(documents);
        let hooks = self.hooks.clone();
        let log_calls = self.log_calls;
        self.register(module, "", &hooks, log_calls)
    }

    fn register(
        &mut self,
        module: Module,
        prefix: &str,
        outer: &[Arc<dyn AnyHook>],
        logged: bool,
    ) -> Result<(), BuildError> {
        let prefix = module.prefix(prefix);
        let within: Box<str> = prefix.strip_suffix('.').unwrap_or_default().into();
        if module.name.is_some() || !module.doc.is_empty() {
            self.modules.push(ModuleSpec { name: within.to_string(), doc: module.doc.into_owned() });
        }
        let logged = module.log_calls.unwrap_or(logged);
        let hooks: Vec<_> = outer.iter().cloned().chain(module.hooks).collect();
        for entry in module.entries {
            match entry {
                Entry::Module(module) => self.register(module, &prefix, &hooks, logged)?,
                Entry::Procedure(procedure) => {
                    let name = format!("{prefix}{}", procedure.name());
                    if name.len() > 255 {
                        return Err(BuildError::NameTooLong(name));
                    }
                    if name.starts_with(OURS) && self.documents.is_none() {
                        return Err(BuildError::ReservedName(name));
                    }
                    if self.names.contains_key(name.as_str()) {
                        return Err(BuildError::DuplicateProcedure(name));
                    }
                    // Peers cannot make this number grow.
                    let id = ProcedureId(self.procedures.len() as u32);
                    self.names.insert(name.as_str().into(), Found { id, shape: procedure.shape() });
                    let module = within.clone();
                    let hooks = list(&hooks);
                    self.procedures.push(Registered { name: name.into(), module, procedure, hooks, logged });
                }
                Entry::Replacement(procedure) => {
                    let name = format!("{prefix}{}", procedure.name());
                    let Some(found) = self.names.get_mut(name.as_str()) else {
                        return Err(BuildError::NothingToReplace(name));
                    };
                    found.shape = procedure.shape();
                    let place = &mut self.procedures[found.id.0 as usize];
                    let module = within.clone();
                    let hooks = list(&hooks);
                    *place = Registered { name: name.into(), module, procedure, hooks, logged };
                }
            }
        }
        Ok(())
    }

    fn log_what_cannot_be_carried(&self) {
        for protocol in &self.speaks.protocols {
            let capabilities = protocol.capabilities();
            for Registered { name, procedure, .. } in &self.procedures {
                if !capabilities.carries(procedure.shape()) {
                    tracing::info!(
                        procedure = %name,
                        protocol = capabilities.name,
                        "the protocol cannot carry this procedure ({}); calls of it will fail with code 501",
                        procedure.shape(),
                    );
                }
            }
        }
    }

    /// Tells who listens what happens from now on.
    pub(crate) fn observe(&mut self, observer: Observer) {
        self.spoken = observer.registry.as_ref().map(|registry| registry.spoken(self)).unwrap_or_default();
        self.observer = observer;
    }

    /// Where connections count that speak the protocol of this name.
    pub(crate) fn spoken(&self, protocol: &str) -> Option<&Arc<Spoken>> {
        self.spoken.iter().find(|spoken| spoken.name() == protocol)
    }

    /// What a machine of a new connection is told.
    pub(crate) fn settings(&self) -> Settings<'_> {
        Settings::new(&self.limits, self.speaks.plain_errors)
    }

    #[inline]
    pub(crate) fn get(&self, id: ProcedureId) -> Option<&Registered> {
        self.procedures.get(id.0 as usize)
    }

    pub(crate) fn name(&self, id: ProcedureId) -> &str {
        self.get(id).map_or("", |registered| &registered.name)
    }

    /// The application's procedures, without the server's own.
    pub(crate) fn registered(&self) -> impl Iterator<Item = &Registered> {
        self.procedures.iter().filter(|registered| !registered.name.starts_with(OURS))
    }

    /// The full names of all procedures, those of the server's own included, by their ids.
    pub(crate) fn all_names(&self) -> impl Iterator<Item = &str> {
        self.procedures.iter().map(|registered| &*registered.name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.registered().map(|registered| &*registered.name)
    }
}

/// The hooks that look at calls; `None` if there are none.
fn list(hooks: &[Arc<dyn AnyHook>]) -> Option<Hooks> {
    let hooks: Hooks = hooks.iter().filter(|hook| hook.sees_calls()).cloned().collect();
    (!hooks.is_empty()).then_some(hooks)
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("procedures", &self.names().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
