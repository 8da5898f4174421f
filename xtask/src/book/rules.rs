//! What has to hold of the guide, each as a function from the book to what is wrong with it.

use super::{
    Book,
    page::{Block, anchors, blocks, links, prose},
};

/// How a block is marked that a program runs, and by what; see `guide.rs`.
const RUNS: &[&str] = &[
    "generated python",
    "generated rust",
    "generated typescript",
    "node",
    "python conformance",
    "python jsonrpc",
    "python swill",
    "python webmesh",
    "rust",
    "shell",
    "typescript",
];

/// What a block can be checked as; `examples/tests/guide.rs` does it.
const CHECKED: &[&str] = &["caddy", "config", "dockerfile", "nginx", "systemd", "toml"];

/// The chapter of messages, which are quoted.
const MESSAGES: &str = "troubleshooting.md";

/// A message that is quoted by fewer letters than that could be anything.
const SHORTEST: usize = 8;

type Rule = fn(&Book) -> Vec<String>;

const RULES: &[Rule] = &[contents, held, linked, quoted];

pub(super) fn findings(book: &Book) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(book)).collect()
}

/// Every chapter is in the table of contents, and nothing else is.
fn contents(book: &Book) -> Vec<String> {
    let listed: Vec<&str> = links(&book.summary).into_iter().map(|(_, target)| target).collect();
    let missing = book.chapters().filter(|(name, _)| !listed.contains(name));
    let missing = missing.map(|(name, _)| format!("SUMMARY.md does not list {name}"));
    let gone = listed.iter().filter(|name| !book.chapters.contains_key(**name));
    let gone = gone.map(|name| format!("SUMMARY.md lists {name}, which is not there"));
    let twice = listed.iter().enumerate().filter(|(at, name)| listed[..*at].contains(name));
    let twice = twice.map(|(_, name)| format!("SUMMARY.md lists {name} twice"));
    missing.chain(gone).chain(twice).collect()
}

/// Every block of code is compiled, run or checked, or says why not.
fn held(book: &Book) -> Vec<String> {
    let mut findings = vec![];
    for (name, text) in book.chapters() {
        let tested = book.doctests.contains(&format!("/docs/{name}\")]"));
        // What is included from elsewhere has rules of its own.
        let own = text.find("# The four wire protocols").map_or(text, |end| &text[..end]);
        let blocks = blocks(own);
        for (at, block) in blocks.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| &blocks[at]);
            if let Err(why) = is_held(block, before, tested) {
                findings.push(format!("{name}:{}: {why}", block.line));
            }
        }
    }
    findings
}

fn is_held(block: &Block<'_>, before: Option<&Block<'_>>, tested: bool) -> Result<(), String> {
    let known = |kind: &str, all: &[&str]| match all.contains(&kind) {
        true => Ok(()),
        false => Err(format!("`{kind}` is none of {}", all.join(", "))),
    };
    if let Some(kind) = block.marked("runs") {
        return known(kind, RUNS);
    }
    if let Some(kind) = block.marked("checked") {
        return known(kind, CHECKED);
    }
    // Run and compared by the tests of the command: `crates/swill-cli/tests/cli/docs.rs`.
    if block.marked("command").is_some() {
        return Ok(());
    }
    if let Some(reason) = block.marked("not run") {
        return match reason.is_empty() {
            true => Err("`not run` has no reason".into()),
            false => Ok(()),
        };
    }
    if block.marked("prints").is_some() {
        return match before.and_then(|it| it.marked("runs")) {
            Some(_) => Ok(()),
            None => Err("this is printed by no program before it".into()),
        };
    }
    let attributes = block.info.split(',').skip(1);
    match block.language() {
        "rust" if attributes.clone().any(|it| it.starts_with("ignore")) => {
            Err("a program that is ignored says why: `<!-- not run: reason -->`".into())
        }
        "rust" if tested => Ok(()),
        "rust" => Err("examples/lib.rs does not include this chapter, so nothing compiles this".into()),
        _ => Err(format!(
            "nothing holds this block of `{}`: mark it with `<!-- runs: … -->`, `<!-- checked: … -->` or \
             `<!-- not run: reason -->`",
            block.info
        )),
    }
}

/// Links stay in the book and lead to a chapter and a heading that are there; so do those of other pages into the book.
fn linked(book: &Book) -> Vec<String> {
    let mut findings = vec![];
    let inside = book.chapters().map(|(name, text)| (name, text, ""));
    let outside = book.others.iter().map(|(name, text)| (name.as_str(), text.as_str(), "docs/"));
    for (name, text, prefix) in inside.chain(outside) {
        for (line, target) in links(text) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match (file, prefix) {
                ("", "") => name,
                (file, prefix) => match file.strip_prefix(prefix) {
                    Some(file) => file,
                    // Of other pages, only links into the book are looked at.
                    None => continue,
                },
            };
            // Whether pictures are there is looked at with all other links, by `tidy`.
            let elsewhere = file.contains("://") || file.starts_with("images/");
            if elsewhere || (file == "SUMMARY.md" && !prefix.is_empty()) {
                continue;
            }
            let why = match book.chapters.get(file) {
                None => "which is no chapter: what is elsewhere is named, not linked",
                Some(chapter) if !anchor.is_empty() && !anchors(chapter).iter().any(|it| it == anchor) => {
                    "where there is no such heading"
                }
                Some(_) => continue,
            };
            findings.push(format!("{name}:{line} links to {target}, {why}"));
        }
    }
    findings
}

/// The messages in the chapter about them are what is really said.
fn quoted(book: &Book) -> Vec<String> {
    let Some(text) = book.chapters.get(MESSAGES) else { return vec![] };
    let mut findings = vec![];
    for (line, row) in prose(text).into_iter().filter(|(_, line)| line.starts_with('|')) {
        let Some(message) = row.split(" | ").find_map(message) else { continue };
        let message = said(message);
        let pieces = message.split('…').map(str::trim).filter(|piece| piece.len() >= SHORTEST);
        let unsaid = pieces.filter(|piece| !book.sources.contains(piece));
        findings.extend(unsaid.map(|piece| format!("{MESSAGES}:{line}: nothing says `{piece}`")));
    }
    findings
}

/// What a cell of a table quotes, if it begins with it or with a status before it.
fn message(cell: &str) -> Option<&str> {
    let cell = cell.trim_start_matches(['|', ' ']);
    let cell = cell.trim_start_matches(|char: char| char.is_ascii_digit()).trim();
    let quoted = cell.strip_prefix('`')?;
    Some(quoted.rsplit_once('`')?.0)
}

/// A text as a person compares it: without backticks, escapes, and the ends of lines in the middle of a literal.
pub(super) fn said(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.to_owned();
        while line.ends_with('\\') {
            line.pop();
            line.push_str(lines.next().unwrap_or_default().trim_start());
        }
        said.extend(line.chars().filter(|char| *char != '`'));
        said.push('\n');
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn book(chapters: &[(&str, &str)]) -> Book {
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Book {
            summary: "# Summary\n\n- [A](a.md)\n- [B](b.md)\n".into(),
            chapters: chapters.iter().map(own).collect(),
            others: BTreeMap::from([("README.md".into(), "[x](docs/a.md#one) [y](src/lib.rs)".into())]),
            doctests: "#[doc = include_str!(\"../docs/a.md\")]".into(),
            sources: said("say(\"it is too large: \\\n        `{}` bytes\")\n"),
        }
    }

    #[test]
    fn chapters_and_contents_belong_together() {
        assert_eq!(contents(&book(&[("a.md", ""), ("b.md", "")])), [""; 0]);
        let found = contents(&book(&[("a.md", ""), ("c.md", "")]));
        assert_eq!(found, ["SUMMARY.md does not list c.md", "SUMMARY.md lists b.md, which is not there"]);
    }

    #[test]
    fn blocks_that_nothing_holds_are_found() {
        for (text, fault) in [
            ("```rust\n```\n", None),
            ("```rust,ignore\n```\n", Some("a.md:1: a program that is ignored")),
            ("<!-- not run: it needs a moon -->\n```rust,ignore\n```\n", None),
            ("<!-- not run: -->\n```sh\n```\n", Some("a.md:2: `not run` has no reason")),
            ("```sh\nls\n```\n", Some("a.md:1: nothing holds this block of `sh`")),
            ("<!-- runs: shell -->\n```console\n```\n<!-- prints -->\n```text\n```\n", None),
            ("<!-- runs: perl -->\n```perl\n```\n", Some("a.md:2: `perl` is none of")),
            ("<!-- checked: toml -->\n```toml\n```\n", None),
            ("<!-- command: digits differ -->\n```console\n```\n", None),
            ("<!-- prints -->\n```text\n```\n", Some("a.md:2: this is printed by no program")),
        ] {
            let found = held(&book(&[("a.md", text)]));
            match fault {
                None => assert_eq!(found, [""; 0], "{text}"),
                Some(fault) => assert!(found.len() == 1 && found[0].starts_with(fault), "{text}: {found:?}"),
            }
        }
        let found = held(&book(&[("b.md", "```rust\n```\n")]));
        assert!(found[0].contains("does not include this chapter"), "{found:?}");
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let fine = book(&[
            ("a.md", "# One\n[b](b.md#two) [web](https://x.example)\n"),
            ("b.md", "## Two\n[a](#two)\n"),
        ]);
        assert_eq!(linked(&fine), [""; 0]);
        let bad = book(&[("a.md", "# Other\n[b](b.md#three) [c](../c.md)\n"), ("b.md", "")]);
        let found = linked(&bad);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], "a.md:2 links to b.md#three, where there is no such heading");
        assert!(found[1].starts_with("a.md:2 links to ../c.md, which is no chapter"));
        assert_eq!(found[2], "README.md:1 links to docs/a.md#one, where there is no such heading");
    }

    #[test]
    fn messages_that_nobody_says_are_found() {
        let rows =
            "| message | |\n|---|---|\n| 413 `it is too large: …` bytes` | x |\n| plain words | `code` |\n";
        assert_eq!(quoted(&book(&[(MESSAGES, rows)])), [""; 0]);
        let found = quoted(&book(&[(MESSAGES, "| `it is too small` | make it larger |\n")]));
        assert_eq!(found, ["troubleshooting.md:1: nothing says `it is too small`"]);
    }
}
