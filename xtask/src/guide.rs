//! Runs the programs of the guide, as they stand there, against the servers that it speaks of, and compares what they print
//! with what the guide says that they print.

mod runner;

use crate::{
    Result,
    book::{
        Book,
        page::{Block, blocks},
    },
    report::Outcome,
};
use runner::{Ran, Runner};
use std::{collections::BTreeSet, fs, path::Path};

/// The chapter whose programs are in the README, too. All of them print the same.
const CLIENTS: &str = "clients.md";
const WANTED: &str = "3\n";

/// How many there are.
const COUNT: usize = 6;

/// The chapter for whose programs clients are generated.
const GENERATED: &str = "generated.md";

/// The servers of these chapters, and that of all others.
const SERVER_OF_CLIENTS: &str = "everybody";
const SERVER_OF_GENERATED: &str = "shop";
const SERVER: &str = "guide";

/// A program of the guide.
#[derive(Debug, PartialEq, Eq)]
struct Program<'t> {
    /// The line of its fence.
    line: usize,
    /// What runs it.
    runs: &'t str,
    text: &'t str,
    /// What it prints, where the page says so.
    prints: Option<&'t str>,
}

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let book = Book::read(root)?;
    let (_, clients) = book.chapters().find(|(name, _)| *name == CLIENTS).ok_or("a chapter is missing")?;
    shows_its_server(clients, &fs::read_to_string(root.join("examples/everybody.rs"))?)?;
    is_in_the_readme(clients, &fs::read_to_string(root.join("README.md"))?)?;

    let mut runner = Runner::new(root)?;
    let (mut count, mut missing, mut failures) = (0, BTreeSet::new(), vec![]);
    for (chapter, text) in book.chapters() {
        let (server, default) = match chapter {
            CLIENTS => (SERVER_OF_CLIENTS, Some(WANTED)),
            GENERATED => (SERVER_OF_GENERATED, None),
            _ => (SERVER, None),
        };
        for program in programs(text) {
            println!("--- {chapter}:{} ({})", program.line, program.runs);
            match runner.run(program.runs, program.text, server)? {
                Ran::Missing(what) => drop(missing.insert(what)),
                Ran::Failed(why) => failures.push(format!("{chapter}:{}: {why}", program.line)),
                Ran::Printed(said) => match program.prints.or(default) {
                    Some(wanted) if said != wanted => {
                        failures.push(format!("{chapter}:{} printed {said:?}, not {wanted:?}", program.line));
                    }
                    _ => count += 1,
                },
            }
        }
    }
    runner.stop()?;
    if !failures.is_empty() {
        return Err(failures.join("\n").into());
    }
    match missing.is_empty() {
        true => Ok(Outcome::Passed(format!("{count} programs"))),
        false => Ok(Outcome::Skipped(missing.into_iter().collect::<Vec<_>>().join("; "))),
    }
}

/// The programs of a page that run, with what they print.
fn programs(page: &str) -> Vec<Program<'_>> {
    let blocks = blocks(page);
    let printed = |at: usize| blocks.get(at + 1).filter(|it: &&Block<'_>| it.marked("prints").is_some());
    let marked = blocks.iter().enumerate().filter_map(|(at, block)| {
        let runs = block.marked("runs")?;
        Some(Program { line: block.line, runs, text: block.text, prints: printed(at).map(|it| it.text) })
    });
    marked.collect()
}

/// The chapter shows the server that its programs talk to.
fn shows_its_server(page: &str, source: &str) -> Result {
    for block in blocks(page).iter().filter(|it| it.info == "rust") {
        // The page leaves away what surrounds it, indentation included, and hides what only the compiler needs.
        let lines = block.text.lines().filter(|line| !line.starts_with("# "));
        let shown: Vec<&str> = lines.map(str::trim).collect();
        let served: Vec<&str> = source.lines().map(str::trim).collect();
        if !served.windows(shown.len()).any(|lines| lines == shown) {
            let text = block.text;
            return Err(format!("{CLIENTS} shows a server that examples/everybody.rs is not:\n{text}").into());
        }
    }
    Ok(())
}

/// The README shows the same programs.
fn is_in_the_readme(page: &str, readme: &str) -> Result {
    let (programs, shown) = (programs(page), programs(readme));
    if programs.len() != COUNT {
        return Err(format!("{CLIENTS} has {} programs that are run, not {COUNT}", programs.len()).into());
    }
    if shown.len() != COUNT || !shown.iter().all(|it| programs.iter().any(|other| other.text == it.text)) {
        return Err(format!("README.md does not show the {COUNT} programs of {CLIENTS}").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_with_what_they_print() {
        let page = "# A\n\n```rust\nfn server() {}\n```\n\n<!-- runs: python webmesh -->\n```python\nprint(3)\n```\n\n\
                    <!-- prints -->\n```text\n3\n```\n\n<!-- runs: rust -->\n```rust,no_run\nfn main() {}\n```\n";
        let expected = [
            Program { line: 8, runs: "python webmesh", text: "print(3)\n", prints: Some("3\n") },
            Program { line: 18, runs: "rust", text: "fn main() {}\n", prints: None },
        ];
        assert_eq!(programs(page), expected);
    }

    #[test]
    fn a_server_that_is_not_shown_as_it_is_is_found() {
        let source = "fn main() {\n    let a = 1;\n    let b = 2;\n}\n";
        let page = |text: &str| format!("```rust\n{text}```\n");
        assert!(shows_its_server(&page("# use hidden;\nlet a = 1;\nlet b = 2;\n"), source).is_ok());
        assert!(shows_its_server(&page("let a = 1;\nlet b = 3;\n"), source).is_err());
    }
}
