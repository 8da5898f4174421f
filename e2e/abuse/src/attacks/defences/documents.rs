//! Files, and pages for people.

use super::own::Own;
use crate::{
    attacks::{ANY, Attack},
    failure::{Result, ensure},
    judge::Figures,
    target::Target,
};
use std::{fs, os::unix::fs::symlink};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("defence-file-names", ANY, "404", names),
        Attack::new("defence-hidden-files", ANY, "404", hidden),
        Attack::new("defence-file-links", ANY, "404", links),
        Attack::new("defence-file-headers", ANY, "browsers do not guess types", file_headers),
        Attack::new(
            "defence-docs-headers",
            ANY,
            "browsers run only what comes from the server",
            docs_headers,
        ),
    ]
}

/// A folder with a folder in it, files in both, what must not be served, and a secret beside it.
fn folder() -> Result<tempfile::TempDir> {
    let top = tempfile::tempdir()?;
    let files = top.path().join("files");
    fs::create_dir_all(files.join("sub/.hidden"))?;
    for (name, text) in [
        ("secret.txt", "a secret"),
        ("files/a.txt", "open"),
        ("files/page.html", "<p>open"),
        ("files/sub/b.txt", "open"),
        ("files/.env", "a secret"),
        ("files/sub/.hidden/c.txt", "a secret"),
    ] {
        fs::write(top.path().join(name), text)?;
    }
    symlink("../secret.txt", files.join("link.txt"))?;
    symlink(top.path(), files.join("up"))?;
    Ok(top)
}

async fn serving(target: &Target) -> Result<(Own, tempfile::TempDir)> {
    let folder = folder()?;
    let files = folder.path().join("files");
    let own = Own::start_with(target, &["--files", &files.display().to_string()])?;
    for (path, text) in [("/files/a.txt", &b"open"[..]), ("/files/sub/b.txt", b"open")] {
        let found = own.get(path, &[]).await?;
        ensure!(
            found.head.status == 200 && found.body == text,
            "{path} is answered with {}",
            found.head.status
        );
    }
    Ok((own, folder))
}

/// Fails unless none of these paths leads to a file.
async fn lead_nowhere(own: &Own, paths: &[String]) -> Result<Figures> {
    for path in paths {
        let found = own.get(path, &[]).await?;
        let text = String::from_utf8_lossy(&found.body).into_owned();
        ensure!(
            (400..500).contains(&found.head.status) && !text.contains("secret") && !text.contains("open"),
            "{path:?} is answered with {} {text:?}",
            found.head.status
        );
    }
    Ok(vec![("tried", paths.len().to_string())])
}

async fn names(target: Target) -> Result<Figures> {
    let (own, _folder) = serving(&target).await?;
    let long = format!("/files/{}", "x".repeat(5000));
    let deep = format!("/files{}/a.txt", "/sub/..".repeat(500));
    let paths = [
        "/files/../secret.txt",
        "/files/%2e%2e/secret.txt",
        "/files/..%2fsecret.txt",
        "/files/..%2Fsecret.txt",
        "/files/..%5csecret.txt",
        "/files/..\\secret.txt",
        "/files/%252e%252e%252fsecret.txt",
        "/files/sub/..%2fa.txt",
        "/files/sub%2fb.txt",
        "/files/sub/%2e%2e/a.txt",
        "/files/a.txt%00.html",
        "/files/%00",
        "/files/%ff%fe",
        "/files//a.txt",
        "/files/./a.txt",
        "/files/sub/.",
        "//etc/passwd",
        "/files//etc/passwd",
        "/files/%2fetc%2fpasswd",
        "/files/C:%5cwindows",
        "/files/%c0%ae%c0%ae/secret.txt",
        &long,
        &deep,
    ];
    lead_nowhere(&own, &paths.map(str::to_owned)).await
}

async fn hidden(target: Target) -> Result<Figures> {
    let (own, _folder) = serving(&target).await?;
    let paths = ["/files/.env", "/files/%2eenv", "/files/sub/.hidden/c.txt", "/files/sub/%2Ehidden/c.txt"];
    lead_nowhere(&own, &paths.map(str::to_owned)).await
}

async fn links(target: Target) -> Result<Figures> {
    let (own, _folder) = serving(&target).await?;
    let paths = ["/files/link.txt", "/files/up/secret.txt", "/files/up/../secret.txt"];
    lead_nowhere(&own, &paths.map(str::to_owned)).await
}

async fn file_headers(target: Target) -> Result<Figures> {
    let (own, _folder) = serving(&target).await?;
    for path in ["/files/a.txt", "/files/page.html"] {
        let found = own.get(path, &[]).await?;
        let nosniff = found.head.header("x-content-type-options");
        ensure!(nosniff == Some("nosniff"), "{path} comes with {nosniff:?}");
    }
    Ok(vec![])
}

async fn docs_headers(target: Target) -> Result<Figures> {
    let own = Own::start(&target)?;
    for path in ["/swill/docs", "/swill/docs/app.js", "/swill/docs/app.css"] {
        let found = own.get(path, &[]).await?;
        ensure!(found.head.status == 200, "{path} is answered with {}", found.head.status);
        let policy = found.head.header("content-security-policy").unwrap_or_default();
        for rule in ["default-src 'none'", "script-src 'self';", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            ensure!(policy.contains(rule), "{path} comes without {rule}: {policy:?}");
        }
        ensure!(!policy.contains("unsafe"), "{path} comes with {policy:?}");
        let nosniff = found.head.header("x-content-type-options");
        ensure!(nosniff == Some("nosniff"), "{path} comes with {nosniff:?}");
    }
    Ok(vec![])
}
