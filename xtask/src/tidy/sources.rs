//! Rules about Rust files.

use super::{Files, code};

/// The longest file that needs no reason.
const LONGEST: usize = 450;

/// Longer files: how long they may be at most, and why they are one.
const LONGER: &[(&str, usize, &str)] = &[
    ("crates/swill/src/connection/tests.rs", 700, "what a connection does as time passes, on one fixture"),
    ("crates/swill/tests/server/misbehaviour.rs", 550, "what peers do wrong, one after the other"),
    ("crates/swill/tests/server/hooks.rs", 620, "each hook at each point of each kind of call"),
    ("crates/swill/tests/common/services.rs", 550, "the procedures that all tests call"),
    ("crates/swill/src/hook.rs", 490, "one trait with its documentation, and the way through it"),
    ("crates/swill-ws/src/reader.rs", 500, "one state machine"),
    ("crates/swill-cli/tests/golden/kinds.rs", 1500, "it is generated"),
];

/// Names of protocols, in small letters.
const PROTOCOLS: &[&str] =
    &["swill/1", "swill.1", "swill1", "jsonrpc", "json-rpc", "webmesh", "socketsundso"];

/// Documentation for users may name protocols; code, text for logs and remarks may not.
pub(super) fn protocol_names(files: &Files) -> Vec<String> {
    let mut findings = vec![];
    for (path, text) in files.rust("crates/swill/src/") {
        if path.ends_with("/negotiate.rs") {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let documentation = line.trim_start().starts_with("///") || line.trim_start().starts_with("//!");
            let line = line.to_lowercase();
            if let (false, Some(name)) = (documentation, PROTOCOLS.iter().find(|name| line.contains(**name)))
            {
                findings.push(format!("{path}:{} says `{name}`, which only negotiate.rs may know", at + 1));
            }
        }
    }
    findings
}

pub(super) fn lengths(files: &Files) -> Vec<String> {
    let mut findings = vec![];
    let ours = |path: &str| {
        ["crates/", "examples/", "xtask/", "fuzz/"].iter().any(|folder| path.starts_with(folder))
    };
    for (path, text) in files.rust("").filter(|(path, _)| ours(path)) {
        let lines = text.lines().count();
        let allowed =
            LONGER.iter().find(|(longer, ..)| *longer == path).map_or(LONGEST, |(_, most, _)| *most);
        if lines > allowed {
            findings.push(format!(
                "{path} has {lines} lines, more than {allowed}: look for the second noun in it"
            ));
        }
    }
    for (path, ..) in LONGER {
        if files.has(path) && files.get(path).lines().count() <= LONGEST {
            findings.push(format!("{path} is short now: take it off the list of long files"));
        }
    }
    findings
}

/// Hands on what hyper writes, as long as a connection speaks HTTP.
const BEFORE_THE_UPGRADE: &str = "crates/swill/src/progress.rs";

/// The places where a frame and where a byte leaves: once each.
pub(super) fn one_road(files: &Files) -> Vec<String> {
    let mut findings = vec![];
    for road in ["protocol.send(", "poll_write("] {
        let mut places = vec![];
        let other = |path: &str| path.ends_with("/tests.rs") || path == BEFORE_THE_UPGRADE;
        for (path, text) in files.rust("crates/swill/src/").filter(|(path, _)| !other(path)) {
            places.extend(
                code(text).filter(|(_, line)| line.contains(road)).map(|(at, _)| format!("{path}:{at}")),
            );
        }
        if places.len() != 1 {
            findings.push(format!(
                "`{road}..)` belongs in one place, and is in {}: {}",
                places.len(),
                places.join(", ")
            ));
        }
    }
    findings
}

/// The types that users name in every signature.
pub(super) fn no_type_parameters(files: &Files) -> Vec<String> {
    let mut findings = vec![];
    for (name, file) in [("App", "app.rs"), ("Context", "context.rs"), ("Peer", "peer.rs")] {
        let path = format!("crates/swill/src/{file}");
        let declared = format!("pub struct {name}");
        let after = files.get(&path).split_once(&declared).map(|(_, after)| after);
        if !after
            .is_some_and(|after| after.starts_with([' ', '(', ';']) && !after.trim_start().starts_with('<'))
        {
            findings.push(format!("{path} does not declare `{name}` without type parameters"));
        }
    }
    findings
}

/// The map of the code names every file.
pub(super) fn mapped(files: &Files) -> Vec<String> {
    let architecture = files.get("ARCHITECTURE.md");
    let mut findings = vec![];
    for (path, _) in files.rust("crates/") {
        let Some((name, file)) = path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"))
        else {
            continue;
        };
        let section = architecture.split("\n### ").find(|section| section.starts_with(&format!("{name}\n")));
        let plain = file.ends_with("lib.rs") || file.ends_with("tests.rs") || file.ends_with("mod.rs");
        if !plain && !section.unwrap_or_default().contains(&format!("`{file}`")) {
            findings.push(format!("ARCHITECTURE.md does not name {file} of {name}"));
        }
    }
    findings
}

pub(super) fn exceptions(files: &Files) -> Vec<String> {
    let mut findings = vec![];
    for (path, text) in files.rust("crates/").filter(|(path, _)| path.contains("/src/")) {
        for (start, _) in text.match_indices("#[").chain(text.match_indices("#![")) {
            let attribute = text[start..].split(']').next().unwrap_or_default();
            let is = |kind: &str| {
                let body = attribute.trim_start_matches(['#', '!', '[']);
                body.starts_with(&format!("{kind}("))
                    || body.starts_with("cfg_attr(") && body.contains(&format!(" {kind}("))
            };
            if (is("allow") || is("expect")) && !attribute.contains("reason = ") {
                let line = text[..start].lines().count() + usize::from(text[..start].ends_with('\n'));
                findings.push(format!("{path}:{} makes an exception without `reason = \"..\"`", line.max(1)));
            }
        }
    }
    findings
}

/// The one file with unsafe code.
const UNSAFE: &str = "crates/swill/src/memory.rs";

/// The lint forbids it where nobody makes an exception, and nobody else does.
pub(super) fn no_unsafe_code(files: &Files) -> Vec<String> {
    let attribute = |line: &str| line.starts_with('#') || line.starts_with("unsafe_code");
    let exempt = |line: &str| {
        attribute(line.trim_start()) && line.contains("unsafe_code") && !line.contains("forbid(")
    };
    let other = files.rust("").filter(|(path, _)| *path != UNSAFE);
    other
        .flat_map(|(path, text)| code(text).filter(|(_, line)| exempt(line)).map(move |(at, _)| (path, at)))
        .map(|(path, at)| format!("{path}:{at} makes an exception for unsafe code, which only {UNSAFE} may"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_named_in_the_server_is_found() {
        let files = Files::of(&[
            (
                "crates/swill/src/route.rs",
                "/// Speaks swill/1.\nif token == \"swill/1\" {}\n// for JSON-RPC\n",
            ),
            ("crates/swill/src/negotiate.rs", "use swill_proto::swill1;\n"),
        ]);
        let findings = protocol_names(&files);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("crates/swill/src/route.rs:2 says `swill/1`"));
    }

    #[test]
    fn long_files_are_found_and_so_are_reasons_for_short_ones() {
        let files = Files::of(&[
            ("crates/swill/src/long.rs", &"\n".repeat(LONGEST + 1)),
            ("crates/swill/src/fine.rs", &"\n".repeat(LONGEST)),
            (LONGER[0].0, ""),
            (LONGER[1].0, &"\n".repeat(LONGER[1].1)),
        ]);
        let findings = lengths(&files);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("long.rs") && findings[1].contains("take it off"));
    }

    #[test]
    fn unsafe_code_is_found() {
        let allowed = format!("#![forbid({0})]\n#[expect({0}, reason = \"none\")]\n", "unsafe_code");
        let files = Files::of(&[("crates/swill/src/lib.rs", &allowed), (UNSAFE, &allowed)]);
        let findings = no_unsafe_code(&files);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("crates/swill/src/lib.rs:2 "));
    }

    #[test]
    fn a_second_road_to_the_socket_is_found() {
        let road = "self.protocol.send(frame);\n";
        let files = Files::of(&[
            ("crates/swill/src/a.rs", road),
            ("crates/swill/src/b.rs", "socket.poll_write(task);\n"),
            (BEFORE_THE_UPGRADE, "socket.poll_write(task);\n"),
        ]);
        assert_eq!(one_road(&files), [""; 0]);
        let files = Files::of(&[("crates/swill/src/a.rs", road), ("crates/swill/src/b.rs", road)]);
        assert_eq!(one_road(&files).len(), 2);
    }

    #[test]
    fn type_parameters_that_users_would_see_are_found() {
        let files = |app| {
            Files::of(&[
                ("crates/swill/src/app.rs", app),
                ("crates/swill/src/context.rs", "pub struct Context {\n"),
                ("crates/swill/src/peer.rs", "pub struct Peer(Arc<Shared>);\n"),
            ])
        };
        assert_eq!(no_type_parameters(&files("pub struct App {\n")), [""; 0]);
        assert_eq!(no_type_parameters(&files("pub struct App<S> {\n")).len(), 1);
        assert_eq!(no_type_parameters(&files("")).len(), 1);
    }

    #[test]
    fn a_file_that_is_not_on_the_map_is_found() {
        let files = Files::of(&[
            ("ARCHITECTURE.md", "# A\n\n### swill\n\n`app.rs`\n\n### swill-ws\n\n`lost.rs`\n"),
            ("crates/swill/src/app.rs", ""),
            ("crates/swill/src/lib.rs", ""),
            ("crates/swill/src/lost.rs", ""),
        ]);
        assert_eq!(mapped(&files), ["ARCHITECTURE.md does not name lost.rs of swill"]);
    }

    #[test]
    fn exceptions_without_reasons_are_found() {
        let source = "#[expect(dead_code, reason = \"soon\")]\n#[derive(Debug)]\n#[allow(dead_code)]\n\
                      #[cfg_attr(test, expect(unused))]\n";
        let files = Files::of(&[("crates/a/src/a.rs", source), ("crates/a/tests/a.rs", source)]);
        let findings = exceptions(&files);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("crates/a/src/a.rs:3 "));
    }
}
