//! What people see: colours, and where they are wanted.

use crate::Error;
use anstream::ColorChoice;
use anstyle::{AnsiColor, Effects, Style};
use clap::{Args, ValueEnum};
use std::io::{IsTerminal, Write};

/// What is being talked about: names of procedures, modules and types.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default().effects(Effects::BOLD);
/// Headings.
pub(crate) const HEADING: Style = AnsiColor::Green.on_default().effects(Effects::BOLD);
/// What is less important than the rest.
pub(crate) const FAINT: Style = Style::new().effects(Effects::DIMMED);
/// What went wrong.
pub(crate) const WRONG: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
/// What to do about it.
pub(crate) const HELP: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);

/// Whether to colour.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Colour {
    /// When to use colours. `auto` asks the terminal, and NO_COLOR and CLICOLOR_FORCE in the environment
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: When,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl Colour {
    /// Makes it hold for everything that is printed from now on.
    pub(crate) fn apply(self) {
        let choice = match self.color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Whether people look at the standard output, rather than programs.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether somebody sees how far a command has come.
pub(crate) fn draws_progress() -> bool {
    std::io::stderr().is_terminal()
}

/// Prints why a command failed. If not even that can be done, the exit code has to tell.
pub(crate) fn error(error: &Error) {
    let mut out = anstream::stderr().lock();
    let _ = writeln!(out, "{WRONG}error:{WRONG:#} {}", printable(&error.to_string()));
    for (name, text) in error.details() {
        let style = if name == "help" { HELP } else { FAINT };
        let _ = writeln!(out, "  {style}{name}:{style:#} {}", printable(text).replace('\n', "\n    "));
    }
}

/// Tells people something beside the result.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{FAINT}{}{FAINT:#}", printable(text));
}

/// Text of a stranger without what would move the cursor, or worse.
pub(crate) fn printable(text: &str) -> String {
    let is_harmless = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\t');
    text.chars()
        .map(|letter| if is_harmless(letter) { letter } else { char::REPLACEMENT_CHARACTER })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_move_the_cursor() {
        assert_eq!(printable("a\x1b[2J\u{9b}1m\r\n\tb"), "a\u{fffd}[2J\u{fffd}1m\u{fffd}\n\tb");
    }
}
