//! Structs in all forms.

use crate::echo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use swill::{Bytes, Module};

/// A place on the map.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Point {
    /// To the east, in metres.
    x: f64,
    /// To the north, in metres.
    y: f64,
}

/// Fields that need not be there.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Settings {
    /// What they are for.
    name: String,
    /// How often to try again.
    #[serde(default = "three")]
    retries: u32,
    /// Whether they count.
    #[serde(default)]
    enabled: bool,
    /// What else there is to say. Left out if there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// May be null.
    parent: Option<u64>,
    #[serde(default)]
    tags: Vec<String>,
}

fn three() -> u32 {
    3
}

/// Names that are others on the wire.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Renamed {
    first_name: String,
    #[serde(rename = "$id")]
    identifier: i32,
    #[serde(rename = "two words")]
    two_words: bool,
    #[serde(rename = "2nd")]
    second: String,
}

/// Names that mean something else in some language.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Reserved {
    r#type: String,
    class: i32,
    from: String,
    r#self_: bool,
    #[serde(rename = "self")]
    this: bool,
    default: Option<i32>,
    #[serde(rename = "None")]
    none: bool,
    constructor: String,
}

/// Written as its only field is.
#[derive(Serialize, Deserialize, JsonSchema)]
struct UserId(u64);

/// Likewise, but with a name.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Celsius {
    degrees: f64,
}

/// Has nothing to say.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Marker;

/// A list of different things.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Segment(Point, Point, String);

/// Has the fields of another.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Circle {
    #[serde(flatten)]
    centre: Point,
    radius: f64,
}

/// Has whatever else comes.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Extra {
    name: String,
    #[serde(flatten)]
    others: BTreeMap<String, i64>,
}

/// Takes no other fields.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Strict {
    only: i32,
}

/// Has no fields.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Empty {}

/// Values that hold to constraints.
#[swill::validate]
#[derive(Serialize, Deserialize, JsonSchema)]
struct Order {
    #[valid(length(1..40))]
    title: String,
    #[valid(ge = 1, le = 100)]
    count: u32,
    #[valid(regex = "^[A-Z]{3}$")]
    currency: String,
    #[valid(each(length(1..5)))]
    tags: Vec<String>,
    #[valid(multiple_of = 5)]
    step: Option<i64>,
}

/// A part of many.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Page_of_{T}")]
pub(crate) struct Page<T> {
    items: Vec<T>,
    /// What to ask for next.
    next: Option<String>,
    total: u64,
}

/// Holds others of its kind.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Tree {
    value: i64,
    #[serde(default)]
    branches: Vec<Tree>,
    left: Option<Box<Tree>>,
}

/// Almost everything at once.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Everything {
    id: uuid::Uuid,
    at: chrono::DateTime<chrono::Utc>,
    owner: UserId,
    picture: Bytes,
    size: u64,
    balance: i64,
    initial: char,
    path: Vec<Point>,
    span: (i32, i32),
    labels: BTreeMap<String, Option<Bytes>>,
    settings: Settings,
    marker: (),
    /// Nobody should look at it.
    #[deprecated = "look at `size`"]
    length: Option<u32>,
    #[schemars(extend("const" = "v1"))]
    version: String,
}

pub(crate) fn module() -> Module {
    Module::named("structs")
        .doc("Types with fields.")
        .procedure(echo::<Point>("point", "Two numbers."))
        .procedure(echo::<Settings>("settings", "Some fields may be left out."))
        .procedure(echo::<Renamed>("renamed", "Other names on the wire."))
        .procedure(echo::<Reserved>("reserved", "Names that are reserved somewhere."))
        .procedure(echo::<UserId>("user_id", "A newtype."))
        .procedure(echo::<Celsius>("celsius", "A transparent struct."))
        .procedure(echo::<Marker>("marker", "A unit struct."))
        .procedure(echo::<Segment>("segment", "A tuple struct."))
        .procedure(echo::<Circle>("circle", "A flattened field."))
        .procedure(echo::<Extra>("extra", "A flattened map."))
        .procedure(echo::<Strict>("strict", "Unknown fields are refused."))
        .procedure(echo::<Empty>("empty", "No fields."))
        .procedure(echo::<Order>("order", "Constraints."))
        .procedure(echo::<Tree>("tree", "Recursion."))
        .procedure(echo::<Everything>("everything", "Almost everything at once."))
}
