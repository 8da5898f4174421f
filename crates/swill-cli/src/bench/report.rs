use super::{Bench, record::Record};
use crate::output::{FAINT, HEADING, WRONG};
use serde_json::{Value, json};
use std::{fmt::Write, time::Duration};

/// Which shares of all calls are told how long they took at most.
const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// The longest bar of the histogram, in characters.
const BAR: u64 = 40;

/// A record, for people and for programs.
#[derive(Debug)]
pub(super) struct Report<'r> {
    pub(super) record: &'r Record,
    pub(super) bench: &'r Bench,
}

/// The calls that took longer than the row before says, and at most so long.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    nanoseconds: u64,
    count: u64,
}

impl Report<'_> {
    pub(super) fn text(&self) -> String {
        let Self { record, bench } = self;
        let mut text = String::new();
        let seconds = record.elapsed.as_secs_f64();
        let per_second = |count: u64| grouped((count as f64 / seconds.max(1e-9)).round() as u64);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{HEADING}{}{HEADING:#} at {}: {}, {} in flight on each{}",
            bench.procedure,
            bench.address,
            plural(u64::from(bench.connections), "connection"),
            plural(u64::from(bench.in_flight), "call"),
            bench.rate.map(|rate| format!(", {rate} due per second")).unwrap_or_default(),
        );
        let mut line = |name: &str, content: String| {
            let _ = writeln!(text, "{FAINT}{name:<10}{FAINT:#} {content}");
        };
        let calls = record.calls();
        line("calls", format!("{} in {seconds:.2} s, {} per second", grouped(calls), per_second(calls)));
        if record.items > 0 {
            line("items", format!("{}, {} per second", grouped(record.items), per_second(record.items)));
        }
        if record.not_sent > 0 {
            line(
                "not sent",
                format!("{}: the server is slower than they were due", grouped(record.not_sent)),
            );
        }
        line("errors", grouped(record.failed()));
        for (code, (count, message)) in &record.errors {
            line("", format!("{WRONG}{code}{WRONG:#} × {}: {message}", grouped(*count)));
        }
        if let Some((count, why)) = &record.lost {
            line("lost", format!("{}: {why}", plural(*count, "connection")));
        }
        if record.latency.is_empty() {
            return text;
        }
        let quantiles = QUANTILES.map(|(name, quantile)| {
            format!("{name} {}", short(self.record.latency.value_at_quantile(quantile)))
        });
        line("latency", quantiles.join("   "));
        if bench.rate.is_some() {
            line("", "counted from the moment at which each call was due".to_owned());
        }
        text.push('\n');
        self.histogram(&mut text);
        text
    }

    fn histogram(&self, text: &mut String) {
        let rows = self.rows();
        let most = rows.iter().map(|row| row.count).max().unwrap_or_default().max(1);
        let all = self.record.latency.len().max(1);
        for Row { nanoseconds, count } in rows {
            // What has happened at all can be seen.
            let length = (count * BAR).div_ceil(most) as usize;
            let share = count as f64 * 100.0 / all as f64;
            let line = format!(
                "up to {:>8} {:>12} {share:>6.2} %  {}",
                short(nanoseconds),
                grouped(count),
                "█".repeat(length)
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }

    /// The histogram, in steps of 1, 2 and 5, from the first call to the last.
    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        let mut bounds = (0..19).flat_map(|power| [1, 2, 5].map(|step| step * 10_u64.pow(power))).peekable();
        for recorded in self.record.latency.iter_recorded() {
            while let Some(nanoseconds) = bounds.next_if(|bound| *bound < recorded.value_iterated_to()) {
                // What is faster than the fastest call needs no row.
                if rows.last().is_some_and(|row| row.nanoseconds < nanoseconds) {
                    rows.push(Row { nanoseconds, count: 0 });
                }
            }
            let nanoseconds = bounds.peek().copied().unwrap_or(u64::MAX);
            match rows.last_mut().filter(|row| row.nanoseconds == nanoseconds) {
                Some(row) => row.count += recorded.count_at_value(),
                None => rows.push(Row { nanoseconds, count: recorded.count_at_value() }),
            }
        }
        rows
    }

    pub(super) fn json(&self) -> String {
        let Self { record, bench } = self;
        let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
        let latency = &record.latency;
        let quantiles = QUANTILES.iter().map(|(name, quantile)| {
            (name.replace('.', "_"), Value::from(microseconds(latency.value_at_quantile(*quantile))))
        });
        let errors = record.errors.iter().map(|(code, (count, message))| {
            (code.to_string(), json!({ "count": count, "message": message }))
        });
        let histogram = self
            .rows()
            .into_iter()
            .map(|row| json!({ "up_to_us": microseconds(row.nanoseconds), "count": row.count }));
        let mut latency_us: serde_json::Map<String, Value> = match latency.is_empty() {
            true => serde_json::Map::new(),
            false => quantiles.collect(),
        };
        if !latency.is_empty() {
            latency_us.insert("min".to_owned(), microseconds(latency.min()).into());
            latency_us.insert("mean".to_owned(), (latency.mean() / 1000.0).into());
        }
        let seconds = record.elapsed.as_secs_f64();
        let document = json!({
            "address": bench.address,
            "procedure": bench.procedure,
            "connections": bench.connections,
            "in_flight": bench.in_flight,
            "rate": bench.rate,
            "seconds": seconds,
            "calls": record.calls(),
            "calls_per_second": record.calls() as f64 / seconds.max(1e-9),
            "items": record.items,
            "not_sent": record.not_sent,
            "failed": record.failed(),
            "errors": errors.collect::<serde_json::Map<_, _>>(),
            "connections_lost": record.lost.as_ref().map_or(0, |(count, _)| *count),
            "latency_from": if bench.rate.is_some() { "due" } else { "sent" },
            "latency_us": latency_us,
            "histogram": if latency.is_empty() { Vec::new() } else { histogram.collect::<Vec<_>>() },
        });
        format!("{document:#}\n")
    }
}

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
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

fn plural(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A time with three digits: `1.23 ms`.
fn short(nanoseconds: u64) -> String {
    let time = Duration::from_nanos(nanoseconds).as_secs_f64();
    let (number, unit) = match time {
        time if time < 1e-3 => (time * 1e6, "µs"),
        time if time < 1.0 => (time * 1e3, "ms"),
        time => (time, "s"),
    };
    let digits = match number {
        number if number >= 100.0 => 0,
        number if number >= 10.0 => 1,
        _ => 2,
    };
    format!("{number:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_shortly() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
        for (nanoseconds, expected) in [
            (1, "0.00 µs"),
            (1_500, "1.50 µs"),
            (42_000, "42.0 µs"),
            (123_456_789, "123 ms"),
            (2_000_000_000, "2.00 s"),
        ] {
            assert_eq!(short(nanoseconds), expected);
        }
    }
}
