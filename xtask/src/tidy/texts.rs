//! Rules about every file, whatever its language.

use super::Files;

/// Marks of unfinished work. Written in two parts, so that this file does not have them.
const LEFTOVERS: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("dbg", "!("), concat!("todo", "!(")];

/// Where people and machines keep their files.
const MACHINES: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("C:", "\\\\"),
];

pub(super) fn leftovers(files: &Files) -> Vec<String> {
    find(files, LEFTOVERS, "says")
}

pub(super) fn machine_paths(files: &Files) -> Vec<String> {
    find(files, MACHINES, "names a place on somebody's machine:")
}

fn find(files: &Files, words: &[&str], says: &str) -> Vec<String> {
    let mut findings = vec![];
    // Seeds are bytes, whatever they look like; lock files and licences are written by others.
    let ours = |path: &str| {
        !path.starts_with("fuzz/seeds/") && !path.ends_with(".lock") && !path.starts_with("LICENSE")
    };
    for (path, text) in files.iter().filter(|(path, _)| ours(path)) {
        for (at, line) in text.lines().enumerate() {
            findings.extend(
                words
                    .iter()
                    .filter(|word| line.contains(**word))
                    .map(|word| format!("{path}:{} {says} `{word}`", at + 1)),
            );
        }
    }
    findings
}

pub(super) fn links(files: &Files) -> Vec<String> {
    let mut findings = vec![];
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (start, _) in text.match_indices("](") {
            let target = text[start + 2..].split([')', '\n']).next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            // Documentation of Rust links to items, too.
            let elsewhere = file.contains(':') || file.contains("::") || !file.contains(['.', '/']);
            if file.is_empty() || elsewhere {
                continue;
            }
            let led = resolve(folder, file);
            let exists =
                files.has(&led) || files.iter().any(|(other, _)| other.starts_with(&format!("{led}/")));
            if !exists {
                findings.push(format!("{path} links to {target}, which is not there"));
            }
        }
    }
    findings
}

/// A promise names what holds it: functions, recorded conversations, attacks, faults.
pub(super) fn promises(files: &Files) -> Vec<String> {
    const DOCUMENT: &str = "docs/guarantees.md";
    // Attacks, faults and shortages have names of words, as they are chosen on the command line.
    const SUITES: [&str; 3] = ["e2e/abuse/src/", "e2e/faults/faults/", "e2e/exhaustion/src/"];
    let tested = |name: &str| {
        let in_vectors = |(path, text): (&str, &str)| {
            path.starts_with("conformance/vectors/") && text.contains(&format!("\"name\": \"{name}\""))
        };
        let in_suites = |(path, text): (&str, &str)| {
            SUITES.iter().any(|suite| path.starts_with(suite)) && text.contains(&format!("\"{name}\""))
        };
        match name.contains('/') {
            true => files.iter().any(in_vectors),
            false => {
                files.rust("crates/").any(|(_, text)| text.contains(&format!("fn {name}(")))
                    || files.iter().any(in_suites)
            }
        }
    };
    let rows = files.get(DOCUMENT).lines().filter(|line| line.starts_with("| **"));
    let mut findings = vec![];
    for row in rows {
        // What is between backticks: every second piece.
        let held_by = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or_default();
        let names: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            findings.push(format!("{DOCUMENT} names no test in the row {row:.40}"));
        }
        let missing = names.iter().filter(|name| !tested(name));
        findings
            .extend(missing.map(|name| format!("{DOCUMENT} names the test `{name}`, which does not exist")));
    }
    findings
}

/// Where a relative link leads.
fn resolve(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_is_found() {
        let text = format!("fine\n// {}: later\n", LEFTOVERS[0]);
        let files = Files::of(&[("a.rs", &text), ("fuzz/seeds/x", &text)]);
        assert_eq!(leftovers(&files).len(), 1);
        assert!(leftovers(&files)[0].starts_with("a.rs:2 says"));
    }

    #[test]
    fn a_path_of_a_machine_is_found() {
        let text = format!("see {}ann/notes\n", MACHINES[0]);
        assert_eq!(machine_paths(&Files::of(&[("docs/a.md", &text)])).len(), 1);
        assert_eq!(machine_paths(&Files::of(&[("docs/a.md", "see $HOME/notes")])).len(), 0);
    }

    #[test]
    fn a_promise_without_a_test_is_found() {
        let text = "| promise | held by |\n|---|---|\n| **One.** | `it_is_so`, `call/add`, `kill -9` |\n\
                    | **Two.** | `it_is_not`, `call/sub` |\n| **Three.** | hope |\n";
        let files = Files::of(&[
            ("docs/guarantees.md", text),
            ("crates/a/tests/a.rs", "async fn it_is_so() {}\n"),
            ("conformance/vectors/a.jsonl", "{\"name\": \"call/add\"}\n"),
            ("e2e/faults/faults/killing.py", "@case(\"kill -9\")\n"),
        ]);
        let findings = promises(&files);
        assert_eq!(findings.len(), 3, "{findings:?}");
        assert!(
            findings[0].contains("it_is_not")
                && findings[1].contains("call/sub")
                && findings[2].contains("no test")
        );
    }

    #[test]
    fn a_link_to_nowhere_is_found() {
        let text = "[a](b.md#part) [b](../bench/) [c](https://example.org/x.md) [d](#here) [e](gone.md) [f](Limits::x)";
        let files = Files::of(&[("docs/a.md", text), ("docs/b.md", ""), ("bench/README.md", "")]);
        assert_eq!(links(&files), ["docs/a.md links to gone.md, which is not there"]);
    }
}
