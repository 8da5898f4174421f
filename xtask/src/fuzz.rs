//! Runs the fuzz targets for a while, and tells how far they got.

use crate::{
    Result,
    process::{self, TemporaryFolder, exists},
    report::{Outcome, Report},
};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

/// What one target takes that is larger than this is a defect: its inputs are small.
const MEMORY_MIB: u32 = 1024;

/// Seconds after which an input counts as one that hangs.
const HANGS: u32 = 10;

/// Without a sanitizer of memory: the one call that is unsafe in the workspace has nothing to do with input, and what is
/// looked for are panics, assertions that fail, hanging and eating. So it is built and runs faster, and a stable compiler
/// takes it as it is.
const SANITIZER: [&str; 2] = ["--sanitizer", "none"];

/// How many bytes of inputs are kept of one target.
const KEPT: usize = 8 << 10;

/// `cargo xtask fuzz [keep | SECONDS] [TARGET...]`: each target on its own in the report.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let (keeps, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "keep" => (true, rest),
        _ => (false, arguments),
    };
    let (seconds, wanted) = match arguments.split_first() {
        None => (60, &[][..]),
        Some((first, rest)) => match first.parse() {
            Ok(seconds) => (seconds, rest),
            Err(_) => (60, arguments),
        },
    };
    let all = targets(root)?;
    if let Some(unknown) = wanted.iter().find(|wanted| !all.contains(wanted)) {
        return Err(format!("there is no fuzz target `{unknown}`; there are {}", all.join(", ")).into());
    }
    let mut report = Report::new(wanted.to_vec());
    report.check("build", || match missing() {
        Some(missing) => Ok(Outcome::Skipped(missing)),
        None => build(root).and_then(|()| Outcome::passed()),
    });
    for target in all {
        // A name lives as long as the report, which lives as long as the program.
        let name: &'static str = target.leak();
        report.check(name, || match missing() {
            Some(missing) => Ok(Outcome::Skipped(missing)),
            None if keeps => Ok(Outcome::Passed(keep(root, name)?)),
            None => Ok(Outcome::Passed(fuzz(root, name, seconds)?.to_string())),
        });
    }
    Ok(report.finish())
}

/// All targets one after the other, each with its share of the time.
pub(crate) fn check(root: &Path, time: Duration) -> Result<Outcome> {
    if let Some(missing) = missing() {
        return Ok(Outcome::Skipped(missing));
    }
    build(root)?;
    let targets = targets(root)?;
    let seconds = (time.as_secs() / targets.len() as u64).max(1);
    let (mut executions, mut failed) = (0, vec![]);
    let mut lines = vec![];
    for target in &targets {
        match fuzz(root, target, seconds) {
            Ok(figures) => {
                executions += figures.executions;
                lines.push(format!("  {target}: {figures}"));
            }
            Err(error) => {
                lines.push(format!("  {target}: FAILED: {error}"));
                failed.push(target.as_str());
            }
        }
    }
    println!("{}", lines.join("\n"));
    match failed.is_empty() {
        true => {
            Ok(Outcome::Passed(format!("{} targets, {executions} executions, nothing found", targets.len())))
        }
        false => Err(format!("{} found something", failed.join(", ")).into()),
    }
}

fn missing() -> Option<String> {
    let installed = exists("cargo-fuzz", "--version");
    (!installed).then(|| "cargo-fuzz is not installed (cargo install --locked cargo-fuzz)".into())
}

fn targets(root: &Path) -> Result<Vec<String>> {
    let mut targets: Vec<String> = fs::read_dir(root.join("fuzz/fuzz_targets"))?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    targets.sort();
    Ok(targets)
}

/// What libFuzzer says of one run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    executions: u64,
    /// Edges between blocks of code that were taken, and counts of them that differ.
    edges: u64,
    features: u64,
    /// Inputs that were kept, since each did something that no other does.
    corpus: u64,
}

impl Figures {
    /// Reads one line of what libFuzzer prints; what it does not know leaves the figures as they are.
    fn read(&mut self, line: &str) {
        if let Some(executions) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = executions.trim().parse().unwrap_or(0);
        }
        let mut words = line.split_whitespace();
        if !words.next().is_some_and(|number| number.starts_with('#')) {
            return;
        }
        while let Some(word) = words.next() {
            let figure = match word {
                "cov:" => &mut self.edges,
                "ft:" => &mut self.features,
                "corp:" => &mut self.corpus,
                _ => continue,
            };
            let number = words.next().and_then(|number| number.split('/').next()?.parse().ok());
            *figure = number.unwrap_or(*figure);
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { executions, edges, features, corpus } = self;
        write!(formatter, "{executions} executions, {edges} edges, {features} features, {corpus} inputs kept")
    }
}

/// Builds all targets at once, which shares more of the work than one after the other.
fn build(root: &Path) -> Result {
    process::run(&mut cargo_fuzz(root, "build"))
}

/// A subcommand of cargo-fuzz, with the same settings each time, lest everything is built again.
fn cargo_fuzz(root: &Path, subcommand: &str) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["fuzz", subcommand]).args(SANITIZER);
    command
}

fn fuzz(root: &Path, name: &str, seconds: u64) -> Result<Figures> {
    let corpus = root.join("fuzz/corpus").join(name);
    fs::create_dir_all(&corpus)?;
    let mut command = cargo_fuzz(root, "run");
    command.arg(name).arg(&corpus);
    let seeds = root.join("fuzz/seeds").join(name);
    if seeds.exists() {
        command.arg(seeds);
    }
    command.args(["--", "-print_final_stats=1", "-use_value_profile=0"]);
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={HANGS}"));
    command.arg(format!("-rss_limit_mb={MEMORY_MIB}"));
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut figures = Figures::default();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(std::io::Result::ok) {
            eprintln!("{line}");
            figures.read(&line);
        }
    }
    match child.wait()? {
        status if status.success() => Ok(figures),
        status => Err(format!("{status}; the input lies in fuzz/artifacts/{name}").into()),
    }
}

/// Reduces what libFuzzer has found of a target to inputs that reach the same edges, and keeps the smallest of them.
fn keep(root: &Path, name: &str) -> Result<String> {
    let least = TemporaryFolder::new(&format!("fuzz-{name}"))?;
    let fuzz = root.join("fuzz");
    let corpus = fuzz.join("corpus").join(name);
    fs::create_dir_all(&corpus)?;
    let mut command = cargo_fuzz(root, "run");
    command.arg(name).args([&least.0, &corpus, &fuzz.join("seeds").join(name)]);
    process::run(command.args(["--", "-merge=1", "-use_counters=0", "-max_len=600"]))?;
    let inputs =
        fs::read_dir(&least.0)?.map(|file| fs::read(file?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let found = inputs.len();
    let lines = lines(inputs);
    fs::write(fuzz.join("kept").join(format!("{name}.hex")), &lines)?;
    Ok(format!("{} of {found} inputs kept", lines.lines().count()))
}

/// Inputs in two digits for each byte, one in a line, the small ones first, as many as may be kept.
fn lines(mut inputs: Vec<Vec<u8>>) -> String {
    inputs.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    let mut lines = String::new();
    let mut bytes = 0;
    for input in inputs.iter().filter(|input| !input.is_empty()) {
        bytes += input.len();
        if bytes > KEPT {
            break;
        }
        lines.extend(input.iter().map(|byte| format!("{byte:02x}")));
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Figures, KEPT, lines};

    #[test]
    fn small_inputs_are_kept_first() {
        assert_eq!(lines(vec![vec![], vec![2, 1], vec![255], vec![1, 0xab]]), "ff\n01ab\n0201\n");
        assert_eq!(lines(vec![vec![7; KEPT], vec![1]]), "01\n");
    }

    #[test]
    fn figures_are_read_from_what_libfuzzer_prints() {
        let mut figures = Figures::default();
        for line in [
            "INFO: seed corpus: files: 12 min: 1b max: 60b",
            "#13\tINITED cov: 2201 ft: 3002 corp: 11/345b exec/s: 0 rss: 60Mb",
            "#4096\tpulse  cov: 2301 ft: 3412 corp: 25/1345b lim: 80 exec/s: 2048 rss: 61Mb",
            "Done 5000 runs in 61 second(s)",
            "stat::number_of_executed_units: 5000",
        ] {
            figures.read(line);
        }
        assert_eq!(figures, Figures { executions: 5000, edges: 2301, features: 3412, corpus: 25 });
    }
}
