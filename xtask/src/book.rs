//! The guide in `docs`: every chapter is in its table of contents, every link leads somewhere, and every block of code is
//! held by a test. If mdBook is here, the book is built, too.

pub(crate) mod page;
mod rules;

use crate::{
    Result,
    process::{exists, run, target},
    report::Outcome,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the guide is.
const FOLDER: &str = "docs";

/// The guide, and what its pages speak of.
pub(crate) struct Book {
    /// The table of contents.
    summary: String,
    /// The chapters by their file names, with what they include.
    chapters: BTreeMap<String, String>,
    /// Pages elsewhere that link into the guide, by their paths.
    others: BTreeMap<String, String>,
    /// The files that make tests of chapters.
    doctests: String,
    /// All that the compiler, the server and the client may say.
    sources: String,
}

impl Book {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut book = Self {
            summary: fs::read_to_string(root.join(FOLDER).join("SUMMARY.md"))?,
            chapters: BTreeMap::new(),
            others: BTreeMap::new(),
            doctests: String::new(),
            sources: String::new(),
        };
        for path in files(&root.join(FOLDER), "md")? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name != "SUMMARY.md" {
                book.chapters.insert(name, included(&path)?);
            }
        }
        for path in files(root, "md")? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            book.others.insert(name, fs::read_to_string(&path)?);
        }
        for file in ["examples/lib.rs", "crates/swill/src/lib.rs"] {
            book.doctests.push_str(&fs::read_to_string(root.join(file))?);
        }
        for path in below(&root.join("crates"))? {
            book.sources.push_str(&rules::said(&fs::read_to_string(&path)?));
        }
        Ok(book)
    }

    /// The chapters: their names and their texts.
    pub(crate) fn chapters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.chapters.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let book = Book::read(root)?;
    let findings = rules::findings(&book);
    findings.iter().for_each(|finding| println!("book: {finding}"));
    if !findings.is_empty() {
        return Err(format!("{} findings", findings.len()).into());
    }
    let chapters = book.chapters.len();
    if !exists("mdbook", "--version") {
        let how = "mdbook is not installed (cargo install mdbook --locked --no-default-features)";
        return Ok(Outcome::Skipped(format!("{chapters} chapters hold; the book was not built: {how}")));
    }
    let built = target(root).join("book");
    run(Command::new("mdbook").arg("build").arg(root.join(FOLDER)).arg("--dest-dir").arg(&built))?;
    for name in book.chapters.keys() {
        let page = built.join(name).with_extension("html");
        if !page.exists() {
            return Err(format!("mdBook has made no page of {FOLDER}/{name}").into());
        }
    }
    Ok(Outcome::Passed(format!("{chapters} chapters")))
}

/// A page with the files that it includes, as mdBook does it.
fn included(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path)?;
    let Some((before, rest)) = text.split_once("{{#include ") else { return Ok(text) };
    let (file, after) = rest.split_once("}}").ok_or("an include without an end")?;
    let other = path.with_file_name(file);
    let other = fs::read_to_string(&other).map_err(|error| format!("{}: {error}", other.display()))?;
    Ok(format!("{before}{other}{after}"))
}

/// The files in a folder that have this extension.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = vec![];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(|it| it == extension) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Sources and what the compiler says to mistakes, however far below a folder.
fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(below(&path)?);
        } else if path.extension().is_some_and(|it| it == "rs" || it == "stderr") {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_holds() {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is around this crate");
        let findings = rules::findings(&Book::read(root).expect("the guide can be read"));
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
