//! Every limit has a default, a name, a builder method and a line in the documentation that says so.

use super::Files;

const SOURCE: &str = "crates/swill/src/limits.rs";
const TABLE: &str = "docs/limits.md";
const NAMES: &str = "crates/swill/src/observe/limit.rs";

/// What nobody exceeds: after it a ping is sent, and that is all.
const NOT_COUNTED: &[&str] = &["ping_after"];

pub(super) fn documented(files: &Files) -> Vec<String> {
    let defaults = defaults(files.get(SOURCE), files.get("crates/swill-proto/src/metadata.rs"));
    let rows = rows(files.get(TABLE));
    let mut findings = vec![];
    if defaults.is_empty() {
        findings.push(format!("{SOURCE} has no defaults that can be read"));
    }
    for (name, default) in &defaults {
        match rows.iter().find(|row| row.name == *name) {
            None => findings.push(format!("{TABLE} has no row for `{name}`, which is {default}")),
            Some(row) if row.default != *default => {
                findings.push(format!("{TABLE} says that `{name}` is {}, and it is {default}", row.default));
            }
            Some(row) if row.beyond.is_empty() => {
                findings.push(format!("{TABLE} does not say what happens beyond `{name}`"));
            }
            Some(_) => {}
        }
    }
    for row in &rows {
        if !defaults.iter().any(|(name, _)| *name == row.name) {
            findings.push(format!("{TABLE} has a row for `{}`, which is no limit", row.name));
        }
    }
    let methods: Vec<&str> = files
        .get(SOURCE)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub fn ")?.split_once("(mut self").map(|(name, _)| name))
        .collect();
    for method in &methods {
        if !rows.iter().any(|row| row.methods.contains(&format!("`{method}`"))) {
            findings.push(format!("{TABLE} does not name the method `{method}`"));
        }
    }
    for row in &rows {
        let known = |name: &str| methods.contains(&name);
        if !row.methods.split('`').any(known) {
            findings.push(format!("{TABLE} names no method that sets `{}`", row.name));
        }
    }
    findings.extend(named(files));
    findings
}

/// Every row of both tables has a name in metrics and logs, and every such name has a row.
fn named(files: &Files) -> Vec<String> {
    let source = files.get(NAMES);
    let list =
        source.split("\nlimits! {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap_or_default();
    let names: Vec<&str> = list.lines().filter_map(|line| line.split('"').nth(1)).collect();
    let first =
        |line: &'_ str| line.strip_prefix("| `").and_then(|rest| rest.split('`').next()).map(str::to_owned);
    let rows: Vec<String> = files.get(TABLE).lines().filter_map(first).collect();
    let mut findings = vec![];
    if names.is_empty() {
        findings.push(format!("{NAMES} has no names that can be read"));
    }
    for row in rows.iter().filter(|row| !NOT_COUNTED.contains(&row.as_str())) {
        if !names.contains(&row.as_str()) {
            findings.push(format!("{TABLE} has a row for `{row}`, which {NAMES} does not name"));
        }
    }
    for name in names {
        if !rows.iter().any(|row| row == name) {
            findings.push(format!("{NAMES} names `{name}`, which has no row in {TABLE}"));
        }
    }
    findings
}

struct Row<'t> {
    name: &'t str,
    default: &'t str,
    methods: &'t str,
    beyond: &'t str,
}

/// The rows of the table that begin with a name in backticks.
fn rows(table: &str) -> Vec<Row<'_>> {
    let cells = |line: &'_ str| line.trim().trim_matches('|').split('|').count() >= 5;
    table
        .lines()
        .filter(|line| line.starts_with("| `") && cells(line))
        .filter_map(|line| {
            let mut cells = line.trim().trim_matches('|').split('|').map(str::trim);
            let name = cells.next()?.trim_matches('`');
            let _what = cells.next()?;
            Some(Row { name, default: cells.next()?, methods: cells.next()?, beyond: cells.next()? })
        })
        .collect()
}

/// Names and defaults as people write them, out of `impl Default`.
fn defaults(source: &str, metadata: &str) -> Vec<(String, String)> {
    let mut defaults = vec![];
    for (name, value) in fields(source) {
        if value == "MetadataLimits::default()" {
            defaults.extend(
                fields(metadata).map(|(part, value)| (format!("{name}.{part}"), readable(part, value))),
            );
        } else {
            defaults.push((name.to_owned(), readable(name, value)));
        }
    }
    defaults
}

/// The fields of the value that `fn default` makes.
fn fields(source: &str) -> impl Iterator<Item = (&str, &str)> {
    let body = source.split("fn default() -> Self {").nth(1).unwrap_or_default();
    let body = body.split("\n    }").next().unwrap_or_default();
    // A short value stands on one line.
    let short = body.trim().strip_prefix("Self {").and_then(|rest| rest.strip_suffix('}'));
    let fields: Vec<&str> = match short {
        Some(fields) if !fields.contains('\n') => fields.split(", ").collect(),
        _ => body.lines().collect(),
    };
    fields.into_iter().filter_map(|field| field.trim().trim_end_matches(',').split_once(": "))
}

fn readable(name: &str, value: &str) -> String {
    if let Some(seconds) = value.strip_prefix("Duration::from_secs(") {
        return format!("{} s", seconds.trim_end_matches(')'));
    }
    if let Some(rate) = value.strip_prefix("Rate { burst: ") {
        let (burst, rest) = rate.split_once(", per_second: ").unwrap_or((rate, ""));
        return format!("{} and {} per second", thousands(burst), thousands(rest.trim_end_matches(" }")));
    }
    match value.split_once(" << ") {
        Some((count, "10")) => format!("{count} KiB"),
        Some((count, "20")) => format!("{count} MiB"),
        _ if value == "None" => "none".into(),
        _ if value.starts_with(|first: char| first.is_ascii_digit()) => thousands(value),
        _ => format!("{value} (xtask cannot read the default of `{name}`)"),
    }
}

/// `65_536` and `65536` are 65,536.
fn thousands(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let groups: Vec<String> = digits.rchunks(3).rev().map(|group| group.iter().collect()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "impl Default for Limits {\n    fn default() -> Self {\n        Self {\n            \
        message: 1 << 20,\n            pings: Rate { burst: 1000, per_second: 100 },\n            \
        metadata: MetadataLimits::default(),\n            deadline: None,\n        }\n    }\n}\n\
        impl Limits {\n    pub fn message(mut self, bytes: usize) -> Self {}\n    pub fn pings(mut self) -> Self {}\n    \
        pub fn metadata(mut self) -> Self {}\n    pub fn deadline(mut self) -> Self {}\n}\n";
    const METADATA: &str = "fn default() -> Self {\n        Self {\n            keys: 64,\n            bytes: 8 << 10,\n        }\n    }\n";
    const ROWS: &str = "| name | what | default | set by | beyond it |\n|---|---|---|---|---|\n\
        | `message` | a message | 1 MiB | `message` | 1009 |\n\
        | `pings` | pings | 1,000 and 100 per second | `pings` | 1008 |\n\
        | `metadata.keys` | keys | 64 | `metadata` | 400 |\n\
        | `metadata.bytes` | bytes | 8 KiB | `metadata` | 400 |\n\
        | `deadline` | a call | none | `deadline` | 504 |\n\n| `name` | a name | 255 | 400 |\n";

    const NAMED: &str = "\nlimits! {\n    Message \"message\" Ends,\n    Pings \"pings\" Ends,\n    \
        Keys \"metadata.keys\" Ends,\n    Bytes \"metadata.bytes\" Ends,\n    Deadline \"deadline\" Ends,\n    \
        Name \"name\" Ends,\n}\n";

    fn findings(table: &str) -> Vec<String> {
        documented(&Files::of(&[
            (SOURCE, LIMITS),
            ("crates/swill-proto/src/metadata.rs", METADATA),
            (TABLE, table),
            (NAMES, NAMED),
        ]))
    }

    #[test]
    fn a_table_that_says_how_it_is_passes() {
        assert_eq!(findings(ROWS), [""; 0]);
    }

    #[test]
    fn a_table_that_says_something_else_is_found() {
        for (right, wrong, finding) in [
            ("| 1 MiB |", "| 2 MiB |", "docs/limits.md says that `message` is 2 MiB, and it is 1 MiB"),
            ("| 1008 |", "| |", "docs/limits.md does not say what happens beyond `pings`"),
            ("| `metadata.keys`", "| `keys`", "docs/limits.md has no row for `metadata.keys`, which is 64"),
            (
                "| `name`",
                "| `label`",
                "docs/limits.md has a row for `label`, which crates/swill/src/observe/limit.rs does not name",
            ),
            (
                "| `name`",
                "| `label`",
                "crates/swill/src/observe/limit.rs names `name`, which has no row in docs/limits.md",
            ),
            ("| `pings` | 1008", "| `rate` | 1008", "docs/limits.md does not name the method `pings`"),
        ] {
            let findings = findings(&ROWS.replacen(right, wrong, 1));
            assert!(findings.iter().any(|it| it == finding), "{wrong}: {findings:?}");
        }
    }
}
