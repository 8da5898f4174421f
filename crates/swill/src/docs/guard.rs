//! Who may see the docs page and what it reads.

use crate::{
    Request, Result,
    document::Asked,
    route::{refuse, refuse_with},
};
use axum::response::Response;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, StatusCode, header};
use std::{fmt, hint::black_box, sync::Arc};

/// What a browser says when it asks for the password.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"docs\", charset=\"UTF-8\"");

type Question = Arc<dyn Fn(&Request) -> Result<()> + Send + Sync>;

/// Passwords, of which one has to be shown if there are any, and questions, all of which have to be answered.
#[derive(Clone, Default)]
pub(crate) struct Guard {
    /// As they come: name, colon, password. One that is empty lets nobody in, and is `None`.
    passwords: Vec<Option<Vec<u8>>>,
    questions: Vec<Question>,
}

impl Guard {
    pub(super) fn allow(&mut self, user: &str, password: &str) {
        let shown = format!("{user}:{password}").into_bytes();
        self.passwords.push((!password.is_empty()).then_some(shown));
    }

    pub(super) fn ask(&mut self, question: impl Fn(&Request) -> Result<()> + Send + Sync + 'static) {
        self.questions.push(Arc::new(question));
    }

    pub(crate) fn is_set(&self) -> bool {
        !self.passwords.is_empty() || !self.questions.is_empty()
    }

    /// Lets a request through, or says why not.
    pub(crate) fn admit(&self, asked: &Asked) -> Result<(), Box<Response>> {
        if !self.is_set() {
            return Ok(());
        }
        let Some(request) = asked.request() else {
            let why = "the request is too large";
            return Err(Box::new(refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, why)));
        };
        if !self.passwords.is_empty() && !self.knows(request.header("authorization")) {
            let mut response = refuse(StatusCode::UNAUTHORIZED, "this needs a name and a password");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
            return Err(Box::new(response));
        }
        for question in &self.questions {
            question(&request).map_err(|error| Box::new(refuse_with(&error)))?;
        }
        Ok(())
    }

    fn knows(&self, authorization: Option<&str>) -> bool {
        let shown = authorization.and_then(|value| {
            let (scheme, shown) = value.split_once(' ')?;
            let basic = scheme.eq_ignore_ascii_case("basic");
            basic.then(|| BASE64_STANDARD.decode(shown.trim()).ok()).flatten()
        });
        // Each of them is looked at, whichever it is.
        let right = || self.passwords.iter().flatten();
        let same = |shown: &[u8]| right().fold(false, |found, it| found | is_same(shown, it));
        shown.is_some_and(|shown| same(&shown))
    }
}

/// Compares in a time that depends on nothing but the length of what was shown: how much of it is right, and how long
/// the right one is, cannot be measured.
fn is_same(shown: &[u8], right: &[u8]) -> bool {
    let mut difference = shown.len() ^ right.len();
    for (at, byte) in shown.iter().enumerate() {
        // There is a colon in it, so that it is never empty.
        difference |= usize::from(black_box(byte ^ right[at % right.len()]));
    }
    black_box(difference) == 0
}

/// Without the passwords.
impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("passwords", &self.passwords.len())
            .field("questions", &self.questions.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_is_known() {
        let mut guard = Guard::default();
        guard.allow("ann", "se:cret");
        guard.allow("bob", "x");
        guard.allow("eve", "");
        guard.allow("", "\u{e4}");
        for (shown, known) in [
            ("ann:se:cret", true),
            ("bob:x", true),
            ("eve:", false),
            (":\u{e4}", true),
            ("ann:se:cretse:cret", false),
            ("ann:se:cre", false),
            ("ann:se:crea", false),
            ("Ann:se:cret", false),
            ("ann:se:cretann:se:cret", false),
            ("ann", false),
            ("", false),
            (":", false),
            ("bob:xbob:x", false),
            ("bob:", false),
        ] {
            let basic = format!("Basic {}", BASE64_STANDARD.encode(shown));
            assert_eq!(guard.knows(Some(&basic)), known, "{shown:?}");
        }
        let right = BASE64_STANDARD.encode("bob:x");
        assert!(guard.knows(Some(&format!("bAsIc  {right} "))));
        for header in ["", "Basic", "Basic ", "Basic ?", "Bearer Ym9iOng=", right.as_str()] {
            assert!(!guard.knows(Some(header)), "{header:?}");
        }
        assert!(!guard.knows(None));
    }

    #[test]
    fn passwords_are_not_shown() {
        let mut guard = Guard::default();
        guard.allow("ann", "secret");
        assert_eq!(format!("{guard:?}"), "Guard { passwords: 1, questions: 0 }");
    }
}
