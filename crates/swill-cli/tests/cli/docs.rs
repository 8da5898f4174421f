//! `docs/cli.md`: what it shows is what happens.

use crate::support::{Running, swill};
use std::{fmt::Write as _, fs, path::Path, process::Command};

/// A block of the page that is marked `<!-- command -->`.
#[derive(Debug)]
struct Block {
    /// The line of its fence.
    line: usize,
    /// How it is compared.
    how: String,
    /// What is typed, and what comes out.
    typed: Vec<(String, String)>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut mark, mut inside) = (None, false);
    for (at, line) in page.lines().enumerate() {
        match (inside, line.strip_prefix("$ ")) {
            (false, _) if line == "```console" => {
                if let Some(how) = mark.take() {
                    inside = true;
                    blocks.push(Block { line: at + 1, how, typed: Vec::new() });
                }
            }
            (false, _) => {
                let comment = line.strip_prefix("<!-- command").and_then(|rest| rest.strip_suffix(" -->"));
                mark = comment.map(|how| how.trim_start_matches(": ").to_owned());
            }
            (true, _) if line == "```" => inside = false,
            (true, Some(typed)) => blocks.last_mut().unwrap().typed.push((typed.to_owned(), String::new())),
            (true, None) => {
                let printed = &mut blocks.last_mut().unwrap().typed.last_mut().unwrap().1;
                writeln!(printed, "{line}").unwrap();
            }
        }
    }
    blocks
}

/// What a shell prints, in a folder, with the command on its path.
fn shell(typed: &str, folder: &Path, environment: &Command) -> String {
    let program = Path::new(environment.get_program());
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 2>&1; {typed}")]).current_dir(folder).env("PATH", path);
    for (name, value) in environment.get_envs() {
        assert!(value.is_none());
        shell.env_remove(name);
    }
    String::from_utf8(shell.output().unwrap().stdout).unwrap()
}

/// Text with every number as 0.
fn without_digits(text: &str) -> String {
    let mut masked = String::new();
    for letter in text.chars() {
        match letter.is_ascii_digit() {
            true if masked.ends_with('0') => {}
            true => masked.push('0'),
            false => masked.push(letter),
        }
    }
    masked
}

/// The words that lines begin with, without the rows of a histogram.
fn labels(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.split_whitespace().next()).filter(|word| *word != "up").collect()
}

/// What a tap shows of a connection, without times.
fn tapped(typed: &str, call: &str, address: &str, folder: &Path) -> String {
    let typed = typed.replace("localhost", address).replace("127.0.0.1:9000", "127.0.0.1:0");
    let arguments: Vec<&str> = typed.split(' ').skip(1).collect();
    let mut tap = Running::start(&arguments);
    let mut text = tap.line();
    let at = text.strip_prefix("listening on ").unwrap().to_owned();
    shell(&call.replace("127.0.0.1:9000", &at), folder, &swill(&[]));
    while !text.contains(" gone ") {
        write!(text, "\n{}", tap.line()).unwrap();
    }
    text.replace(&at, "127.0.0.1:9000") + "\n"
}

/// Times of a tap as 0.
fn without_times(text: &str) -> String {
    let masked = |line: &str| match line.starts_with(' ') {
        true => format!("  0.000000{}\n", line.get(10..).unwrap_or_default()),
        false => format!("{line}\n"),
    };
    text.lines().map(masked).collect()
}

#[test]
#[cfg(unix)]
fn every_example_does_what_the_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = fs::read_to_string(page).unwrap();
    let mut demo = Running::start(&["demo", "--address", "127.0.0.1:0"]);
    let address = demo.line().strip_prefix("listening on ").unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let (mut count, mut wrong) = (0, String::new());
    for Block { line, how, typed } in blocks(&page) {
        for (typed, expected) in typed {
            count += 1;
            let printed = match how.strip_prefix("tap: ") {
                Some(call) => tapped(&typed, call, &address, folder.path()),
                None => {
                    let printed = shell(&typed.replace("localhost", &address), folder.path(), &swill(&[]));
                    printed.replace(&address, "localhost")
                }
            };
            let same = match how.as_str() {
                "" => printed == expected,
                "digits differ" => without_digits(&printed) == without_digits(&expected),
                "shape" => labels(&printed) == labels(&expected),
                _ => without_times(&printed) == without_times(&expected),
            };
            if !same {
                writeln!(wrong, "docs/cli.md:{line}\n$ {typed}\n{printed}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 30, "only {count} examples were found");
}
