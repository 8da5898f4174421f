//! Which crate may know what.

use super::{Files, code};
use std::collections::BTreeMap;

/// Crates that are state machines: bytes in, bytes out.
pub(super) const PURE: &[&str] = &["swill-proto", "swill-ws"];

/// What stands for IO, clocks, threads or async.
const IMPURE: &[&str] = &[
    "async ",
    "async{",
    ".await",
    "Future",
    "tokio",
    "std::fs",
    "std::io::",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "Instant",
    "SystemTime",
];

/// What a crate of this repository may depend on, tests apart.
const LAYERS: &[(&str, &[&str])] = &[
    ("swill-ws", &[]),
    ("swill-proto", &[]),
    ("swill-macros", &[]),
    ("swill", &["swill-macros", "swill-proto", "swill-ws"]),
    ("swill-client", &["swill-proto", "swill-ws"]),
    ("swill-cli", &["swill", "swill-client", "swill-proto", "swill-ws"]),
];

pub(super) fn pure(files: &Files) -> Vec<String> {
    let mut findings = vec![];
    for name in PURE {
        let folder = format!("crates/{name}/src/");
        for (path, text) in files.rust(&folder) {
            // Builds for tests of the abuse suite ask the environment which defence is off.
            let switches = path.ends_with("/weak.rs");
            for (at, line) in code(text).filter(|(_, line)| !switches || !line.contains("std::env")) {
                let found = IMPURE.iter().filter(|word| line.contains(**word));
                findings.extend(found.map(|word| format!("{path}:{at} has `{}`", word.trim())));
            }
        }
    }
    findings
}

/// Findings in the output of `cargo tree`.
pub(super) fn impure_dependencies(name: &str, tree: &str) -> Vec<String> {
    const NEVER: &[&str] =
        &["tokio", "mio", "socket2", "hyper", "axum", "async-", "futures", "smol", "swill "];
    let never = |line: &&str| NEVER.iter().any(|never| line.starts_with(never));
    tree.lines().filter(never).map(|line| format!("{name} depends on {line}")).collect()
}

pub(super) fn layers(files: &Files) -> Vec<String> {
    let mut findings = vec![];
    for (path, text) in files.iter() {
        let Some(name) = path.strip_prefix("crates/").and_then(|path| path.strip_suffix("/Cargo.toml"))
        else {
            continue;
        };
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
            findings.push(format!("{name} has no place among the layers (xtask/src/tidy/crates.rs)"));
            continue;
        };
        for dependency in direct(text).filter(|it| !it.development && it.name.starts_with("swill")) {
            if !allowed.contains(&dependency.name) {
                findings.push(format!("{name} may not depend on {}", dependency.name));
            }
        }
    }
    findings
}

pub(super) fn dependencies(files: &Files) -> Vec<String> {
    let architecture = files.get("ARCHITECTURE.md");
    let section = architecture.split("\n## ").find(|section| section.starts_with("Dependencies"));
    let rows: Vec<&str> = section.unwrap_or_default().lines().filter(|line| line.starts_with('|')).collect();
    let explained = |name: &str| rows.iter().any(|row| row.contains(&format!("`{name}`")));
    let mut unexplained = BTreeMap::new();
    let ours =
        |path: &str| path == "Cargo.toml" || path.ends_with("/Cargo.toml") && !path.starts_with("bench/");
    for (path, text) in files.iter().filter(|(path, _)| ours(path)) {
        for dependency in direct(text) {
            if !dependency.name.starts_with("swill") && !explained(dependency.name) {
                unexplained.entry(dependency.name).or_insert(path);
            }
        }
    }
    let finding = |(name, path)| format!("`{name}` of {path} has no row in the table of dependencies");
    unexplained.into_iter().map(finding).collect()
}

struct Dependency<'t> {
    name: &'t str,
    development: bool,
}

/// The dependencies that a Cargo.toml names.
fn direct(text: &str) -> impl Iterator<Item = Dependency<'_>> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            return None;
        }
        let kind = section.rsplit('.').next().unwrap_or_default();
        if !kind.ends_with("dependencies") || line.starts_with('#') {
            return None;
        }
        let name =
            line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty() && line.contains('='))?;
        let word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        word.then_some(Dependency { name, development: kind == "dev-dependencies" })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_in_a_state_machine_is_found() {
        let source = "//! No async, says a comment.\nuse std::time::Instant;\n";
        let files = Files::of(&[("crates/swill-ws/src/a.rs", source), ("crates/swill/src/b.rs", source)]);
        assert_eq!(pure(&files), ["crates/swill-ws/src/a.rs:2 has `Instant`"]);
    }

    #[test]
    fn io_among_dependencies_is_found() {
        let tree = "swill-ws v0.1.0 (/a/b)\nbytes v1.0.0\ntokio v1.0.0\nswill v0.1.0\n";
        assert_eq!(impure_dependencies("swill-ws", tree).len(), 2);
        assert!(impure_dependencies("swill-ws", "swill-ws v0.1.0 (/a/b)\nbytes v1.0.0\n").is_empty());
    }

    #[test]
    fn a_dependency_against_the_direction_is_found() {
        let client = "[dependencies]\nswill = { path = \"../swill\" }\nswill-ws.workspace = true\n";
        let tests = "[dev-dependencies]\nswill.workspace = true\n";
        let files = Files::of(&[
            ("crates/swill-client/Cargo.toml", client),
            ("crates/swill-proto/Cargo.toml", tests),
            ("crates/swill-new/Cargo.toml", ""),
        ]);
        let findings = layers(&files);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("swill-client may not depend on swill"));
        assert!(findings[1].contains("swill-new has no place"));
    }

    #[test]
    fn a_dependency_without_a_row_is_found() {
        let architecture = "# A\n\n`rand` is mentioned.\n\n## Dependencies\n\n| what |\n|---|\n| `bytes` | buffers |\n\n## More\n";
        let manifest = "[package]\nname = \"x\"\n[workspace.dependencies]\nbytes = \"1\"\n# old = \"1\"\nrand = { version = \"1\" }\n";
        let files = Files::of(&[("ARCHITECTURE.md", architecture), ("Cargo.toml", manifest)]);
        assert_eq!(dependencies(&files), ["`rand` of Cargo.toml has no row in the table of dependencies"]);
    }
}
