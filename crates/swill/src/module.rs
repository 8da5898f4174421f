use crate::{Hook, Procedure, handler::Handler, hook::AnyHook, input::Input};
use std::{borrow::Cow, sync::Arc};

/// Procedures that belong together, under a name or none, with hooks of their own.
///
/// [`#[swill::module]`](crate::module) makes one of an `impl` block; this builder makes one of closures:
///
/// ```
/// use swill::Module;
///
/// let calc = Module::named("calc")
///     .doc("Arithmetic.")
///     .handle("add", ["a", "b"], async |a: i64, b: i64| a + b);
/// let app = swill::App::new().nest("math", calc);
/// assert_eq!(app.procedures(), ["math.add"]);
/// ```
#[derive(Clone, Default, Debug)]
pub struct Module {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) doc: Cow<'static, str>,
    pub(crate) hooks: Vec<Arc<dyn AnyHook>>,
    /// `None`: as the module around it.
    pub(crate) log_calls: Option<bool>,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Procedure(Procedure),
    /// Takes the place of the procedure of the same name.
    Replacement(Procedure),
    Module(Module),
}

/// What can be mounted as a module: a [`Module`], or a type whose `impl` block has `#[swill::module]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no module",
    label = "not a module",
    note = "put `#[swill::module]` on the `impl` block with its procedures, or build a `swill::Module`"
)]
pub trait IntoModule {
    /// The module.
    fn into_module(self) -> Module;
}

impl IntoModule for Module {
    fn into_module(self) -> Module {
        self
    }
}

impl Module {
    /// A module without a name of its own: mounted with `module`, its procedures keep their names as they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// A module whose procedures are called `name.procedure`.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// Sets the documentation.
    #[must_use]
    pub fn doc(mut self, doc: impl Into<Cow<'static, str>>) -> Self {
        self.doc = doc.into();
        self
    }

    /// The documentation.
    pub fn documentation(&self) -> &str {
        &self.doc
    }

    /// Adds a closure as a procedure: its name, the names of its parameters, and what it does.
    #[must_use]
    pub fn handle<P, K, H: Handler<P, K>>(
        self,
        name: impl Into<Cow<'static, str>>,
        parameters: <H::Input as Input>::Names,
        handler: H,
    ) -> Self {
        self.procedure(handler.procedure(name.into(), parameters))
    }

    /// Adds a procedure. Two of the same name are an error when the app is served.
    #[must_use]
    pub fn procedure(mut self, procedure: Procedure) -> Self {
        self.entries.push(Entry::Procedure(procedure));
        self
    }

    /// Puts a procedure in the place of the one that has the same name already, on purpose. If there is none, that is
    /// an error when the app is served.
    #[must_use]
    pub fn replace(mut self, procedure: Procedure) -> Self {
        self.entries.push(Entry::Replacement(procedure));
        self
    }

    /// Adds a module inside this one: under its own name if it has one, else its procedures become this one's.
    #[must_use]
    pub fn module(mut self, module: impl IntoModule) -> Self {
        self.entries.push(Entry::Module(module.into_module()));
        self
    }

    /// Adds a module inside this one, under this name.
    #[must_use]
    pub fn nest(mut self, name: impl Into<Cow<'static, str>>, module: impl IntoModule) -> Self {
        let mut module = module.into_module();
        module.name = Some(name.into());
        self.entries.push(Entry::Module(module));
        self
    }

    /// Adds a hook that sees the calls of this module's procedures. Hooks run in the order they were added, those of
    /// modules around this one first. Connection hooks run only on the app.
    #[must_use]
    pub fn hook(mut self, hook: impl Hook) -> Self {
        self.hooks.push(Arc::new(hook));
        self
    }

    /// Whether every call of this module's procedures is logged when it has ended, and of those of modules inside it that
    /// say nothing about it themselves. By default it is as the module or app around it says; see
    /// [`App::log_calls`](crate::App::log_calls).
    ///
    /// ```
    /// # use swill::{App, Module};
    /// # let (orders, probes) = (Module::named("orders"), Module::named("probes"));
    /// let app = App::new().log_calls(true).module(orders).module(probes.log_calls(false));
    /// ```
    #[must_use]
    pub fn log_calls(mut self, log: bool) -> Self {
        self.log_calls = Some(log);
        self
    }

    /// The procedures of this module itself, without those of modules inside it, in order.
    pub fn procedures(&self) -> impl Iterator<Item = &Procedure> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Procedure(procedure) => Some(procedure),
            Entry::Replacement(_) | Entry::Module(_) => None,
        })
    }

    /// What comes before the names of this module's procedures, inside of `outer`.
    pub(crate) fn prefix(&self, outer: &str) -> String {
        match self.name.as_deref() {
            Some(name) if !name.is_empty() => format!("{outer}{name}."),
            _ => outer.to_owned(),
        }
    }

    /// Adds the full names of all procedures, those of modules inside this one included.
    pub(crate) fn full_names(&self, outer: &str, names: &mut Vec<String>) {
        let prefix = self.prefix(outer);
        for entry in &self.entries {
            match entry {
                Entry::Procedure(procedure) => names.push(format!("{prefix}{}", procedure.name())),
                Entry::Module(module) => module.full_names(&prefix, names),
                Entry::Replacement(_) => {}
            }
        }
    }
}
