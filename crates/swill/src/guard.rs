//! Who may see what an app shows of itself: the docs page and what it reads, metrics.

use crate::{
    Request, Result,
    document::Asked,
    observe::{Observer, Who},
    route::{refuse, refuse_with},
};
use axum::response::Response;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, StatusCode, header};
use std::{fmt, hint::black_box, sync::Arc};

type Question = Arc<dyn Fn(&Request) -> Result<()> + Send + Sync>;

/// Passwords and tokens, of which one has to be shown if there are any, and questions, all of which have to be answered.
#[derive(Clone)]
pub(crate) struct Guard {
    /// What is guarded, as browsers tell their users (RFC 7617, section 2).
    realm: &'static str,
    /// As they come: name, colon, password. One that is empty lets nobody in, and is `None`.
    passwords: Vec<Option<Vec<u8>>>,
    tokens: Vec<Option<Vec<u8>>>,
    questions: Vec<Question>,
    /// Who asks decides how often a question fails.
    observer: Observer,
}

impl Guard {
    pub(crate) fn new(realm: &'static str) -> Self {
        let (passwords, tokens, questions) = (Vec::new(), Vec::new(), Vec::new());
        Self { realm, passwords, tokens, questions, observer: Observer::default() }
    }

    pub(crate) fn allow(&mut self, user: &str, password: &str) {
        let shown = format!("{user}:{password}").into_bytes();
        self.passwords.push((!password.is_empty()).then_some(shown));
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn allow_bearer(&mut self, token: &str) {
        self.tokens.push((!token.is_empty()).then(|| token.as_bytes().to_vec()));
    }

    pub(crate) fn ask(&mut self, question: impl Fn(&Request) -> Result<()> + Send + Sync + 'static) {
        self.questions.push(Arc::new(question));
    }

    pub(crate) fn is_set(&self) -> bool {
        self.wants_secret() || !self.questions.is_empty()
    }

    fn wants_secret(&self) -> bool {
        !self.passwords.is_empty() || !self.tokens.is_empty()
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
        if self.wants_secret() && !self.knows(request.header("authorization")) {
            return Err(Box::new(self.challenge()));
        }
        for question in &self.questions {
            question(&request).map_err(|error| {
                let refusal = refuse_with(&error);
                let who = || Who { peer: None, remote: request.remote_addr() };
                if refusal.status().is_server_error() && self.observer.may_write(who()) {
                    tracing::error!(?error, "a guard failed");
                }
                Box::new(refusal)
            })?;
        }
        Ok(())
    }

    /// What is said to who shows nothing, or something wrong: how to ask.
    fn challenge(&self) -> Response {
        let (why, challenge) = match self.passwords.is_empty() {
            false => ("this needs a name and a password", "Basic"),
            true => ("this needs a token", "Bearer"),
        };
        let charset = if self.passwords.is_empty() { "" } else { ", charset=\"UTF-8\"" };
        let mut response = refuse(StatusCode::UNAUTHORIZED, why);
        if let Ok(challenge) = HeaderValue::try_from(format!("{challenge} realm=\"{}\"{charset}", self.realm))
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }

    fn knows(&self, authorization: Option<&str>) -> bool {
        let Some((scheme, shown)) = authorization.and_then(|value| value.split_once(' ')) else {
            return false;
        };
        let shown = shown.trim();
        // Each of them is looked at, whichever it is.
        let same = |shown: &[u8], right: &[Option<Vec<u8>>]| {
            right.iter().flatten().fold(false, |found, it| found | is_same(shown, it))
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return same(shown.as_bytes(), &self.tokens);
        }
        let basic =
            scheme.eq_ignore_ascii_case("basic").then(|| BASE64_STANDARD.decode(shown).ok()).flatten();
        basic.is_some_and(|shown| same(&shown, &self.passwords))
    }
}

/// Compares in a time that depends on nothing but the length of what was shown: how much of it is right, and how long
/// the right one is, cannot be measured.
fn is_same(shown: &[u8], right: &[u8]) -> bool {
    let mut difference = shown.len() ^ right.len();
    for (at, byte) in shown.iter().enumerate() {
        // Empty ones are no secrets, and are not kept.
        difference |= usize::from(black_box(byte ^ right[at % right.len()]));
    }
    black_box(difference) == 0
}

/// Without the secrets.
impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("passwords", &self.passwords.len())
            .field("tokens", &self.tokens.len())
            .field("questions", &self.questions.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_is_known() {
        let mut guard = Guard::new("docs");
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
        let mut guard = Guard::new("docs");
        guard.allow("ann", "secret");
        assert_eq!(format!("{guard:?}"), "Guard { passwords: 1, tokens: 0, questions: 0 }");
    }

    #[cfg(feature = "metrics")]
    #[test]
    fn a_token_is_as_good_as_a_password() {
        let mut guard = Guard::new("metrics");
        guard.allow_bearer("");
        for header in ["Bearer", "Bearer ", "Bearer  ", "bearer x"] {
            assert!(!guard.knows(Some(header)), "{header:?}");
        }
        assert!(guard.is_set(), "an empty token lets nobody in");
        guard.allow_bearer("to.ken");
        guard.allow("ann", "secret");
        let basic = BASE64_STANDARD.encode("ann:secret");
        for (header, known) in [
            ("Bearer to.ken", true),
            ("bearer  to.ken ", true),
            (&format!("Basic {basic}"), true),
            ("Basic to.ken", false),
            ("Bearer ann:secret", false),
            (&format!("Bearer {basic}"), false),
            ("Bearer to.ke", false),
            ("Bearer to.kento.ken", false),
        ] {
            assert_eq!(guard.knows(Some(header)), known, "{header:?}");
        }
    }
}
