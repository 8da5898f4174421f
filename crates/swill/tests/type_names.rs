//! Names of types in the description: one for each, and another one where a type is not the same both ways.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use swill::{App, Module};

/// A place on the map.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Point {
    x: i32,
    #[serde(default)]
    y: i32,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Tree<T> {
    value: T,
    branches: Vec<Tree<T>>,
}

/// Two types of one name, and one that is not the same both ways.
mod other {
    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    pub(super) struct Point {
        pub(super) height: f64,
    }
}

#[test]
fn types_of_one_name_are_told_apart() {
    let module = Module::new()
        .handle("a", ["at"], async |at: Point| at)
        .handle("b", ["at"], async |at: other::Point| at.height)
        .handle("c", ["at"], async |_: Tree<Point>| other::Point { height: 1.0 });
    let spec = App::new().module(module).spec().unwrap();
    let parameter = |name: &str| spec.procedure(name).unwrap().parameters[0].schema.clone();
    let result = |name: &str| spec.procedure(name).unwrap().result.clone();
    assert_eq!(parameter("a"), json!({ "$ref": "#/$defs/Point" }));
    // `y` may be left out on the way in, and is always there on the way out.
    assert_eq!(result("a"), json!({ "$ref": "#/$defs/PointOutput" }));
    assert_eq!(spec.definitions["Point"]["required"], json!(["x"]));
    assert_eq!(spec.definitions["PointOutput"]["required"], json!(["x", "y"]));
    assert_eq!(parameter("b"), json!({ "$ref": "#/$defs/Point2" }));
    assert_eq!(result("c"), json!({ "$ref": "#/$defs/Point2" }));
    assert_eq!(spec.definitions["Point2"]["required"], json!(["height"]));
    let names: Vec<_> = spec.definitions.keys().collect();
    assert_eq!(names, ["Point", "Point2", "PointOutput", "Tree"]);
}

/// What a place is like, which only goes out.
#[derive(Serialize, JsonSchema)]
struct Place {
    at: Point,
    /// Nobody may have named it.
    name: Option<String>,
}

#[test]
fn a_type_that_only_goes_out_keeps_its_name() {
    let place = async |at: Point| Place { at, name: None };
    let only_out = async || Point { x: 1, y: 2 };
    let spec = App::new().module(Module::new().handle("place", ["at"], place)).spec().unwrap();
    assert_eq!(spec.procedures[0].result, json!({ "$ref": "#/$defs/Place" }));
    assert_eq!(spec.definitions["Place"]["required"], json!(["at", "name"]));
    // What it consists of is not the same both ways, and does come in.
    assert_eq!(spec.definitions["Place"]["properties"]["at"]["$ref"], "#/$defs/PointOutput");
    let names: Vec<_> = spec.definitions.keys().collect();
    assert_eq!(names, ["Place", "Point", "PointOutput"]);

    let spec = App::new().module(Module::new().handle("here", [], only_out)).spec().unwrap();
    assert_eq!(spec.procedures[0].result, json!({ "$ref": "#/$defs/Point" }));
    assert_eq!(spec.definitions["Point"]["required"], json!(["x", "y"]));
}
