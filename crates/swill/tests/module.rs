//! What `#[swill::module]` makes of a block, seen without a socket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fmt, pin::Pin, sync::Mutex};
use swill::{Context, FromContext, IntoModule, Module, Peer, Procedure, Stream, Streaming};

struct User {
    name: String,
}

impl FromContext for User {}

#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq)]
struct Point {
    x: i64,
    y: i64,
}

fn module_of(module: impl IntoModule) -> BTreeMap<String, Procedure> {
    module.into_module().procedures().map(|it| (it.name().to_owned(), it.clone())).collect()
}

fn names(module: impl IntoModule) -> Vec<String> {
    module.into_module().procedures().map(|it| it.name().to_owned()).collect()
}

fn full_names(module: impl IntoModule) -> Vec<String> {
    let app = swill::App::new().module(module);
    app.procedures().iter().map(ToString::to_string).collect()
}

fn parameters(procedure: &Procedure) -> Vec<(&str, &str)> {
    procedure.parameters().iter().map(|it| (it.name, &*it.doc)).collect()
}

struct Calc {
    numbers: Vec<u32>,
}

/// Arithmetic.
///
///     indented
/// And more.
#[swill::module]
impl Calc {
    const ZERO: i64 = 0;

    /// Adds two numbers.
    async fn add(
        &self,
        /// What to add to.
        a: i64,
        b: i64,
    ) -> i64 {
        a + b
    }

    /** Does nothing. */
    fn nothing(&self) {}

    #[doc = "Moves"]
    #[doc = concat!("a ", "point.")]
    fn shift(&self, point: Point, by: Option<Point>) -> Result<Point, fmt::Error> {
        let by = by.ok_or(fmt::Error)?;
        Ok(Point { x: point.x + by.x, y: point.y + by.y })
    }

    async fn read(&self) -> std::io::Result<&'static str> {
        Ok("text")
    }

    fn count(
        &self,
        /// Where to stop.
        to: u32,
    ) -> impl Stream<Item = u32> {
        swill::stream::iter(0..to)
    }

    async fn total(
        &self,
        /// What to sum up.
        mut numbers: Streaming<i64>,
    ) -> swill::Result<i64> {
        let mut sum = Self::ZERO;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    async fn doubled(
        &self,
        numbers: Streaming<i64>,
        _cx: &Context,
    ) -> swill::Result<impl Stream<Item = swill::Result<i64>>> {
        Ok(swill::stream! {
            for await number in numbers {
                yield Ok(number? * 2);
            }
        })
    }

    async fn who(&self, cx: &Context, user: &User, peer: &Peer, greeting: String) -> String {
        format!("{greeting} {} of {peer:?}, you call {}", user.name, cx.procedure())
    }
}

#[test]
fn procedures_come_in_the_order_of_the_methods() {
    let calc = Calc { numbers: vec![] };
    assert_eq!(names(calc), ["add", "nothing", "shift", "read", "count", "total", "doubled", "who"]);
}

#[test]
fn doc_comments_are_the_documentation() {
    let module = Calc { numbers: vec![] }.into_module();
    assert_eq!(module.documentation(), "Arithmetic.\n\n    indented\nAnd more.");
    let calc = module_of(module);
    let docs = ["add", "nothing", "shift", "read"].map(|name| calc[name].documentation().to_owned());
    assert_eq!(docs, ["Adds two numbers.", "Does nothing.", "Moves\na point.", ""]);
}

#[test]
fn owned_arguments_are_parameters_and_borrowed_ones_are_not() {
    let calc = module_of(Calc { numbers: vec![] });
    assert_eq!(parameters(&calc["add"]), [("a", "What to add to."), ("b", "")]);
    assert_eq!(parameters(&calc["nothing"]), []);
    assert_eq!(parameters(&calc["total"]), [("numbers", "What to sum up.")]);
    assert_eq!(parameters(&calc["doubled"]), [("numbers", "")]);
    assert_eq!(parameters(&calc["who"]), [("greeting", "")]);
}

#[test]
fn shapes_follow_the_signatures() {
    let calc = module_of(Calc { numbers: vec![] });
    let shape = |name: &str| (calc[name].shape().streams_in, calc[name].shape().streams_out);
    assert_eq!(shape("add"), (false, false));
    assert_eq!(shape("count"), (false, true));
    assert_eq!(shape("total"), (true, false));
    assert_eq!(shape("doubled"), (true, true));
}

#[test]
fn schemas_follow_the_signatures() {
    fn types(procedure: &Procedure) -> (Vec<String>, String) {
        let schemas = procedure.schemas();
        let of = |schema: &schemars::Schema| {
            let key = ["$ref", "anyOf", "type"].into_iter().find_map(|key| schema.get(key));
            key.map_or_else(String::new, ToString::to_string)
        };
        (schemas.input.iter().map(of).collect(), of(&schemas.output))
    }
    let calc = module_of(Calc { numbers: vec![] });
    let integer = || r#""integer""#.to_owned();
    let point = r##""#/$defs/Point""##.to_owned();
    assert_eq!(types(&calc["add"]), (vec![integer(), integer()], integer()));
    assert_eq!(types(&calc["nothing"]), (vec![], r#""null""#.to_owned()));
    assert_eq!(types(&calc["count"]), (vec![integer()], integer()));
    assert_eq!(types(&calc["total"]), (vec![integer()], integer()));
    assert_eq!(types(&calc["doubled"]), (vec![integer()], integer()));
    let (input, output) = types(&calc["shift"]);
    assert_eq!((&input[0], &output), (&point, &point));
    assert!(input[1].contains(&point) && input[1].contains("null"), "{}", input[1]);
    assert!(calc["shift"].schemas().definitions.contains_key("Point"));
}

#[tokio::test]
async fn methods_stay_ordinary_methods() {
    let calc = Calc { numbers: vec![] };
    assert_eq!(calc.add(1, 2).await, 3);
    let moved = calc.shift(Point { x: 1, y: 2 }, Some(Point { x: 10, y: 10 }));
    assert_eq!(moved, Ok(Point { x: 11, y: 12 }));
    assert!(calc.numbers.is_empty());
    assert_eq!(calc.read().await.ok(), Some("text"));
}

struct Keys;

#[swill::module(name = "keys")]
impl Keys {
    #[swill(name = "sum")]
    async fn add(&self, #[swill(name = "left")] a: i64, b: i64) -> i64 {
        a + b
    }

    #[swill(blocking, deadline = "5s")]
    fn slow(&self, user: &User, text: String) -> swill::Result<String> {
        Ok(text + &user.name)
    }

    #[swill(deadline = "1500ms")]
    #[swill(name = "late")]
    async fn wait(&self) {}

    #[swill(blocking)]
    fn work(&self, cx: &Context) -> bool {
        cx.cancelled().is_none()
    }

    #[swill(skip)]
    fn help(text: &mut String) -> &str {
        text.push('!');
        text
    }

    async fn r#type(&self, r#in: String, _unused: bool) -> String {
        Self::help(&mut r#in.clone()).to_owned()
    }
}

#[test]
fn names_can_be_set() {
    let keys = module_of(Keys);
    assert_eq!(names(Keys), ["sum", "slow", "late", "work", "type"]);
    assert_eq!(parameters(&keys["sum"]), [("left", ""), ("b", "")]);
    assert_eq!(parameters(&keys["type"]), [("in", ""), ("_unused", "")]);
    let full: Vec<_> = names(Keys).iter().map(|name| format!("keys.{name}")).collect();
    assert_eq!(full_names(Keys), full);
}

#[test]
fn a_module_without_a_name_has_none() {
    assert_eq!(full_names(Module::new().module(Two { one: 1 })), names(Two { one: 1 }));
}

struct Two {
    one: u32,
}

#[swill::module]
impl Two {
    #[cfg(test)]
    async fn here(&self) -> u32 {
        self.one
    }

    #[cfg(not(test))]
    async fn here(&self) -> NoSuchType {}

    #[cfg(not(test))]
    async fn gone(&self, what: NoSuchType) {}

    /// Called as a method of an `Arc`, these would be something else.
    fn clone(&self) -> u32 {
        self.one
    }

    fn as_ref(&self) -> u32 {
        self.one
    }

    /// The names that the expansion uses itself.
    fn hygienic(&self, this: u8, call: u8, cx: &Context, result: u8, module: u8) -> String {
        format!("{this} {call} {cx:?} {result} {module}")
    }
}

#[test]
fn conditions_of_methods_are_those_of_procedures() {
    assert_eq!(names(Two { one: 1 }), ["here", "clone", "as_ref", "hygienic"]);
}

trait Store: Send + Sync + 'static {
    type Key: DeserializeOwned + JsonSchema + Send;
}

struct Table<S: Store, V, const N: usize>(Mutex<[Option<V>; N]>, S);

#[swill::module]
impl<S: Store, V, const N: usize> Table<S, V, N>
where
    V: Serialize + DeserializeOwned + JsonSchema + Clone + Send + 'static,
    S::Key: 'static,
{
    async fn put(&self, _key: S::Key, value: V) -> Option<V> {
        self.0.lock().ok()?.first_mut()?.replace(value)
    }

    async fn all(&self) -> Vec<Option<V>> {
        self.0.lock().map(|it| it.to_vec()).unwrap_or_default()
    }
}

#[tokio::test]
async fn blocks_may_be_generic() {
    struct Memory;
    impl Store for Memory {
        type Key = String;
    }
    let table = || Table::<Memory, Point, 1>(Mutex::default(), Memory);
    assert_eq!(names(table()), ["put", "all"]);
    assert_eq!(table().put("key".into(), Point { x: 1, y: 2 }).await, None);
    assert_eq!(table().all().await, [None]);
    let _ = table().1;
}

type Answer = swill::Result<Point>;
type Items<'a> = Pin<Box<dyn Stream<Item = u32> + Send + 'a>>;

/// An error that could be an answer, too.
#[derive(Serialize, JsonSchema, Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

struct Streams {
    numbers: Vec<u32>,
}

#[swill::module]
impl Streams {
    fn own(&self, plus: u32, cx: &Context, user: &User) -> impl Stream<Item = u32> {
        swill::stream! {
            for number in &self.numbers {
                yield number + plus + (cx.procedure().len() + user.name.len()) as u32;
            }
        }
    }

    fn named<'a>(&'a self, cx: &'a Context) -> impl Stream<Item = u32> + Send + use<'a> {
        swill::stream::iter(self.numbers.iter().map(|number| number + cx.procedure().len() as u32))
    }

    async fn tried(&self, user: &User) -> Result<impl Stream<Item = Result<Point, Refused>>, fmt::Error> {
        if user.name.is_empty() {
            return Err(fmt::Error);
        }
        Ok(swill::stream::iter(self.numbers.iter().map(|_| Err(Refused))))
    }

    fn boxed(&self) -> Items<'_> {
        Box::pin(swill::stream::iter(self.numbers.iter().copied()))
    }

    async fn alias(&self) -> Answer {
        Err(Refused)?
    }

    async fn refused(&self, _a: u8) -> Result<Point, Refused> {
        Err(Refused)
    }
}

#[test]
fn streams_may_borrow_from_what_the_procedure_was_lent() {
    let streams = module_of(Streams { numbers: vec![] });
    for (name, procedure) in &streams {
        let streams_out = !matches!(name.as_str(), "alias" | "refused");
        assert_eq!(procedure.shape().streams_out, streams_out, "{name}");
    }
}

macro_rules! calculators {
    ($($module:ident: $number:ty, $text:literal;)*) => {$(
        struct $module;

        #[swill::module(name = $text)]
        impl $module {
            #[doc = $text]
            async fn add(&self, a: $number, b: $number, _cx: &Context) -> $number {
                a + b
            }
        }
    )*};
}

calculators! {
    Whole: i64, "whole";
    Real: f64, "real";
}

#[test]
fn blocks_may_come_from_macros() {
    assert_eq!(full_names(Whole), ["whole.add"]);
    assert_eq!(module_of(Real)["add"].documentation(), "real");
}

struct Empty;

#[swill::module]
impl Empty {}

#[test]
fn a_block_may_be_empty() {
    assert_eq!(names(Empty), [""; 0]);
}
