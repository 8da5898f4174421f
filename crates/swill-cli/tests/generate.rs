//! `swill generate`: what it writes for the example `kinds`, and what it says where it cannot.
//!
//! With `SWILL_BLESS=1` in the environment, the golden files are written anew.

use assert_cmd::Command;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

const LANGUAGES: &[(&str, &str)] =
    &[("typescript", "kinds.ts"), ("python", "kinds.py"), ("rust", "kinds.rs")];

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn swill(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("swill").expect("the command is built");
    command.args(arguments).env("NO_COLOR", "1");
    command
}

/// Generates from a description; returns what it wrote and what it warned of.
fn generate(language: &str, description: &Value) -> (String, String) {
    let output =
        swill(&["generate", language, "-"]).write_stdin(description.to_string()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).expect("text"), String::from_utf8(output.stderr).expect("text"))
}

/// A description with one procedure, `find`, whose parameter has this schema.
fn description(schema: &Value, definitions: &Value) -> Value {
    json!({
        "swill": "1",
        "info": {},
        "hash": "",
        "limits": { "message": 1, "answer": 1, "calls": 1, "batch": 1, "metadata_keys": 1, "metadata_bytes": 1 },
        "procedures": [{
            "name": "find",
            "streams_in": false,
            "streams_out": false,
            "parameters": [{ "name": "value", "required": true, "schema": schema }],
            "result": { "type": "null" },
        }],
        "$defs": definitions,
    })
}

#[test]
fn options_change_the_types_that_they_name() {
    let kinds = golden("kinds.json");
    let kinds = kinds.to_str().expect("a path that is text");
    for (language, file, options, gained, lost) in [
        (
            "rust",
            "kinds.rs",
            &["--chrono"][..],
            &["chrono::DateTime<chrono::Utc>", "chrono::NaiveDate"][..],
            None,
        ),
        ("rust", "kinds.rs", &["--uuid"], &["uuid::Uuid"], None),
        ("typescript", "kinds.ts", &["--int64", "number"], &["secs: number;"], Some("number | bigint")),
    ] {
        let plain = fs::read_to_string(golden(file)).expect("a golden file");
        let output = swill(&[&["generate", language, kinds], options].concat()).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let written = String::from_utf8(output.stdout).expect("text");
        for text in gained {
            assert!(written.contains(text) && !plain.contains(text), "{options:?}: {text}");
        }
        if let Some(text) = lost {
            assert!(!written.contains(text) && plain.contains(text), "{options:?}: {text}");
        }
    }
}

#[test]
fn the_same_description_makes_the_same_files() {
    let kinds = golden("kinds.json");
    let kinds = kinds.to_str().expect("a path that is text");
    for (language, file) in LANGUAGES {
        let file = golden(file);
        let path = file.to_str().expect("a path that is text");
        if std::env::var_os("SWILL_BLESS").is_some() {
            swill(&["generate", language, kinds, "-o", path]).assert().success();
        }
        swill(&["generate", language, kinds, "-o", path, "--check"]).assert().success().stderr("");
    }
}

#[test]
fn order_does_not_matter() {
    let text = fs::read_to_string(golden("kinds.json")).expect("the golden file");
    let mut description: Value = serde_json::from_str(&text).expect("JSON");
    let (before, _) = generate("rust", &description);
    let types = |text: &str| {
        let mut types: Vec<String> =
            text.lines().filter(|line| line.starts_with("pub ")).map(Into::into).collect();
        types.sort();
        types
    };
    description["procedures"].as_array_mut().expect("a list").reverse();
    let (after, _) = generate("rust", &description);
    assert_eq!(types(&before), types(&after));
}

#[test]
fn a_file_that_is_out_of_date_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, missing) = (folder.path().join("old.ts"), folder.path().join("missing.ts"));
    let text = fs::read_to_string(golden("kinds.ts")).expect("the golden file");
    fs::write(&old, text.replace("export interface Point {", "export interface Spot {")).expect("written");
    let kinds = golden("kinds.json");
    for (file, wanted) in [(&old, "is not up to date"), (&missing, "cannot be read")] {
        let arguments = ["generate", "ts", kinds.to_str().unwrap(), "-o", file.to_str().unwrap(), "--check"];
        let output = swill(&arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(wanted) && said.contains("without `--check`"), "{said}");
        if file == &old {
            assert!(
                said.contains("- export interface Spot {") && said.contains("+ export interface Point {"),
                "{said}"
            );
        }
    }
    assert!(!missing.exists());
}

#[test]
fn what_is_not_understood_is_any_value_and_a_warning() {
    let schemas = [
        json!({ "not": { "type": "string" } }),
        json!({ "type": "array", "prefixItems": [{ "type": "string" }], "items": { "type": "integer" } }),
        json!({ "$ref": "#/$defs/Nowhere" }),
        json!({ "type": "object", "if": {}, "allOf": [{ "type": "string" }, { "type": "integer" }] }),
        json!(false),
    ];
    for schema in &schemas {
        for (language, any) in [("typescript", "unknown"), ("python", "Any"), ("rust", "Value")] {
            let (text, warnings) = generate(language, &description(schema, &json!({})));
            assert!(warnings.contains("procedure `find`, `value`"), "{schema}: {warnings}");
            let line = text
                .lines()
                .find(|line| line.contains("find(") && line.contains("value"))
                .unwrap_or_default();
            assert!(line.contains(any), "{schema}: {line}");
            assert!(text.contains("more about this type than the generator understands"), "{schema}");
        }
    }
}

#[test]
fn names_that_collide_or_are_reserved_are_told_apart() {
    let definitions = json!({
        "page_of": { "type": "object", "properties": { "class": { "type": "string" }, "Class": { "type": "string" } } },
        "PageOf": { "type": "object", "properties": { "x": { "type": "integer" } } },
        "Client": { "type": "string", "enum": ["a-b", "a_b", "class"] },
    });
    let parts: Vec<Value> =
        ["page_of", "PageOf", "Client"].iter().map(|it| json!({ "$ref": format!("#/$defs/{it}") })).collect();
    let schema = json!({ "type": "array", "prefixItems": parts, "minItems": 3, "maxItems": 3 });
    let described = description(&schema, &definitions);
    for (language, wanted) in [
        ("typescript", ["interface PageOf {", "interface PageOf_ {", "type Client_ ="]),
        ("python", ["class PageOf(", "class PageOf_(", "A_B_ = \"a_b\""]),
        ("rust", ["pub struct PageOf {", "pub struct PageOf_ {", "pub enum Client_ {"]),
    ] {
        let (text, _) = generate(language, &described);
        for wanted in wanted {
            assert!(text.contains(wanted), "{language}: {wanted}\n{text}");
        }
    }
}

#[test]
fn a_description_without_procedures_says_what_to_do() {
    let mut described = description(&json!(true), &json!({}));
    described["procedures"] = json!([]);
    let output =
        swill(&["generate", "python", "-"]).write_stdin(described.to_string()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no procedures") && said.contains("swill inspect"), "{said}");
}

#[test]
fn members_that_nobody_knows_are_no_trouble() {
    let mut described = description(&json!({ "type": "string", "x-new": 1 }), &json!({}));
    described["new"] = json!({});
    described["procedures"][0]["new"] = json!([1]);
    let (text, warnings) = generate("typescript", &described);
    assert!(text.contains("find(value: string"), "{text}");
    assert_eq!(warnings, "");
}
