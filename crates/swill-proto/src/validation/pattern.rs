use regex::Regex;
use std::{fmt, sync::OnceLock};

/// A regular expression for a `static`: it is compiled when it is first asked.
///
/// It is anchored at the start only. A text that is no regular expression matches nothing; `#[swill::validate]` refuses
/// it when the program is built.
///
/// ```
/// use swill_proto::validation::Pattern;
///
/// static CODE: Pattern = Pattern::new("[A-Z]{3}");
/// assert!(CODE.matches("ABCD"));
/// assert!(!CODE.matches("1ABC"));
/// ```
pub struct Pattern {
    text: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern with this text.
    pub const fn new(text: &'static str) -> Self {
        Self { text, regex: OnceLock::new() }
    }

    /// The text of the regular expression.
    pub const fn text(&self) -> &'static str {
        self.text
    }

    /// Whether a text matches from its start on.
    pub fn matches(&self, text: &str) -> bool {
        let compiled = self.regex.get_or_init(|| Regex::new(&format!(r"\A(?:{})", self.text)).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}
