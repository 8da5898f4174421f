//! The browser that pages and browser clients are tried in.

use crate::process::exists;
use std::{env, path::PathBuf};

/// Why a check that needs a browser is left out.
pub(crate) const MISSING: &str =
    "no Chromium (install it, or say where it is: SWILL_CHROMIUM=/path/to/chromium)";

/// What a Chromium may be called, most likely first.
const NAMES: &[&str] = &["/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome", "chrome"];

/// Where Chromium is: what `SWILL_CHROMIUM` says, which has to be right, or else the first of its usual names.
pub(crate) fn find() -> Option<PathBuf> {
    let starts = |program: &str| exists(program, "--version");
    match env::var("SWILL_CHROMIUM") {
        Ok(told) => starts(&told).then(|| PathBuf::from(told)),
        Err(_) => NAMES.iter().find(|name| starts(name)).map(PathBuf::from),
    }
}
