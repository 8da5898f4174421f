//! Values whose keys are many, or chosen to fall into the same place of a table.

use super::{Attack, EVERY};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        pack,
        protocol::{Protocol, Said},
        socket::PATIENCE,
    },
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How the keys of a map are called.
type Key<'a> = &'a dyn Fn(usize) -> String;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![Attack::new("maps-of-50000-keys", EVERY, "answered within 2 s, whatever the keys", maps)]
}

async fn maps(target: Target) -> Result<Figures> {
    // Two digits for each byte: fewer of them fit into a message.
    let most = if target.protocol == Protocol::WebMesh { 20_000 } else { 50_000 };
    let count = target.count(most);
    // "Aa" and "BB" have the same hash in Java; strings of them have it, too.
    let twins = |number: usize| {
        (0..15).map(|bit| if number >> bit & 1 == 0 { "Aa" } else { "BB" }).collect::<String>()
    };
    let kinds: [(&str, usize, Key<'_>); 4] = [
        ("counted", count, &|number| format!("k{number}")),
        // Multiples of powers of two fall together in tables that take the lower bits.
        ("multiples", count, &|number| ((number as u64) << 20).to_string()),
        ("equal hashes", count.min(25_000), &twins),
        ("the same key", count, &|_| "k".to_owned()),
    ];
    let mut connection = target.open().await?;
    let mut slowest = Duration::ZERO;
    for (kind, count, key) in kinds {
        let message = match target.protocol {
            // By hand: a map of JSON would leave out keys that come twice.
            Protocol::Swill1 => {
                let members: Vec<_> =
                    (0..count).map(|number| (pack::text(&key(number)), pack::nil())).collect();
                pack::array(&[pack::int(1), pack::map(&members), pack::text("echo")])
            }
            Protocol::JsonRpc | Protocol::Events => {
                let members: Vec<String> =
                    (0..count).map(|number| format!("\"{}\":0", key(number))).collect();
                let members = members.join(",");
                match target.protocol {
                    Protocol::Events => format!(r#"{{"type":"echo","value":{{{members}}}}}"#).into_bytes(),
                    _ => format!(r#"{{"jsonrpc":"2.0","method":"echo","params":[{{{members}}}],"id":1}}"#)
                        .into_bytes(),
                }
            }
            Protocol::WebMesh => {
                let members: serde_json::Map<String, Value> =
                    (0..count).map(|number| (key(number), json!(0))).collect();
                target.protocol.echo(1, Value::Object(members))
            }
        };
        let begin = Instant::now();
        connection.send(&message).await?;
        let said = connection.answer_to(1, PATIENCE).await.context(kind)?;
        slowest = slowest.max(begin.elapsed());
        ensure!(matches!(said, Said::Item(_) | Said::Error(_)), "{kind}: {said:?}");
        connection.works(PATIENCE).await.context(kind)?;
    }
    ensure!(slowest < Duration::from_secs(2), "an answer took {slowest:?}");
    Ok(vec![("keys", count.to_string()), ("slowest", format!("{:.0} ms", slowest.as_secs_f64() * 1e3))])
}
