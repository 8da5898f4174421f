//! What dependencies are, where they come from, what they ask for, and what is known to be wrong with them.

use crate::{
    Result,
    process::{cargo, exists, status},
    report::Outcome,
};
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Workspaces with dependencies of their own: nothing of them is published, so what their licences ask for concerns nobody.
const TOOLS: [&str; 2] = ["fuzz/Cargo.toml", "bench/Cargo.toml"];

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    if !exists("cargo-deny", "--version") {
        return Ok(Outcome::Skipped("cargo-deny is not installed (cargo install cargo-deny)".into()));
    }
    deny(root, "Cargo.toml", &["bans", "licenses", "sources"])?;
    for manifest in TOOLS {
        deny(root, manifest, &["bans", "sources"])?;
    }
    // The list of advisories comes over the network.
    let mut fetch = Command::new("cargo");
    fetch.args(["deny", "--all-features", "fetch", "db"]).current_dir(root);
    let fetched = fetch.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !fetched.is_ok_and(|status| status.success()) {
        return Ok(Outcome::Passed(
            "bans, licences, sources; no advisories: their list cannot be had".into(),
        ));
    }
    for manifest in ["Cargo.toml"].into_iter().chain(TOOLS) {
        deny(root, manifest, &["advisories"])?;
    }
    Ok(Outcome::Passed("bans, licences, sources, advisories".into()))
}

fn deny(root: &Path, manifest: &str, what: &[&str]) -> Result {
    let mut command = cargo(root);
    command.args(["deny", "--manifest-path", manifest, "--all-features"]);
    let config = root.join("deny.toml");
    command.arg("--config").arg(config).arg("check").args(what);
    match status(&mut command)? {
        ended if ended.success() => Ok(()),
        _ => Err(format!("{manifest}: {}", what.join(", ")).into()),
    }
}
