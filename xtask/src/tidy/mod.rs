//! Rules about this repository that the compiler does not know. Each is a function from the text of all files to what is
//! wrong, with tests that show it can fail.

mod crates;
mod limits;
pub(crate) mod readme;
mod sources;
mod texts;

use crate::{Result, process::cargo, report::Outcome};
use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// A rule: its name, and what it finds wrong.
type Rule = (&'static str, fn(&Files) -> Vec<String>);

const RULES: &[Rule] = &[
    ("crates without IO know no IO, clock or async", crates::pure),
    ("crates depend on each other in one direction", crates::layers),
    ("every dependency is explained in ARCHITECTURE.md", crates::dependencies),
    ("the server knows protocols by name in one file only", sources::protocol_names),
    ("frames and bytes leave through one place each", sources::one_road),
    ("users see no type parameters", sources::no_type_parameters),
    ("ARCHITECTURE.md names every file", sources::mapped),
    ("files are short, or say why not", sources::lengths),
    ("exceptions from lints have reasons", sources::exceptions),
    ("one file has unsafe code", sources::no_unsafe_code),
    ("every limit is documented as it is", limits::documented),
    ("the README shows the quick start", readme::shows_the_quick_start),
    ("the README names every example", readme::names_examples),
    ("nothing is left half done", texts::leftovers),
    ("no path of somebody's machine", texts::machine_paths),
    ("promises are held by tests", texts::promises),
    ("links between documents lead somewhere", texts::links),
];

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let files = Files::read(root)?;
    let mut findings = 0;
    for (name, rule) in RULES {
        for finding in rule(&files) {
            println!("tidy: {name}: {finding}");
            findings += 1;
        }
    }
    for finding in dependency_trees(root)? {
        println!("tidy: {finding}");
        findings += 1;
    }
    match findings {
        0 => Ok(Outcome::Passed(format!("{} rules, {} files", RULES.len() + 1, files.0.len()))),
        _ => Err(format!("{findings} findings").into()),
    }
}

/// What crates without IO depend on, however far down.
fn dependency_trees(root: &Path) -> Result<Vec<String>> {
    let mut findings = vec![];
    for name in crates::PURE {
        let mut tree = cargo(root);
        tree.args([
            "tree",
            "--quiet",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--package",
            name,
        ]);
        let output = tree.output()?;
        if !output.status.success() {
            return Err(format!("cargo tree: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        findings.extend(crates::impure_dependencies(name, &String::from_utf8(output.stdout)?));
    }
    Ok(findings)
}

/// The text of every file of the repository, by its path.
pub(crate) struct Files(BTreeMap<String, String>);

impl Files {
    /// What git knows or would add. Files that are no text are there, without one.
    fn read(root: &Path) -> Result<Self> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
        let listed = git.output()?;
        if !listed.status.success() {
            return Err("tidy needs a git checkout, to know which files belong to the repository".into());
        }
        let listed = String::from_utf8(listed.stdout)?;
        let paths = listed.split('\0').filter(|path| !path.is_empty());
        let read = |path: &str| {
            let text = String::from_utf8(fs::read(root.join(path)).ok()?).unwrap_or_default();
            Some((path.to_owned(), text))
        };
        Ok(Self(paths.filter_map(read).collect()))
    }

    fn get(&self, path: &str) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }

    fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Rust files below a folder.
    fn rust<'s>(&'s self, folder: &'s str) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.iter().filter(move |(path, _)| path.starts_with(folder) && path.ends_with(".rs"))
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }
}

/// The lines of a Rust file that are code, with their numbers; comments are cut off.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    // A `//` after a colon is an address.
    numbered.map(|(at, line)| {
        let comment = line.match_indices("//").find(|(start, _)| !line[..*start].ends_with(':'));
        (at, comment.map_or(line, |(start, _)| &line[..start]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_lines_without_comments() {
        let lines: Vec<_> = code("let url = \"ws://host\"; // why\n/// docs\nx()").collect();
        assert_eq!(lines, [(1, "let url = \"ws://host\"; "), (2, ""), (3, "x()")]);
    }
}
