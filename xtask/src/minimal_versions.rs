//! Tests the crates that are published with the oldest versions of their libraries that their manifests allow: what a
//! manifest promises has to be true for those who do not take the newest.

use crate::{
    Result,
    process::{cargo, run, target},
    report::Outcome,
};
use std::{fs, path::Path, process::Command};

/// What is published, but for the command, which comes with the versions that it was tested with.
const PACKAGES: [&str; 4] = ["swill-ws", "swill-proto", "swill", "swill-client"];

pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let folder = target(root).join("minimal-versions");
    let copy = folder.join("copy");
    let _ = fs::remove_dir_all(&copy);
    copy_repository(root, &copy)?;
    let manifest = fs::read_to_string(copy.join("Cargo.toml"))?;
    fs::write(copy.join("Cargo.toml"), published_alone(&manifest)?)?;
    // Choosing old versions is not stable yet; compiling with them is.
    let mut update = cargo(&copy);
    run(update.args(["update", "-Z", "direct-minimal-versions"]).env("RUSTC_BOOTSTRAP", "1"))?;
    let mut test = cargo(&copy);
    test.env("CARGO_TARGET_DIR", folder.join("target")).args(["test", "--locked", "--no-fail-fast"]);
    for package in PACKAGES {
        test.args(["--package", package]);
    }
    // What the compiler says of a mistake names what other crates have, which changes with their versions.
    run(test.args(["--", "--skip", "mistakes_are_explained"]))?;
    fs::remove_dir_all(copy)?;
    Ok(Outcome::Passed(format!("{} with the oldest libraries that they allow", PACKAGES.join(", "))))
}

/// Copies what git knows.
fn copy_repository(root: &Path, copy: &Path) -> Result {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    if !listed.status.success() {
        return Err("this needs a git checkout, to know which files belong to the repository".into());
    }
    for path in String::from_utf8(listed.stdout)?.split('\0').filter(|path| !path.is_empty()) {
        let (from, to) = (root.join(path), copy.join(path));
        // A file that has been deleted and not committed yet.
        if !from.is_file() {
            continue;
        }
        fs::create_dir_all(to.parent().ok_or("a file in no folder")?)?;
        fs::copy(from, to)?;
    }
    Ok(())
}

/// The manifest of a workspace of nothing but what is tested here: tools may want newer libraries.
fn published_alone(manifest: &str) -> Result<String> {
    const MEMBERS: &str = "members = [";
    let (before, rest) = manifest.split_once(MEMBERS).ok_or("the workspace has no members")?;
    let (_, after) = rest.split_once(']').ok_or("the list of members does not end")?;
    let members: Vec<String> =
        PACKAGES.iter().chain(&["swill-macros"]).map(|name| format!("\"crates/{name}\"")).collect();
    Ok(format!("{before}{MEMBERS}{}]{after}", members.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_left_out() {
        let manifest = "[workspace]\nmembers = [\"crates/*\",\n  \"xtask\"]\nexclude = [\"bench\"]\n";
        let alone = published_alone(manifest).expect("it has members");
        assert!(alone.starts_with("[workspace]\nmembers = [\"crates/swill-ws\", "), "{alone}");
        assert!(alone.ends_with("\"crates/swill-macros\"]\nexclude = [\"bench\"]\n"), "{alone}");
        assert!(published_alone("[package]").is_err());
    }
}
