//! Who may see the page and what it reads.

use super::{FILES, PARTS, app, ask, common::serve, status};
use base64::{Engine, prelude::BASE64_STANDARD};
use swill::{Code, Docs, Error};

pub(crate) fn authorization(credentials: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(credentials))
}

#[tokio::test]
async fn a_password_is_asked_for() {
    let docs = Docs::on().password("ann", "secret").password("bob", "other").password("eve", "");
    let server = serve(app().docs(docs)).await;
    let paths = PARTS.iter().map(|(path, _)| *path).chain(FILES);
    for path in paths {
        for (given, expected) in [
            (None, 401),
            (Some(authorization("ann:secret")), 200),
            (Some(authorization("bob:other")), 200),
            (Some(authorization("eve:")), 401),
            (Some(authorization("ann:")), 401),
            (Some(authorization("bob:secret")), 401),
            (Some(authorization("ann:secret2")), 401),
            (Some(authorization("")), 401),
            (Some("Basic !".to_owned()), 401),
            (Some(format!("Bearer {}", BASE64_STANDARD.encode("ann:secret"))), 401),
        ] {
            let headers: Vec<_> = given.iter().map(|given| ("Authorization", given.as_str())).collect();
            let response = ask(&server, "GET", path, &headers).await;
            assert_eq!(response.status, expected, "{path} {given:?}");
            let challenge = response.header("www-authenticate");
            let expected = (expected == 401).then_some("Basic realm=\"docs\", charset=\"UTF-8\"");
            assert_eq!(challenge, expected, "{path} {given:?}");
            let cache = if response.status == 200 { "private, no-cache" } else { "no-store" };
            assert_eq!(response.header("cache-control"), Some(cache), "{path}");
        }
        // Who may not see it does not get to know whether it has changed, either.
        let known = ask(&server, "GET", path, &[("If-None-Match", "*")]).await;
        assert_eq!((known.status, known.header("etag")), (401, None), "{path}");
    }
    assert_eq!(status(&server, "/docs/").await, 401);
    // The socket is the hooks' business.
    assert_eq!(server.upgrade("/ws", &[]).await.1.status, 101);
}

#[tokio::test]
async fn a_guard_is_asked() {
    let docs = |answer: fn() -> swill::Result<()>| {
        Docs::on()
            .guard(|request| match request.header("x-role") {
                Some("staff") if request.remote_addr().is_some_and(|it| it.ip().is_loopback()) => Ok(()),
                Some(_) => Err(Error::new(Code::NOT_FOUND, "there is nothing here")),
                None => Err(Error::new(Code::FORBIDDEN, "staff only")),
            })
            .guard(move |_| answer())
    };
    for (role, answer, status, text) in [
        (Some("staff"), (|| Ok(())) as fn() -> swill::Result<()>, 200, None),
        (Some("guest"), || Ok(()), 404, Some("there is nothing here")),
        (None, || Ok(()), 403, Some("staff only")),
        // All of them have to agree. What is no status of HTTP is refused in the usual way.
        (Some("staff"), || Err(Error::new(Code::UNAUTHENTICATED, "who?")), 401, Some("who?")),
        (Some("staff"), || Err(Error::new(7, "seven")), 403, Some("seven")),
    ] {
        let server = serve(app().docs(docs(answer))).await;
        let headers: Vec<_> = role.iter().map(|role| ("X-Role", *role)).collect();
        for path in PARTS.iter().map(|(path, _)| *path).chain(FILES) {
            let response = ask(&server, "GET", path, &headers).await;
            assert_eq!(response.status, status, "{path} {role:?}");
            if let Some(text) = text {
                assert_eq!(response.text(), text, "{path} {role:?}");
                // A cache would show it to those who are let in.
                assert_eq!(response.header("cache-control"), Some("no-store"), "{path} {role:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_parameters_of_its_path_are_known_to_a_guard() {
    let docs = Docs::on().guard(|request| match request.parameter("room") {
        Some("open") => Ok(()),
        _ => Err(Error::new(Code::NOT_FOUND, "no such room")),
    });
    let server = serve(app().docs(docs).paths(["/rooms/{room}"])).await;
    assert_eq!(status(&server, "/rooms/open/docs").await, 200);
    assert_eq!(status(&server, "/rooms/closed/docs").await, 404);
    assert_eq!(status(&server, "/rooms/closed/swill.json").await, 404);
}

#[tokio::test]
async fn a_guard_and_a_password_have_to_agree_and_guard_the_description_without_a_page() {
    let guarded = |docs: Docs| {
        docs.password("ann", "secret").guard(|request| match request.header("x-role") {
            Some("staff") => Ok(()),
            _ => Err(Error::new(Code::FORBIDDEN, "staff only")),
        })
    };
    let right = authorization("ann:secret");
    let (password, role) = (("Authorization", right.as_str()), ("X-Role", "staff"));
    for (docs, page) in [(Docs::on(), 200), (Docs::off(), 404)] {
        let server = serve(app().docs(guarded(docs))).await;
        for (headers, expected) in
            [(&[][..], 401), (&[role][..], 401), (&[password][..], 403), (&[password, role][..], 200)]
        {
            assert_eq!(ask(&server, "GET", "/swill.json", headers).await.status, expected);
            let expected = if page == 404 { 404 } else { expected };
            assert_eq!(ask(&server, "GET", "/docs", headers).await.status, expected);
        }
    }
}

#[test]
fn passwords_are_nowhere_to_be_seen() {
    let docs = Docs::on().password("ann", "correct horse");
    assert!(!format!("{docs:?} {:?}", app().docs(docs.clone())).contains("horse"));
}
