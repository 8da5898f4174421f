//! Settings that the guide shows are settings: those of Swill are read by Swill, and those of others hold to the rules of
//! their format.

use std::{fs, path::Path};
use swill::Config;

/// A block that is marked `<!-- checked: KIND -->`: the chapter, the kind, the text.
struct Shown {
    chapter: String,
    kind: String,
    text: String,
}

type Check = fn(&str) -> Result<(), String>;

const CHECKS: &[(&str, Check)] = &[
    ("caddy", caddy),
    ("config", config),
    ("dockerfile", dockerfile),
    ("nginx", nginx),
    ("systemd", systemd),
    ("toml", manifest),
];

#[test]
fn settings_in_the_guide_can_be_read() {
    let shown = shown();
    for Shown { chapter, kind, text } in &shown {
        let (_, check) = CHECKS.iter().find(|(name, _)| name == kind).expect("the kind is known");
        if let Err(why) = check(text) {
            panic!("docs/{chapter} shows {kind} that does not work: {why}\n{text}");
        }
    }
    for (kind, _) in CHECKS {
        assert!(shown.iter().any(|it| it.kind == *kind), "nothing in the guide is checked as {kind}");
    }
}

#[test]
fn settings_that_do_not_work_are_found() {
    for (kind, text) in [
        ("caddy", "example.org {\n\treverse_proxy 127.0.0.1:8000\n"),
        ("config", "[limits]\nmesage = 1\n"),
        ("dockerfile", "FROM x\nRUNN y\n"),
        ("nginx", "server {\n    listen 443 ssl\n}\n"),
        ("nginx", "server {\n    proxy_past http://127.0.0.1:8000;\n}\n"),
        ("nginx", "server {\n"),
        ("systemd", "[Service]\nExecStart\n"),
        ("systemd", "[Service]\nExecStarts=/bin/true\n"),
        ("toml", "[dependencies]\nswill = { version = \"1\", features = [\"everything\"] }\n"),
        ("toml", "[dependencies\n"),
    ] {
        let (_, check) = CHECKS.iter().find(|(name, _)| *name == kind).expect("the kind is known");
        assert!(check(text).is_err(), "{kind} finds nothing wrong with\n{text}");
    }
}

/// All marked blocks of the guide.
fn shown() -> Vec<Shown> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut all = vec![];
    for entry in fs::read_dir(folder).expect("the guide is there") {
        let path = entry.expect("the guide can be read").path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let page = fs::read_to_string(&path).expect("a chapter can be read");
        let chapter = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for marked in page.split("<!-- checked: ").skip(1) {
            let (kind, rest) = marked.split_once(" -->\n```").expect("a fence follows its mark");
            let text = rest.split_once('\n').and_then(|(_, rest)| rest.split_once("```"));
            let text = text.expect("a fence has an end").0.to_owned();
            all.push(Shown { chapter: chapter.clone(), kind: kind.to_owned(), text });
        }
    }
    all
}

fn config(text: &str) -> Result<(), String> {
    Config::from_toml(text).map(drop).map_err(|error| error.to_string())
}

/// A part of a `Cargo.toml`. The features of Swill's crates are there.
fn manifest(text: &str) -> Result<(), String> {
    let table: toml::Table = text.parse().map_err(|error| format!("{error}"))?;
    let tables =
        ["dependencies", "dev-dependencies"].into_iter().filter_map(|name| table.get(name)?.as_table());
    for (name, dependency) in tables.flatten().filter(|(name, _)| name.starts_with("swill")) {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(name).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).map_err(|error| format!("{name}: {error}"))?;
        let manifest: toml::Table = manifest.parse().map_err(|error| format!("{error}"))?;
        let there = manifest.get("features").and_then(toml::Value::as_table);
        let wanted = dependency.get("features").and_then(toml::Value::as_array);
        for feature in wanted.into_iter().flatten().filter_map(toml::Value::as_str) {
            if !there.is_some_and(|there| there.contains_key(feature)) {
                return Err(format!("{name} has no feature `{feature}`"));
            }
        }
    }
    Ok(())
}

/// Simple directives end with a semicolon, blocks are closed, and all names are those of nginx.
fn nginx(text: &str) -> Result<(), String> {
    const DIRECTIVES: &[&str] = &[
        "listen",
        "location",
        "proxy_buffering",
        "proxy_http_version",
        "proxy_pass",
        "proxy_read_timeout",
        "proxy_set_header",
        "server",
        "server_name",
        "ssl_certificate",
        "ssl_certificate_key",
    ];
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "}") {
        let name = line.split_whitespace().next().unwrap_or_default();
        if !DIRECTIVES.contains(&name) {
            return Err(format!("`{name}` is no directive that is known here"));
        }
        if !line.ends_with(';') && !line.ends_with('{') {
            return Err(format!("`{line}` ends with neither `;` nor `{{`"));
        }
    }
    balanced(text)
}

fn caddy(text: &str) -> Result<(), String> {
    for line in text.lines().filter(|line| line.starts_with('\t')) {
        if !line.trim().starts_with("reverse_proxy ") {
            return Err(format!("`{line}` is no directive that is known here"));
        }
    }
    balanced(text)
}

fn balanced(text: &str) -> Result<(), String> {
    let mut depth = 0_u32;
    for char in text.chars() {
        depth = match char {
            '{' => depth + 1,
            '}' => depth.checked_sub(1).ok_or("a block is closed that was not opened")?,
            _ => depth,
        };
    }
    if depth == 0 { Ok(()) } else { Err("a block is not closed".into()) }
}

/// Sections, and settings with values (systemd.syntax(7)), of those that are used here.
fn systemd(text: &str) -> Result<(), String> {
    const SETTINGS: &[(&str, &[&str])] = &[
        ("Unit", &["Description", "After", "Wants"]),
        (
            "Service",
            &[
                "DynamicUser",
                "Environment",
                "ExecReload",
                "ExecStart",
                "LimitNOFILE",
                "Restart",
                "TimeoutStopSec",
                "WorkingDirectory",
            ],
        ),
        ("Install", &["WantedBy"]),
    ];
    let mut settings: &[&str] = &[];
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let known = SETTINGS.iter().find(|(name, _)| *name == section);
            settings = known.ok_or_else(|| format!("there is no section `{section}`"))?.1;
            continue;
        }
        let (name, value) = line.split_once('=').ok_or_else(|| format!("`{line}` has no value"))?;
        if value.is_empty() || !settings.contains(&name) {
            return Err(format!("`{line}` is no setting of its section"));
        }
    }
    Ok(())
}

fn dockerfile(text: &str) -> Result<(), String> {
    const INSTRUCTIONS: &[&str] = &["COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "RUN", "USER", "WORKDIR"];
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (name, rest) = line.split_once(' ').ok_or_else(|| format!("`{line}` has no arguments"))?;
        if !INSTRUCTIONS.contains(&name) {
            return Err(format!("`{name}` is no instruction"));
        }
        if name == "ENTRYPOINT" && serde_json::from_str::<Vec<String>>(rest).is_err() {
            return Err(format!("`{rest}` is no list"));
        }
    }
    Ok(())
}
