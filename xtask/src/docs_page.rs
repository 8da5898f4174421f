//! The docs page: what is served is what its source makes, it is small, and people can use it in a real browser.

use crate::{
    Result, chromium, clients,
    process::{cargo, output, run, target},
    python,
    report::Outcome,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The source of the page, what it is made with, and what it is held against. They keep their places to each other.
const PLAYGROUND: &str = "playground";
const CLIENT: &str = "clients/typescript";
const SERVED: &str = "crates/swill/assets/docs";

/// What lies beside the page, and no browser gets.
const NOT_SERVED: &str = "licenses.txt";

/// As many bytes as the page may have, compressed.
const MOST: u64 = 150_000;

/// The tests in the browser, and what the Python client needs to run there.
const TESTS: &str = "e2e/docs-page";
const REQUIREMENTS: &str = "e2e/docs-page/requirements.txt";

/// What is made anew wherever it is needed.
const MADE: &[&str] = &["node_modules", "dist", "out"];

/// For all tests together, on a slow machine, with a Rust program to be compiled.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    if !clients::has_node() {
        return Ok(Outcome::Skipped(clients::NO_NODE.into()));
    }
    let copy = target(root).join("docs-page");
    for folder in [PLAYGROUND, CLIENT, SERVED, TESTS] {
        mirror(&root.join(folder), &copy.join(folder))?;
    }
    let playground = copy.join(PLAYGROUND);
    install(&playground, &[])?;
    run(Command::new("npm").args(["run", "--silent", "check"]).current_dir(&playground))?;
    run(Command::new("node").args(["build.mjs", "--check"]).current_dir(&playground))?;
    let size = served(root)?;
    let Some(chromium) = chromium::find() else {
        return Ok(Outcome::Skipped(format!("{size} bytes; not tried in a browser: {}", chromium::MISSING)));
    };
    let tests = try_it(root, &copy.join(TESTS), &chromium)?;
    Ok(Outcome::Passed(format!("{size} bytes, {tests} tests in Chromium")))
}

/// Bytes of all that browsers get.
fn served(root: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in fs::read_dir(root.join(SERVED))? {
        let entry = entry?;
        if entry.file_name() != NOT_SERVED {
            size += entry.metadata()?.len();
        }
    }
    match size > MOST {
        true => Err(format!("the page has {size} bytes, more than {MOST}").into()),
        false => Ok(size),
    }
}

/// Runs the tests in the browser, and tells how many there were.
fn try_it(root: &Path, tests: &Path, chromium: &Path) -> Result<usize> {
    run(cargo(root).args(["build", "--package", "swill-cli"]))?;
    install(tests, &[])?;
    let python = python::environment(root, "docs-page", REQUIREMENTS)?;
    let mut command = Command::new("npm");
    command
        .args(["run", "--silent", "test"])
        .current_dir(tests)
        .env("SWILL_BIN", target(root).join("debug/swill"))
        .env("SWILL_CHROMIUM", chromium)
        .env("SWILL_ROOT", root)
        .env("SWILL_SNIPPET_TARGET", target(root).join("docs-page/snippet"))
        .env("PYTHONPATH", root.join("clients/python/src"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    match &python {
        Some(python) => command.env("SWILL_PYTHON", python),
        None => command.env("SWILL_SNIPPETS_WITHOUT", "python"),
    };
    let (status, said) = output(&mut command, PATIENCE)?;
    Ok(passed(status.success(), &said)?)
}

/// How many tests passed, by what Node's test runner said at its end, or why that is not good enough.
fn passed(success: bool, said: &str) -> std::result::Result<usize, String> {
    let count = |word: &str| {
        let line = said.lines().rev().find_map(|line| line.split_once(&format!(" {word} ")));
        line.and_then(|(mark, count)| {
            (mark.chars().count() == 1).then(|| count.trim().parse().ok()).flatten()
        })
    };
    match (count("pass"), count("fail"), count("cancelled")) {
        (Some(0), ..) => Err("it tested nothing".into()),
        (Some(passed), Some(0), Some(0)) if success => Ok(passed),
        (Some(_), Some(failed), Some(cancelled)) if failed + cancelled > 0 => {
            // It says at its end once more which ones, and why: the last that is read of a long log.
            let which = said.rsplit_once(" failing tests:").map_or("", |(_, which)| which.trim_end());
            Err(format!("{failed} tests failed, {cancelled} were cancelled{which}"))
        }
        _ => Err("it did not come to its end".into()),
    }
}

/// Installs what a folder's lock file says, unless that has been done. Scripts of packages are not run.
pub(crate) fn install(folder: &Path, options: &[&str]) -> Result {
    let stamp = folder.join("node_modules/.installed.json");
    let wanted = fs::read_to_string(folder.join("package-lock.json"))?;
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        run(Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])
            .args(options)
            .current_dir(folder))?;
        fs::write(stamp, wanted)?;
    }
    Ok(())
}

/// Makes one folder like another, but for what is made in it.
pub(crate) fn mirror(from: &Path, to: &Path) -> Result {
    fs::create_dir_all(to)?;
    let names = |folder: &Path| -> Result<Vec<PathBuf>> {
        let names = fs::read_dir(folder)?.map(|entry| Ok(PathBuf::from(entry?.file_name())));
        names
            .filter(|name| !matches!(name, Ok(name) if MADE.iter().any(|made| name == Path::new(made))))
            .collect()
    };
    let wanted = names(from)?;
    for gone in names(to)?.iter().filter(|name| !wanted.contains(name)) {
        let gone = to.join(gone);
        if gone.is_dir() { fs::remove_dir_all(gone)? } else { fs::remove_file(gone)? }
    }
    for name in wanted {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            mirror(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::TemporaryFolder;

    #[test]
    fn tests_pass_if_they_come_to_their_end_and_none_failed() {
        let end = |pass, fail, cancelled| {
            format!(
                "\u{25b6} x\n\u{2139} tests 9\n\u{2139} pass {pass}\n\u{2139} fail {fail}\n\u{2139} cancelled {cancelled}\n\u{2139} skipped 0\n"
            )
        };
        assert_eq!(passed(true, &end(9, 0, 0)), Ok(9));
        assert_eq!(passed(true, &end(0, 0, 0)), Err("it tested nothing".into()));
        assert_eq!(passed(false, &end(8, 1, 0)), Err("1 tests failed, 0 were cancelled".into()));
        let why = format!("{}\n\u{2716} failing tests:\n\nhow it looks\n  it is dark\n", end(8, 0, 1));
        let told = "0 tests failed, 1 were cancelled\n\nhow it looks\n  it is dark";
        assert_eq!(passed(false, &why), Err(told.into()));
        assert_eq!(passed(false, &end(9, 0, 0)), Err("it did not come to its end".into()));
        assert_eq!(passed(true, "they pass 9\n"), Err("it did not come to its end".into()));
    }

    #[test]
    fn a_folder_is_made_like_another() {
        let folder = TemporaryFolder::new("mirror").expect("a folder");
        let (from, to) = (folder.0.join("from"), folder.0.join("to"));
        let write = |path: PathBuf, text: &str| {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write(from.join("a/b.txt"), "new");
        write(from.join("node_modules/x"), "made here");
        write(to.join("a/b.txt"), "old");
        write(to.join("a/gone.txt"), "old");
        write(to.join("node_modules/y"), "made there");
        mirror(&from, &to).expect("they can be copied");
        assert_eq!(fs::read_to_string(to.join("a/b.txt")).expect("a file"), "new");
        assert!(!to.join("a/gone.txt").exists() && !to.join("node_modules/x").exists());
        assert!(to.join("node_modules/y").exists());
    }
}
