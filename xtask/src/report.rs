//! Counts checks, and says at the end what ran, what failed and what was left out.

use crate::Result;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// How a check ended that did not fail.
pub(crate) enum Outcome {
    /// It passed; what there is to say about it, or nothing.
    Passed(String),
    /// Something that it needs is not here.
    Skipped(String),
}

impl Outcome {
    pub(crate) fn passed() -> Result<Self> {
        Ok(Self::Passed(String::new()))
    }
}

enum Verdict {
    Passed(String),
    Failed(String),
    Skipped(String),
}

/// The checks of one run.
pub(crate) struct Report {
    only: Vec<String>,
    dry: bool,
    names: Vec<&'static str>,
    checks: Vec<(&'static str, Duration, Verdict)>,
    started: Instant,
}

impl Report {
    /// Runs the checks that are named; all of them if none is.
    pub(crate) fn new(only: Vec<String>) -> Self {
        Self { only, dry: false, names: vec![], checks: vec![], started: Instant::now() }
    }

    /// Runs nothing, and only learns what the checks are called.
    pub(crate) fn dry() -> Self {
        Self { dry: true, ..Self::new(vec![]) }
    }

    /// The checks, in the order in which they run.
    pub(crate) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Runs a check. One that fails does not keep the next ones from running.
    pub(crate) fn check(&mut self, name: &'static str, run: impl FnOnce() -> Result<Outcome>) {
        self.names.push(name);
        if self.dry || !self.only.is_empty() && !self.only.iter().any(|only| only == name) {
            return;
        }
        println!("==> {name}");
        let started = Instant::now();
        let verdict = match run() {
            Ok(Outcome::Passed(note)) => Verdict::Passed(note),
            Ok(Outcome::Skipped(why)) => Verdict::Skipped(why),
            Err(error) => Verdict::Failed(error.to_string()),
        };
        let took = started.elapsed();
        println!("<== {}", line(name, took, &verdict));
        self.checks.push((name, took, verdict));
    }

    /// Prints the summary. A check that was skipped does not make the run fail.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\nSummary, {:.0} s in all:", self.started.elapsed().as_secs_f64());
        let mut count = [0, 0, 0];
        for (name, took, verdict) in &self.checks {
            println!("  {}", line(name, *took, verdict));
            count[match verdict {
                Verdict::Passed(_) => 0,
                Verdict::Failed(_) => 1,
                Verdict::Skipped(_) => 2,
            }] += 1;
        }
        let [passed, failed, skipped] = count;
        let names = |wanted: fn(&Verdict) -> bool| {
            let names = self.checks.iter().filter(|(_, _, verdict)| wanted(verdict)).map(|(name, ..)| *name);
            names.collect::<Vec<_>>().join(", ")
        };
        if failed > 0 {
            println!("failed: {}", names(|it| matches!(it, Verdict::Failed(_))));
        }
        let left_out = match skipped {
            0 => String::new(),
            _ => format!(": {}", names(|it| matches!(it, Verdict::Skipped(_)))),
        };
        println!("{} checks ran, {skipped} skipped{left_out}", passed + failed);
        println!("{passed} passed, {failed} failed");
        if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn line(name: &str, took: Duration, verdict: &Verdict) -> String {
    let (word, note) = match verdict {
        Verdict::Passed(note) => ("passed", note),
        Verdict::Failed(why) => ("FAILED", why),
        Verdict::Skipped(why) => ("skipped", why),
    };
    let colon = if note.is_empty() { "" } else { ": " };
    format!("{word:7} {name} ({:.1} s){colon}{note}", took.as_secs_f64())
}
