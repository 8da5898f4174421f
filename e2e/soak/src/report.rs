//! What came out, for the terminal and for the documentation.

use crate::figures::{Figures, Row};
use std::{fmt::Write as _, time::Duration};
use swill_exhaustion::{Result, process::Sample};

const MIB: f64 = 1_048_576.0;

/// Memory may grow so much in ten minutes, in MiB: what is freed and taken again does not come back to the same byte.
const SLOPE: f64 = 1.0;

/// What happens in the first minutes says nothing: caches fill, and the pace is found.
const WARM_UP: Duration = Duration::from_secs(180);

/// What the chapter begins with.
const INTRODUCTION: &str = "\
# A long run

After this chapter you know what became of a server that was used and abused for half an hour.

`cargo xtask soak` does it again: a release build with the limits that users get, in a process of its own, which is given as
much to do as keeps half a core busy. Honest callers speak `swill/1`, JSON-RPC in both codecs, events and WebMesh. They make
calls of every shape, large and small, look at every answer, cancel some, let the server call them back, go and come again;
others read files, metrics and health over HTTP. One round in a hundred is an attack: handshakes that break off, bytes that are
no frames, messages that are too large or never end, streams that nobody reads or takes, floods of calls, pings and
cancellations, peers that vanish. Every 5 s the system is asked what the server has.

";

/// All that is known at the end.
pub(crate) struct Report<'r> {
    minutes: f64,
    rows: &'r [Row],
    calls: u64,
    attacks: u64,
    errors: u64,
    said: Vec<String>,
    before: Sample,
    after: Sample,
    stopped: Result,
    /// MiB in ten minutes.
    slope: Option<f64>,
}

impl<'r> Report<'r> {
    pub(crate) fn new(
        minutes: f64,
        rows: &'r [Row],
        figures: &Figures,
        before: Sample,
        after: Sample,
        stopped: Result,
    ) -> Self {
        Self {
            minutes,
            rows,
            calls: figures.calls(),
            attacks: figures.attacks(),
            errors: figures.errors(),
            said: figures.said(),
            before,
            after,
            stopped,
            slope: slope(rows),
        }
    }

    /// Every condition, and whether it holds.
    fn conditions(&self) -> Vec<(String, bool)> {
        let slope = match self.slope {
            Some(slope) => (
                format!(
                    "memory grew by {slope:.2} MiB in ten minutes (under {SLOPE} MiB, after {} minutes)",
                    WARM_UP.as_secs() / 60
                ),
                slope < SLOPE,
            ),
            None => ("the run was too short to tell whether memory grows".to_owned(), true),
        };
        let stopped = match &self.stopped {
            Ok(()) => ("the server ended in peace when it was asked to".to_owned(), true),
            Err(error) => (error.to_string(), false),
        };
        vec![
            slope,
            (
                format!("{} errors of honest callers in {} calls", self.errors, grouped(self.calls)),
                self.errors == 0 && self.calls > 0,
            ),
            (
                format!(
                    "{} descriptors afterwards, {} before",
                    self.after.descriptors, self.before.descriptors
                ),
                self.after.descriptors <= self.before.descriptors,
            ),
            stopped,
        ]
    }

    pub(crate) fn holds(&self) -> bool {
        self.conditions().iter().all(|(_, holds)| *holds)
    }

    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for (what, holds) in self.conditions() {
            let _ = writeln!(text, "{} {what}", if holds { "held   " } else { "FAILED " });
        }
        let _ = writeln!(text, "{} attacks", grouped(self.attacks));
        for error in &self.said {
            let _ = writeln!(text, "  {error}");
        }
        text
    }

    /// A chapter of the documentation.
    pub(crate) fn markdown(&self) -> String {
        let steady: Vec<&Row> = self.rows.iter().filter(|row| row.at >= WARM_UP).collect();
        let steady = if steady.is_empty() { self.rows.iter().collect() } else { steady };
        let mean = |value: &dyn Fn(&Row) -> f64| {
            steady.iter().map(|row| value(row)).sum::<f64>() / steady.len().max(1) as f64
        };
        let most = |value: &dyn Fn(&Row) -> f64| steady.iter().map(|row| value(row)).fold(0.0, f64::max);
        let mut text = String::from(INTRODUCTION);
        let _ = writeln!(
            text,
            "{:.0} minutes, on a machine with {} cores that others used, too:\n",
            self.minutes,
            cores()
        );
        text.push_str("| what has to hold | |\n|---|---|\n");
        for (what, holds) in self.conditions() {
            let _ = writeln!(text, "| {what} | {} |", if holds { "yes" } else { "**no**" });
        }
        text.push_str("\n![Memory of the server over time](images/soak.svg)\n\n");
        let _ = writeln!(
            text,
            "{} calls and {} attacks in all. After the first three minutes, each second: {} calls, {:.0} attacks, {:.0} % of a\n\
             core; of the small calls half took less than {:.1} ms and 99 of 100 less than {:.1} ms. Callers and server share the\n\
             cores.\n",
            grouped(self.calls),
            grouped(self.attacks),
            grouped(mean(&|row| row.calls) as u64),
            mean(&|row| row.attacks),
            mean(&|row| row.cpu) * 100.0,
            mean(&|row| row.latency[0] as f64) / 1000.0,
            mean(&|row| row.latency[1] as f64) / 1000.0,
        );
        text.push_str(
            "| minute | memory, MiB | descriptors | threads | calls in a second | % of a core | 99 of 100 within, ms |\n\
             |---|---|---|---|---|---|---|\n",
        );
        let every = (self.rows.len() / 15).max(1);
        for row in self.rows.iter().skip(every - 1).step_by(every) {
            let _ = writeln!(
                text,
                "| {:.0} | {:.1} | {} | {} | {:.0} | {:.0} | {:.1} |",
                row.at.as_secs_f64() / 60.0,
                row.rss as f64 / MIB,
                row.descriptors,
                row.threads,
                row.calls,
                row.cpu * 100.0,
                row.latency[1] as f64 / 1000.0
            );
        }
        let _ = writeln!(
            text,
            "\nAt most {:.0} MiB, {:.0} descriptors and {:.0} threads were seen; {:.0} MiB, {} descriptors and {} threads were left\n\
             when everybody had gone. What the server holds is what the attackers make it hold: a connection that vanishes in the\n\
             middle of a stream that nobody takes is noticed after `stream_stall`, 10 s.",
            most(&|row| row.rss as f64) / MIB,
            most(&|row| row.descriptors as f64),
            most(&|row| row.threads as f64),
            self.after.rss as f64 / MIB,
            self.after.descriptors,
            self.after.threads
        );
        text
    }

    /// Memory over time, with the line that fits it best.
    pub(crate) fn chart(&self) -> String {
        const WIDTH: f64 = 760.0;
        const HEIGHT: f64 = 260.0;
        const LEFT: f64 = 60.0;
        const BOTTOM: f64 = 40.0;
        let end = self.rows.last().map_or(1.0, |row| row.at.as_secs_f64()).max(1.0);
        let most = self.rows.iter().map(|row| row.rss as f64 / MIB).fold(1.0, f64::max) * 1.2;
        let x = |seconds: f64| LEFT + seconds / end * (WIDTH - LEFT - 10.0);
        let y = |mib: f64| HEIGHT - BOTTOM - mib / most * (HEIGHT - BOTTOM - 10.0);
        let points: Vec<String> = self
            .rows
            .iter()
            .map(|row| format!("{:.1},{:.1}", x(row.at.as_secs_f64()), y(row.rss as f64 / MIB)))
            .collect();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
        );
        for step in 0..=4 {
            let mib = most * f64::from(step) / 4.0;
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{mib:.0} MiB</text>",
                WIDTH - 10.0,
                LEFT - 6.0,
                y(mib) + 4.0,
                at = y(mib),
            );
            let seconds = end * f64::from(step) / 4.0;
            let _ = writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{:.1} min</text>",
                x(seconds).min(WIDTH - 30.0),
                HEIGHT - BOTTOM + 20.0,
                seconds / 60.0
            );
        }
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#2563eb\" stroke-width=\"1.5\"/>",
            points.join(" ")
        );
        if let Some((slope, at_start)) = line(self.rows) {
            let from = WARM_UP.as_secs_f64();
            let _ = writeln!(
                svg,
                "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#dc2626\" stroke-dasharray=\"6 4\"/>",
                x(from),
                y(at_start + slope * from),
                x(end),
                y(at_start + slope * end)
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// MiB in ten minutes, if the run was long enough.
fn slope(rows: &[Row]) -> Option<f64> {
    line(rows).map(|(slope, _)| slope * 600.0)
}

/// The line that fits memory best after the warm-up, by least squares: MiB per second, and MiB at the start of the run.
fn line(rows: &[Row]) -> Option<(f64, f64)> {
    /// What is shorter is noise.
    const SHORTEST: Duration = Duration::from_secs(300);
    let points: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| row.at >= WARM_UP)
        .map(|row| (row.at.as_secs_f64(), row.rss as f64 / MIB))
        .collect();
    if rows.last()?.at < WARM_UP + SHORTEST || points.len() < 2 {
        return None;
    }
    let count = points.len() as f64;
    let (mean_x, mean_y) = (
        points.iter().map(|(x, _)| x).sum::<f64>() / count,
        points.iter().map(|(_, y)| y).sum::<f64>() / count,
    );
    let over: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let under: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let slope = over / under;
    Some((slope, mean_y - slope * mean_x))
}

/// A number as people read it: 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (20_886_492, "20,886,492")] {
            assert_eq!(grouped(number), text);
        }
    }

    fn rows(minutes: u64, rss: impl Fn(f64) -> f64) -> Vec<Row> {
        let row = |at: u64| Row {
            at: Duration::from_secs(at),
            rss: (rss(at as f64) * MIB) as u64,
            descriptors: 10,
            threads: 3,
            cpu: 0.5,
            calls: 1000.0,
            attacks: 10.0,
            errors: 0,
            latency: [1, 2, 3],
        };
        (0..minutes * 12).map(|look| row(look * 5)).collect()
    }

    #[test]
    fn growth_is_measured_after_the_warm_up() {
        let jump = |at: f64| if at < 100.0 { 1.0 } else { 20.0 };
        assert!(slope(&rows(30, jump)).expect("it is long enough").abs() < 0.01);
        let leak = |at: f64| 20.0 + at / 300.0;
        assert!((slope(&rows(30, leak)).expect("it is long enough") - 2.0).abs() < 0.01);
        let noise = |at: f64| 20.0 + if (at as u64 / 5).is_multiple_of(2) { 1.0 } else { -1.0 };
        assert!(slope(&rows(30, noise)).expect("it is long enough").abs() < 0.1);
        assert_eq!(slope(&rows(7, leak)), None);
    }

    #[test]
    fn whatever_goes_wrong_fails() {
        let steady = rows(30, |_| 20.0);
        let leak = rows(30, |at| 20.0 + at / 300.0);
        let (good, bad) = (Figures::default(), Figures::default());
        good.called(1);
        bad.called(1);
        bad.failed("add", "2 + 3 is 6");
        let (before, after) =
            (Sample { descriptors: 5, ..Sample::default() }, Sample { descriptors: 6, ..Sample::default() });
        let holds =
            |rows, figures, after, stopped| Report::new(30.0, rows, figures, before, after, stopped).holds();
        assert!(holds(&steady, &good, before, Ok(())));
        assert!(!holds(&leak, &good, before, Ok(())));
        assert!(!holds(&steady, &bad, before, Ok(())));
        assert!(!holds(&steady, &good, after, Ok(())));
        assert!(!holds(&steady, &good, before, Err("killed".into())));
    }
}
