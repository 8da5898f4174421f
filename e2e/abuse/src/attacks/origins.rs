//! Web pages that want to speak in the name of somebody else.

use super::{Attack, EVERY};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{head::Head, socket::PATIENCE},
};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![Attack::new("foreign-origins", EVERY, "403; none, and that of the same host, pass", origins)]
}

async fn origins(target: Target) -> Result<Figures> {
    let host = target.address.to_string();
    let (ip, port) = (target.address.ip(), target.address.port());
    let foreign = [
        "http://evil.example".to_owned(),
        "https://evil.example".into(),
        format!("http://{host}.evil.example"),
        format!("http://evil{host}"),
        format!("http://evil.example/{host}"),
        format!("http://{host}@evil.example"),
        format!("http://evil.example@{host}"),
        format!("http://evil.example#{host}"),
        format!("http://evil.example?{host}"),
        format!("http://evil.example, http://{host}"),
        format!("http://{host} http://evil.example"),
        format!("http://{ip}:{}", port ^ 1),
        format!("http://{ip}"),
        format!("http://localhost:{port}"),
        "null".into(),
        "NULL".into(),
        "file://".into(),
        "file:///etc/passwd".into(),
        "about:blank".into(),
        "chrome-extension://abcdefghijklmnop".into(),
        "javascript:alert(1)".into(),
        String::new(),
        "*".into(),
        host.clone(),
        format!("//{host}"),
        "http://".into(),
    ];
    let good = Head::upgrade(target.protocol.path(), &host, target.protocol.subprotocol());
    let mut heads: Vec<Head> = foreign.iter().map(|origin| good.clone().with("Origin", origin)).collect();
    // Two of them: neither counts more than the other.
    heads.push(good.clone().with("Origin", format!("http://{host}")).with("Origin", "http://evil.example"));
    heads.push(good.clone().with("Origin", "http://evil.example").with("Origin", format!("http://{host}")));
    for head in &heads {
        let origin = head.headers.last().map(|(_, value)| value.as_str()).unwrap_or_default();
        let mut raw = target.connect().await?;
        raw.write(&head.bytes()).await?;
        let answer = raw.answer(PATIENCE).await?.ok_or("no answer").context(format!("origin {origin:?}"))?;
        ensure!(matches!(answer.status, 400 | 403), "origin {origin:?} is answered with {}", answer.status);
    }
    let local = [None, Some(format!("http://{host}"))];
    for origin in &local {
        let head = origin.iter().fold(good.clone(), |head, origin| head.with("Origin", origin));
        let mut connection = target
            .connect()
            .await?
            .upgrade_with(target.protocol, &head)
            .await
            .context(format!("origin {origin:?}"))?;
        connection.works(PATIENCE).await?;
        connection.close().await?;
    }
    Ok(vec![("refused", heads.len().to_string()), ("let through", local.len().to_string())])
}
