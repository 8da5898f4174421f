use crate::{
    Context,
    call::{Call, Finished},
    input::Input,
    limits::FOREVER,
    reply::Output,
    running::Running,
    typed_error::{DescribeErrors, TypedError},
    validation::Findings,
};
use pin_project_lite::pin_project;
use schemars::{Schema, SchemaGenerator};
use std::{borrow::Cow, fmt, future::Future, pin::Pin, sync::Arc, task::Poll, time::Duration};
use swill_proto::{
    Error, Payload, Result, Shape,
    spec::{ErrorSpec, MetadataKey, MetadataSpec},
};

/// One method that peers can call, with its types erased.
///
/// [`#[swill::module]`](crate::module) writes one for each method; [`Module::handle`](crate::Module::handle) makes one
/// of a closure. What both expand to can be written by hand:
///
/// ```
/// use swill::{Call, Finished, Module, Procedure, Reply};
///
/// let add = Procedure::new("add", ["a", "b"], |call: Call<(i64, i64)>| async move {
///     let (cx, (a, b)) = call.into_parts();
///     let result = (a + b).send(&cx).await;
///     Finished::new(cx, result)
/// });
/// let calc = Module::named("calc").procedure(add.doc("Adds two numbers."));
/// assert_eq!(calc.procedures().next().unwrap().name(), "add");
/// ```
#[derive(Clone)]
pub struct Procedure {
    name: Cow<'static, str>,
    doc: Cow<'static, str>,
    parameters: Vec<Parameter>,
    shape: Shape,
    deadline: Option<Duration>,
    paths: Vec<Cow<'static, str>>,
    errors: Vec<DescribeErrors>,
    metadata: MetadataSpec,
    optional: fn() -> Vec<bool>,
    schemas: fn(&mut SchemaGenerator) -> (Vec<Schema>, Schema),
    /// What is added to the schemas of parameters, by their positions.
    amend: Vec<(usize, Amend)>,
    start: Arc<Start>,
}

type Amend = fn(&mut Schema);

type Start = dyn Fn(Box<Context>, Option<Payload<'_>>) -> Started + Send + Sync;

/// What becomes of a call: it runs, or its parameters do not fit.
pub(crate) enum Started {
    Running(Running),
    Failed(Box<Context>, Error),
}

/// The name and documentation of a parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name, as it is on the wire.
    pub name: &'static str,
    /// What it means.
    pub doc: Cow<'static, str>,
}

/// The JSON Schemas of a procedure.
#[derive(Clone, Debug)]
pub struct Schemas {
    /// Of each parameter, or of the items of the stream in.
    pub input: Vec<Schema>,
    /// Of the answer, or of the items of the stream out.
    pub output: Schema,
    /// Types that the others refer to by `#/$defs/…`.
    pub definitions: serde_json::Map<String, serde_json::Value>,
}

impl Procedure {
    /// A procedure with this name, these names of its parameters, and this way to run it.
    pub fn new<P, O, F, Fut>(name: impl Into<Cow<'static, str>>, parameters: P::Names, run: F) -> Self
    where
        P: Input,
        O: Output,
        F: Fn(Call<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Finished<O>> + Send + 'static,
    {
        Self::admitting(name.into(), parameters, |_| Ok(()), run)
    }

    /// As [`new`](Self::new), for a procedure that asks more of its parameters than that they have their types.
    ///
    /// ```
    /// use swill::{Call, Finished, Procedure, Reply, validation::Findings};
    ///
    /// let check = |(n,): &(u64,), found: &mut Findings<'_>| found.field("n", &[], |found| found.le(n, 20));
    /// let factorial = Procedure::checked("factorial", ["n"], check, |call: Call<(u64,)>| async move {
    ///     let (cx, (n,)) = call.into_parts();
    ///     let result = (1..=n).product::<u64>().send(&cx).await;
    ///     Finished::new(cx, result)
    /// });
    /// # let _ = factorial;
    /// ```
    pub fn checked<P, O, F, Fut>(
        name: impl Into<Cow<'static, str>>,
        parameters: P::Names,
        check: impl Fn(&P, &mut Findings<'_>) + Send + Sync + 'static,
        run: F,
    ) -> Self
    where
        P: Input,
        O: Output,
        F: Fn(Call<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Finished<O>> + Send + 'static,
    {
        let admit = move |input: &P| {
            let mut found = Findings::new(false);
            check(input, &mut found);
            found.into_result()
        };
        Self::admitting(name.into(), parameters, admit, run)
    }

    fn admitting<P, O, F, Fut>(
        name: Cow<'static, str>,
        names: P::Names,
        admit: impl Fn(&P) -> Result<()> + Send + Sync + 'static,
        run: F,
    ) -> Self
    where
        P: Input,
        O: Output,
        F: Fn(Call<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Finished<O>> + Send + 'static,
    {
        let start = move |mut cx: Box<Context>, payload: Option<Payload<'_>>| {
            // Nothing is moved that need not be: every call comes this way.
            let input = match P::take(&mut cx, payload, &names) {
                Ok(input) => input,
                Err(error) => return Started::Failed(cx, error),
            };
            if let Err(error) = admit(&input) {
                return Started::Failed(cx, error);
            }
            let ended = cx.take_ended();
            let finished = run(Call { cx, input });
            Started::Running(Running::again(ended, Erased { finished }))
        };
        let parameters =
            names.as_ref().iter().map(|&name| Parameter { name, doc: Cow::Borrowed("") }).collect();
        Self {
            name,
            doc: Cow::Borrowed(""),
            parameters,
            amend: Vec::new(),
            shape: Shape { streams_in: P::STREAMS, streams_out: O::STREAMS },
            deadline: None,
            errors: Vec::new(),
            metadata: MetadataSpec::default(),
            paths: Vec::new(),
            optional: P::optional,
            schemas: |generator| (P::schemas(generator), generator.subschema_for::<O::Item>()),
            start: Arc::new(start),
        }
    }

    /// Sets the documentation.
    #[must_use]
    pub fn doc(mut self, doc: impl Into<Cow<'static, str>>) -> Self {
        self.doc = doc.into();
        self
    }

    /// Sets the documentation of a parameter. A name that the procedure does not have is ignored.
    #[must_use]
    pub fn parameter_doc(mut self, name: &str, doc: impl Into<Cow<'static, str>>) -> Self {
        if let Some(parameter) = self.parameters.iter_mut().find(|parameter| parameter.name == name) {
            parameter.doc = doc.into();
        }
        self
    }

    /// Adds to the JSON Schema of a parameter what its type does not say: constraints, a default. A name that the
    /// procedure does not have is ignored.
    #[must_use]
    pub fn parameter_schema(mut self, name: &str, amend: fn(&mut Schema)) -> Self {
        if let Some(at) = self.parameters.iter().position(|parameter| parameter.name == name) {
            self.amend.push((at, amend));
        }
        self
    }

    /// How long a call may take. Then it is cancelled and fails with code 504. Overrides
    /// [`Limits::deadline`](crate::Limits::deadline).
    #[must_use]
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Some(within.min(FOREVER));
        self
    }

    /// Gives it a path, for protocols that call by path: `/rooms/{room}` calls it with the parameter `room`. Can be
    /// called several times. Without one it is called by its name: `/math/add` is `math.add`.
    ///
    /// A parameter in a path is a number or a boolean if its type is one, else text. An app whose paths name parameters that
    /// their procedures do not have cannot be [built](crate::BuildError::BadPath).
    #[must_use]
    pub fn path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Says of a key of the metadata that comes with a call what it means to the procedure, for the description of the
    /// app. Nothing is checked.
    #[must_use]
    pub fn client_metadata(mut self, name: impl Into<String>, doc: impl Into<String>) -> Self {
        self.metadata.client.push(MetadataKey::new(name, doc));
        self
    }

    /// Says what a key of the leading metadata means, which the procedure sets ahead of its answer.
    #[must_use]
    pub fn leading_metadata(mut self, name: impl Into<String>, doc: impl Into<String>) -> Self {
        self.metadata.leading.push(MetadataKey::new(name, doc));
        self
    }

    /// Says what a key of the trailing metadata means, which comes with the answer or the end of the stream.
    #[must_use]
    pub fn trailing_metadata(mut self, name: impl Into<String>, doc: impl Into<String>) -> Self {
        self.metadata.trailing.push(MetadataKey::new(name, doc));
        self
    }

    /// The metadata that it says something about.
    pub fn metadata(&self) -> &MetadataSpec {
        &self.metadata
    }

    /// Its paths.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(|path| &**path)
    }

    /// Describes the errors of this type as the procedure's own. Whoever uses `#[swill::module]` need not call it, unless
    /// an alias hides the type.
    ///
    /// ```
    /// use swill::{App, Handler, Module};
    ///
    /// #[derive(Debug, swill::Error)]
    /// #[error(code = 400, message = "division by zero", parameter = "b")]
    /// struct DivisionByZero;
    ///
    /// let divide = async |a: i64, b: i64| a.checked_div(b).ok_or(DivisionByZero);
    /// let divide = divide.procedure("divide".into(), ["a", "b"]).errors::<DivisionByZero>();
    /// let spec = App::new().module(Module::new().procedure(divide)).spec()?;
    /// assert_eq!(spec.procedure("divide").unwrap().errors[0].name, "DivisionByZero");
    /// # Ok::<(), swill::BuildError>(())
    /// ```
    #[must_use]
    pub fn errors<E: TypedError>(self) -> Self {
        self.describe_errors(E::describe)
    }

    /// As [`errors`](Self::errors), by a function: [`ErrorsOf`](crate::ErrorsOf) finds the one of a type, if it has one.
    #[must_use]
    pub fn describe_errors(mut self, describe: DescribeErrors) -> Self {
        self.errors.push(describe);
        self
    }

    /// The name, without those of the modules around it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The documentation.
    pub fn documentation(&self) -> &str {
        &self.doc
    }

    /// The parameters, or the one stream in.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Which directions stream.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The JSON Schemas of what goes in and out.
    pub fn schemas(&self) -> Schemas {
        let mut generator = SchemaGenerator::default();
        let (input, output) = self.schemas_with(&mut generator);
        Schemas { input, output, definitions: generator.take_definitions(true) }
    }

    /// The schemas of what goes in and out.
    pub(crate) fn schemas_with(&self, generator: &mut SchemaGenerator) -> (Vec<Schema>, Schema) {
        let (mut input, output) = (self.schemas)(generator);
        for (at, amend) in &self.amend {
            if let Some(schema) = input.get_mut(*at) {
                amend(schema);
            }
        }
        (input, output)
    }

    /// Which of the parameters may be left out.
    pub(crate) fn optional(&self) -> Vec<bool> {
        // The types are asked, and those of an application may panic: that is for calls, not for the start.
        std::panic::catch_unwind(self.optional).unwrap_or_default()
    }

    /// Every error that is described, once.
    pub(crate) fn errors_with(&self, generator: &mut SchemaGenerator) -> Vec<ErrorSpec> {
        let mut errors = Vec::new();
        for error in self.errors.iter().flat_map(|describe| describe(generator)) {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        errors
    }

    pub(crate) fn time_limit(&self) -> Option<Duration> {
        self.deadline
    }

    #[inline]
    pub(crate) fn start(&self, cx: Box<Context>, payload: Option<Payload<'_>>) -> Started {
        (self.start)(cx, payload)
    }
}

impl fmt::Debug for Procedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Procedure")
            .field("name", &self.name)
            .field("parameters", &self.parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>())
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A procedure's future without the type of its answer. An `async` block would hold the future twice.
    struct Erased<Fut> {
        #[pin]
        finished: Fut,
    }
}

impl<O: Output, Fut: Future<Output = Finished<O>>> Future for Erased<Fut> {
    type Output = Finished;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<Finished> {
        self.project().finished.poll(task).map(Finished::erase)
    }
}
