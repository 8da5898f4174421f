//! What a run has found, for people and for programs.

use crate::judge::{Row, Verdict};
use serde_json::{Value, json};
use std::{fmt::Write, time::Duration};

const MIB: f64 = 1_048_576.0;

/// The heads of the columns, as [`line()`] fills them.
pub(crate) fn heading() -> String {
    format!(
        "{:7} {:34} {:8} {:>7} {:>8} {:>8} {:>8} {:>22}  {}",
        "", "attack", "protocol", "s", "p99 ms", "max ms", "fresh ms", "MiB before/peak/after", "figures"
    )
}

/// A row as a line.
pub(crate) fn line(row: &Row) -> String {
    let word = match row.verdict {
        Verdict::Held => "held",
        Verdict::Broken(_) => "BROKEN",
        Verdict::Skipped(_) => "skipped",
    };
    let [before, peak, after] = row.memory.map(|bytes| format!("{:.1}", bytes as f64 / MIB));
    let mut line = format!(
        "{word:7} {:34} {:8} {:>7.1} {:>8} {:>8} {:>8} {:>22}  ",
        row.attack,
        row.protocol,
        row.took.as_secs_f64(),
        milliseconds(row.p99),
        milliseconds(row.slowest),
        row.fresh.map_or_else(|| "-".into(), milliseconds),
        format!("{before}/{peak}/{after}"),
    );
    match &row.verdict {
        Verdict::Skipped(why) => line.push_str(why),
        _ => {
            let figures = row.figures.iter().map(|(name, value)| format!("{name} {value}"));
            line.push_str(&figures.collect::<Vec<_>>().join(", "));
        }
    }
    if row.tries > 1 {
        let _ = write!(line, " (tried {} times)", row.tries);
    }
    if let Verdict::Broken(reasons) = &row.verdict {
        for reason in reasons {
            // Nothing can go wrong when the output is memory.
            let _ = write!(line, "\n        - {reason}");
        }
    }
    line
}

/// The last lines: how many held, and the worst that others saw.
pub(crate) fn summary(rows: &[Row], took: Duration) -> String {
    let count = |wanted: fn(&Verdict) -> bool| rows.iter().filter(|row| wanted(&row.verdict)).count();
    let held = count(|verdict| matches!(verdict, Verdict::Held));
    let broken = count(|verdict| matches!(verdict, Verdict::Broken(_)));
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
    let calls: usize = rows.iter().map(|row| row.calls).sum();
    let p99 = rows.iter().map(|row| row.p99).max().unwrap_or_default();
    let slowest = rows.iter().map(|row| row.slowest).max().unwrap_or_default();
    let peak = rows.iter().map(|row| row.memory[1]).max().unwrap_or_default();
    let skipped_names: Vec<&str> =
        rows.iter().filter(|row| matches!(row.verdict, Verdict::Skipped(_))).map(|row| row.attack).collect();
    let mut text = format!(
        "{} attacks tried, {held} held, {broken} broke, {skipped} skipped, in {:.0} s\n\
         others made {calls} calls meanwhile: worst p99 {} ms, slowest {} ms; most memory {:.1} MiB",
        held + broken,
        took.as_secs_f64(),
        milliseconds(p99),
        milliseconds(slowest),
        peak as f64 / MIB,
    );
    if skipped > 0 {
        let _ = write!(text, "\nskipped: {}", skipped_names.join(", "));
    }
    text
}

/// Everything, as JSON.
pub(crate) fn json(rows: &[Row], build: &str, seed: u64, took: Duration) -> Value {
    let rows: Vec<Value> = rows.iter().map(row).collect();
    json!({ "build": build, "seed": seed, "seconds": took.as_secs_f64(), "rows": rows })
}

fn row(row: &Row) -> Value {
    let (verdict, reasons) = match &row.verdict {
        Verdict::Held => ("held", vec![]),
        Verdict::Broken(reasons) => ("broken", reasons.clone()),
        Verdict::Skipped(why) => ("skipped", vec![why.clone()]),
    };
    let figures: serde_json::Map<String, Value> =
        row.figures.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({
        "attack": row.attack,
        "protocol": row.protocol.name(),
        "verdict": verdict,
        "reasons": reasons,
        "seconds": row.took.as_secs_f64(),
        "others": {
            "calls": row.calls,
            "p99_ms": row.p99.as_secs_f64() * 1e3,
            "slowest_ms": row.slowest.as_secs_f64() * 1e3,
        },
        "fresh_ms": row.fresh.map(|fresh| fresh.as_secs_f64() * 1e3),
        "memory": { "before": row.memory[0], "peak": row.memory[1], "after": row.memory[2] },
        "descriptors": { "before": row.descriptors[0], "after": row.descriptors[1] },
        "figures": figures,
        "tries": row.tries,
    })
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}
