//! Everything that has to hold before a change goes in: what CI runs, and what everybody can run.

use crate::{
    Result, abuse, autobahn, book, clients, deny, docs_page, examples, exhaustion, faults, fresh, generated,
    guide, interleavings,
    process::{self, cargo, target},
    python_client,
    report::{Outcome, Report},
    tidy, typescript, vectors,
};
use std::{
    path::Path,
    process::{Command, ExitCode},
};

/// The test of what the compiler says. How it writes the name of a type depends on what else is public, so it runs with
/// the features that users have, which are not those that the examples turn on for the workspace.
const COMPILE_ERRORS: &str = "mistakes_are_explained";

/// All checks, quick ones first.
fn run_checks(root: &Path, report: &mut Report) {
    report.check("format", || passes(cargo(root).args(["fmt", "--all", "--check"])));
    report.check("tidy", || tidy::check(root));
    report.check("clippy", || {
        passes(cargo(root).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    report.check("clippy-alone", || clippy_alone(root));
    report.check("tests", || {
        passes(cargo(root).args(["test", "--workspace", "--no-fail-fast", "--", "--skip", COMPILE_ERRORS]))
    });
    report.check("tests-alone", || tests_alone(root));
    report.check("compile-errors", || {
        passes(cargo(root).args(["test", "--package", "swill", "--test", "compile_errors"]))
    });
    report.check("docs", || {
        passes(cargo(root).args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    });
    report.check("interleavings", || interleavings::check(root));
    report.check("deny", || deny::check(root));
    report.check("wasm", || wasm(root));
    report.check("examples", || examples::check(root));
    report.check("fresh-crate", || fresh::check(root));
    report.check("vectors", || vectors::check(root));
    report.check("clients", || clients::check(root));
    report.check("typescript", || typescript::check(root));
    report.check("python-client", || python_client::check(root));
    report.check("abuse", || abuse::check(root, abuse::Build::Debug, 5));
    report.check("faults", || faults::check(root, faults::Extent::Short));
    report.check("exhaustion", || exhaustion::check(root, true));
    report.check("book", || book::check(root));
    report.check("guide", || guide::check(root));
    report.check("docs-page", || docs_page::check(root));
    report.check("generated", || generated::check(root));
    autobahn::checks(root, report);
}

pub(crate) fn run(root: &Path, arguments: &[String]) -> ExitCode {
    let mut all = Report::dry();
    run_checks(root, &mut all);
    if arguments.iter().any(|argument| argument == "--list") {
        all.names().iter().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = arguments.iter().find(|argument| !all.names().contains(&argument.as_str())) {
        eprintln!("xtask: there is no check `{unknown}`; there are {}", all.names().join(", "));
        return ExitCode::FAILURE;
    }
    let mut report = Report::new(arguments.to_vec());
    run_checks(root, &mut report);
    report.finish()
}

fn passes(command: &mut Command) -> Result<Outcome> {
    process::run(command)?;
    Outcome::passed()
}

/// The crates with optional features, without what the rest of the workspace turns on.
fn clippy_alone(root: &Path) -> Result<Outcome> {
    for (package, features) in [
        ("swill-proto", ""),
        ("swill", ""),
        ("swill", "config"),
        ("swill", "files"),
        ("swill", "opentelemetry"),
        ("swill", "testing"),
        ("swill", "tls"),
        ("swill", "unstable-protocol"),
        ("swill-client", ""),
        ("swill-client", "opentelemetry"),
        ("swill-client", "tls"),
    ] {
        let clippy = ["clippy", "--package", package, "--features", features, "--", "-D", "warnings"];
        process::run(cargo(root).args(clippy))?;
    }
    // Without what is on by default.
    for features in ["", "config,files,tls"] {
        let clippy = ["clippy", "--package", "swill", "--no-default-features", "--features", features];
        process::run(cargo(root).args(clippy).args(["--", "-D", "warnings"]))?;
    }
    Outcome::passed()
}

/// What is said where an optional feature is missing, which the examples turn on for the workspace.
fn tests_alone(root: &Path) -> Result<Outcome> {
    for (package, features, tests) in [
        ("swill", "config", &["--test", "config"][..]),
        ("swill-client", "", &["--lib"]),
        ("swill-client", "opentelemetry,swill/opentelemetry", &["--lib", "--test", "traces"]),
    ] {
        let test = ["test", "--package", package, "--features", features];
        process::run(cargo(root).args(test).args(tests))?;
    }
    let bare = ["test", "--package", "swill", "--no-default-features", "--features", "config"];
    process::run(cargo(root).args(bare).args(["--test", "config"]))?;
    Outcome::passed()
}

/// Crates without IO build where there is none.
fn wasm(root: &Path) -> Result<Outcome> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let folder = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output()?;
    let folder = String::from_utf8(folder.stdout)?;
    if !Path::new(folder.trim()).exists() {
        return Ok(Outcome::Skipped(format!(
            "the target {TARGET} is not installed (rustup target add {TARGET})"
        )));
    }
    passes(
        cargo(root)
            .args(["check", "--package", "swill-proto", "--target", TARGET, "--target-dir"])
            .arg(target(root).join("wasm")),
    )
}
