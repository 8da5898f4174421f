//! What this crate must never know, held against its sources.

use std::{fs, path::Path};

/// Words that stand for IO, clocks, threads and async.
const FORBIDDEN: [&str; 13] = [
    "async ",
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
    "println!",
];

/// The one exception: how the abuse suite says which defence is off, in builds with `--cfg swill_weak` alone.
const SWITCH: (&str, &str) = ("src/weak.rs", "std::env");

#[test]
fn sources_know_no_io_no_clock_and_no_async() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            seen += 1;
            let source = fs::read_to_string(&path).unwrap();
            for (at, line) in source.lines().enumerate() {
                let code = line.split("//").next().unwrap();
                for word in FORBIDDEN {
                    if path == root.join(SWITCH.0) && word == SWITCH.1 {
                        continue;
                    }
                    assert!(!code.contains(word), "{}:{} has {word:?}", path.display(), at + 1);
                }
            }
        }
    }
    assert!(seen > 10);
}

#[test]
fn dependencies_are_the_listed_ones() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let names: Vec<&str> = section
        .lines()
        .filter_map(|line| {
            line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty() && !name.starts_with('#'))
        })
        .collect();
    for name in &names {
        let known =
            ["base64", "bytes", "flate2", "regex", "rmp", "rmp-serde", "schemars", "serde", "serde_json"];
        assert!(known.contains(name), "{name} has no place in this crate");
    }
    assert!(names.len() >= 5);
}
