//! Checks, and what became of them.

use crate::Bench;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};
use swill_exhaustion::Result;

/// Something that is taken away, and what has to hold then.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// Whether it takes seconds only.
    pub(crate) short: bool,
    pub(crate) run: fn(&Bench) -> Result<Outcome>,
}

/// How a check ended that did not fail.
pub(crate) enum Outcome {
    /// It held; what was measured.
    Held(String),
    /// The machine cannot do it.
    Skipped(String),
}

/// Runs checks one after the other, each with a server of its own.
#[expect(clippy::print_stdout, reason = "the report")]
pub(crate) fn run<'c>(checks: impl Iterator<Item = &'c Check>, bench: &Bench) -> ExitCode {
    let (mut held, mut failed, mut skipped) = (0, 0, 0);
    for check in checks {
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (check.run)(bench)));
        let outcome = outcome.unwrap_or_else(|_| Err("the check itself panicked".into()));
        let (word, note) = match outcome {
            Ok(Outcome::Held(figures)) => {
                held += 1;
                ("held", figures)
            }
            Ok(Outcome::Skipped(why)) => {
                skipped += 1;
                ("skipped", why)
            }
            Err(error) => {
                failed += 1;
                ("FAILED", error.to_string())
            }
        };
        println!("{word:8}{:19}{:>6.1} s  {note}", check.name, started.elapsed().as_secs_f64());
    }
    println!("{held} held, {failed} failed, {skipped} skipped");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
