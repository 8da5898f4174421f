//! Entries as lines for people.

use super::frame::Entry;
use crate::{
    json,
    output::{FAINT, HELP, NAME, WRONG, printable},
};
use anstyle::Style;
use std::{fmt::Write, time::Duration};

/// How many characters of a value are shown.
const SHORT: usize = 200;

/// How many bytes of a message are shown.
const HEX: usize = 1 << 10;

/// Bytes in a row of digits.
const ROW: usize = 16;

/// An entry, and below it the bytes of its message if they are wanted.
pub(super) fn line(entry: &Entry<'_>, after: Duration, hex: bool, full: bool) -> String {
    let frame = &entry.frame;
    let mut line = String::new();
    // Writing to a string does not fail.
    match (entry.connection, entry.side) {
        // The line that scripts wait for.
        (None, _) if frame.kind == "listening" => {
            let _ = writeln!(line, "listening on {}", frame.note.as_deref().unwrap_or_default());
            return line;
        }
        (Some(connection), side) => {
            let arrow = side.map_or(" ", |side| side.arrow());
            let _ = write!(line, "{FAINT}{:>10.6} #{connection}{FAINT:#} {arrow} ", after.as_secs_f64());
        }
        (None, _) => {
            let _ = write!(line, "{FAINT}{:>10.6}{FAINT:#} ", after.as_secs_f64());
        }
    }
    let style = style(frame.kind);
    let _ = write!(line, "{style}{:<8}{style:#}", frame.kind);
    if let Some(call) = &frame.call {
        let _ = write!(line, " {FAINT}{}{FAINT:#}", json::line(call));
    }
    if let Some(procedure) = &frame.procedure {
        let _ = write!(line, " {NAME}{}{NAME:#}", printable(procedure));
    }
    let shown = |text: String| if full { text } else { shortened(text) };
    if let Some(payload) = &frame.payload {
        let _ = write!(line, " {}", shown(json::line(payload)));
    }
    for (place, metadata) in &frame.metadata {
        let _ = write!(line, " {FAINT}{place}{FAINT:#} {}", shown(json::line(metadata)));
    }
    if let Some(note) = &frame.note {
        let _ = write!(line, " {FAINT}{}{FAINT:#}", printable(note).replace('\n', " "));
    }
    if let Some(message) = entry.message {
        let _ = write!(line, "  {FAINT}{} B{FAINT:#}", message.len());
    }
    line.push('\n');
    if let Some(message) = entry.message.filter(|_| hex) {
        digits(message, if full { usize::MAX } else { HEX }, &mut line);
    }
    line
}

fn style(kind: &str) -> Style {
    match kind {
        "error" | "violation" | "refused" | "missed" => WRONG,
        "call" | "notification" | "event" => HELP,
        _ => Style::new(),
    }
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(SHORT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Rows of digits, with the letters beside them.
fn digits(bytes: &[u8], most: usize, text: &mut String) {
    let shown = bytes.get(..most).unwrap_or(bytes);
    for (at, row) in shown.chunks(ROW).enumerate() {
        let digits: String = row.iter().map(|byte| format!("{byte:02x} ")).collect();
        let letters: String = row
            .iter()
            .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' })
            .collect();
        let _ = writeln!(text, "    {FAINT}{:08x}{FAINT:#}  {digits:<48} {letters}", at * ROW);
    }
    if shown.len() < bytes.len() {
        let _ = writeln!(
            text,
            "    {FAINT}… {} more bytes; --full shows them{FAINT:#}",
            bytes.len() - shown.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::frame::{Frame, Side},
        *,
    };
    use std::time::UNIX_EPOCH;
    use swill_proto::Value;

    #[test]
    fn a_line_says_everything() {
        let frame = Frame::new("call")
            .call(Value::Int(7))
            .procedure("add".to_owned())
            .payload(Value::Text("x".repeat(300)))
            .metadata("metadata", Some(Value::Map(vec![(Value::Text("a".into()), Value::Int(1))])))
            .note("a\x1b[2J");
        let message = [b'a'; 1030];
        let entry = Entry {
            at: UNIX_EPOCH,
            connection: Some(2),
            side: Some(Side::Client),
            frame,
            message: Some(&message),
        };
        let text = line(&entry, Duration::from_micros(1_234_567), true, false);
        let text = anstream::adapter::strip_str(&text).to_string();
        let value = format!("\"{}…", "x".repeat(199));
        let first =
            format!("  1.234567 #2 → call     7 add {value} metadata {{\"a\":1}} a\u{fffd}[2J  1030 B");
        assert_eq!(text.lines().next(), Some(first.as_str()));
        assert_eq!(
            text.lines().nth(1),
            Some("    00000000  61 61 61 61 61 61 61 61 61 61 61 61 61 61 61 61  aaaaaaaaaaaaaaaa")
        );
        assert_eq!(text.lines().last(), Some("    … 6 more bytes; --full shows them"));
        let full = line(&entry, Duration::ZERO, true, true);
        assert!(full.contains(&"x".repeat(300)) && full.lines().count() == 1 + 1030_usize.div_ceil(ROW));
    }
}
