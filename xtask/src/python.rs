//! Virtual environments of Python, made when they are needed and made anew when what they need has changed.

use crate::{
    Result,
    process::{run, target},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Why there is no interpreter.
pub(crate) const MISSING: &str = "no Python 3 that can make virtual environments (apt install python3-venv)";

/// The interpreter of a virtual environment in which a file of requirements is installed. `None` if this machine has no
/// Python that can make one.
pub(crate) fn environment(root: &Path, name: &str, requirements: &str) -> Result<Option<PathBuf>> {
    let requirements = root.join(requirements);
    let folder = target(root).join(format!("python-{name}"));
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed.txt"));
    let wanted = fs::read_to_string(&requirements)?;
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Some(python));
    }
    let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).status();
    if !made.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&requirements))?;
    fs::write(&stamp, wanted)?;
    Ok(Some(python))
}
