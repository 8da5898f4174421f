//! Enums in all forms that serde knows.

use crate::{echo, structs::Point};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swill::{Bytes, Module};

/// One of a few words.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Colour {
    Red,
    /// As the grass.
    DarkGreen,
    #[serde(rename = "None")]
    Nothing,
}

/// One of a few words, none of them with a text of its own.
#[derive(Serialize, Deserialize, JsonSchema)]
enum Direction {
    North,
    East,
    South,
    West,
}

/// The variant's name outside, its content inside.
#[derive(Serialize, Deserialize, JsonSchema)]
enum External {
    /// Nothing.
    Empty,
    Nothing,
    /// A value.
    Text(String),
    At(Point),
    Pair(i32, String),
    /// Fields.
    Rectangle {
        width: f64,
        height: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    Blob(Bytes),
    Colour(Colour),
}

/// The variant's name among its fields.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Internal {
    Started,
    /// Says how far it is.
    Progress {
        percent: u8,
    },
    MovedTo(Point),
    Failed {
        class: String,
        code: i64,
    },
}

/// The variant's name beside its content.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "data")]
enum Adjacent {
    Ping,
    Text(String),
    Position(i32, i32),
    Moved { from: Point, to: Point },
    Amount(u64),
}

/// No variant's name at all.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Flag(bool),
    Number(i64),
    Text(String),
    Point(Point),
    Words(Vec<String>),
    Named { name: String, size: u64 },
    Nothing,
}

/// Terms of arithmetic, which hold others.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Term {
    Number { value: f64 },
    Add { left: Box<Term>, right: Box<Term> },
    Negate { term: Box<Term> },
    Sum { terms: Vec<Term> },
}

/// Lists in lists.
#[derive(Serialize, Deserialize, JsonSchema)]
enum Nested {
    Leaf(i64),
    Node(Vec<Nested>),
    End,
}

/// An enum beside other fields.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Envelope {
    id: u64,
    content: External,
    event: Option<Internal>,
    colours: Vec<Colour>,
}

/// The fields of an enum among others.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Signed {
    by: String,
    #[serde(flatten)]
    event: Internal,
}

pub(crate) fn module() -> Module {
    Module::named("enums")
        .doc("Types with variants.")
        .procedure(echo::<Colour>("colour", "Words."))
        .procedure(echo::<Direction>("direction", "Words without texts."))
        .procedure(echo::<External>("external", "Tagged from outside."))
        .procedure(echo::<Internal>("internal", "Tagged from inside."))
        .procedure(echo::<Adjacent>("adjacent", "Tagged beside."))
        .procedure(echo::<Untagged>("untagged", "Not tagged."))
        .procedure(echo::<Term>("term", "Recursion, tagged from inside."))
        .procedure(echo::<Nested>("nested", "Recursion, tagged from outside."))
        .procedure(echo::<Envelope>("envelope", "Enums in a struct."))
        .procedure(echo::<Signed>("signed", "An enum flattened into a struct."))
}
