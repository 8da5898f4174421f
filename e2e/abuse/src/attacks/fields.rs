//! Messages of `swill/1` whose fields are not what they should be.

use super::{Attack, SWILL};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        pack,
        protocol::{Said, packed},
        socket::{Connection, Fate, Heard, PATIENCE},
    },
};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new(
            "sequence-numbers",
            SWILL,
            "an answer, an error or a close, never silence for others",
            numbers,
        ),
        Attack::new("duplicate-numbers", SWILL, "never two results for one call", duplicates),
        Attack::new("wrong-fields", SWILL, "an error with the call's number, where it has one", fields),
    ]
}

async fn numbers(target: Target) -> Result<Figures> {
    let mut connection = target.open().await?;
    let integers = [0, -1, 1, i64::MIN, i64::MAX, 1 << 31, 1 << 32, (1 << 53) - 1, 1 << 53, (1 << 53) + 1];
    for seq in integers {
        let call = pack::array(&[pack::int(seq), packed(&json!([40, 2])), pack::text("add")]);
        connection.send(&call).await?;
        let answer = connection.answer(PATIENCE).await.context(format!("number {seq}"))?;
        let right = answer.id == json!(seq) && answer.said == Said::Item(json!(42));
        ensure!(right || matches!(answer.said, Said::Error(400)), "number {seq}: {answer:?}");
    }
    // The same number in more bytes than it needs is the same number.
    for long in [&b"\xCF\0\0\0\0\0\0\0\x07"[..], b"\xD3\0\0\0\0\0\0\0\x07", b"\xCE\0\0\0\x07", b"\xD0\x07"] {
        let call = pack::array(&[long.to_vec(), packed(&json!([40, 2])), pack::text("add")]);
        connection.send(&call).await?;
        let answer = connection.answer(PATIENCE).await?;
        ensure!(answer.id == json!(7) && answer.said == Said::Item(json!(42)), "7 in many bytes: {answer:?}");
    }
    let strange = [
        pack::uint(u64::MAX),
        pack::uint(1 << 63),
        pack::float(1.0),
        pack::float(f64::NAN),
        pack::float(1e300),
        b"\xCA\x3F\x80\0\0".to_vec(),
        pack::text("1"),
        pack::text(""),
        pack::text(&"9".repeat(70_000)),
        pack::bin(b"\x01"),
        pack::nil(),
        vec![0xC2],
        vec![0xC3],
        vec![0xC1],
        vec![0x90],
        vec![0x80],
        b"\xD4\x01\x01".to_vec(),
        b"\xD6\xFF\0\0\0\x01".to_vec(),
    ];
    for seq in &strange {
        for (data, procedure) in [(json!([1, 2]), "add"), (json!(1), "total"), (json!(5), "count")] {
            let call = pack::array(&[seq.clone(), packed(&data), pack::text(procedure)]);
            connection.send(&call).await?;
            if let Fate::Closed(code) =
                connection.fate(PATIENCE).await.context(format!("number {seq:02x?}"))?
            {
                ensure!(
                    matches!(code, Some(1002 | 1003 | 1007 | 1008)),
                    "number {seq:02x?}: closed with {code:?}"
                );
                connection = target.open().await?;
            }
        }
    }
    Ok(vec![("integers", integers.len().to_string()), ("others", strange.len().to_string())])
}

/// The same number while its call runs, for the same procedure and for others; and again when it has ended.
async fn duplicates(target: Target) -> Result<Figures> {
    let protocol = target.protocol;
    let mut connection = target.open().await?;
    let mut rounds = 0;
    for copies in [2, 50] {
        // Somebody else on the same connection, who is not to be harmed.
        connection.send(&protocol.slow(77, 150)).await?;
        for _ in 0..copies {
            connection.send(&protocol.slow(5, 100)).await?;
        }
        connection.send(&protocol.add(5, 1, 2)).await?;
        let (mut slept, mut sums, mut others, mut errors) = (0, 0, 0, 0);
        while others == 0 {
            let answer = connection.answer(PATIENCE).await?;
            match (answer.id.as_i64(), answer.said) {
                (Some(77), said) => {
                    ensure!(said == Said::Item(json!("slept")), "another call: {said:?}");
                    others += 1;
                }
                (Some(5), Said::Item(Value::String(_))) => slept += 1,
                (Some(5), Said::Item(_)) => sums += 1,
                (Some(5), Said::Error(_)) => errors += 1,
                (id, said) => return Err(format!("{id:?}: {said:?}").into()),
            }
        }
        ensure!(slept <= 1, "{slept} results for one call");
        ensure!(sums + errors >= 1, "a call of the same number for another procedure is not answered");
        connection.works(PATIENCE).await?;
        rounds += 1;
    }
    // Used again at once when it is over, a thousand times.
    for round in 0..1_000_i64 {
        connection.send(&protocol.add(5, round, 1)).await?;
        let said = connection.answer_to(5, PATIENCE).await?;
        ensure!(said == Said::Item(json!(round + 1)), "round {round}: {said:?}");
    }
    // After a cancellation it is free at once, and what was cancelled says nothing any more.
    for round in 0..100_i64 {
        connection.send(&protocol.slow(9, 20)).await?;
        connection.send(&cancel(9, "slow")).await?;
        connection.send(&protocol.add(9, round, 1)).await?;
        let said = connection.answer_to(9, PATIENCE).await?;
        ensure!(said == Said::Item(json!(round + 1)), "after cancelling, round {round}: {said:?}");
    }
    match connection.heard(std::time::Duration::from_millis(100)).await? {
        Heard::Silence => {}
        late => return Err(format!("a cancelled call says {late:?}").into()),
    }
    Ok(vec![("rounds", (rounds + 1_100).to_string())])
}

fn cancel(seq: i64, procedure: &str) -> Vec<u8> {
    pack::array(&[pack::int(seq), pack::nil(), pack::text(procedure), pack::int(3)])
}

/// What answers a message with a usable number has to be an error with that number.
async fn fields(target: Target) -> Result<Figures> {
    let (add, data, seq) = (pack::text("add"), packed(&json!([1, 2])), pack::int(7));
    let text = |length: usize| pack::text(&"n".repeat(length));
    let keys = |count: usize| {
        pack::map(&(0..count).map(|key| (pack::text(&format!("k{key}")), pack::nil())).collect::<Vec<_>>())
    };
    let mut refused: Vec<(String, Vec<u8>)> = vec![];
    for kind in [
        pack::int(4),
        pack::int(-1),
        pack::int(255),
        pack::uint(u64::MAX),
        pack::text("0"),
        pack::float(0.0),
        vec![0x90],
        vec![0xC3],
    ] {
        refused.push((
            format!("type {kind:02x?}"),
            pack::array(&[seq.clone(), data.clone(), add.clone(), kind]),
        ));
    }
    for name in [
        pack::nil(),
        pack::int(1),
        pack::bin(b"add"),
        vec![0x90],
        vec![0x80],
        b"\xA3a\xFFd".to_vec(),
        text(0),
        text(255),
        text(256),
        text(65_536),
        text(900_000),
        pack::text("add\0"),
        pack::text("ADD"),
        pack::text(" add"),
        pack::text("swill."),
        pack::text("../add"),
    ] {
        refused.push((
            format!("a name of {} bytes", name.len()),
            pack::array(&[seq.clone(), data.clone(), name]),
        ));
    }
    for metadata in [
        pack::int(1),
        pack::text("m"),
        vec![0x90],
        pack::map(&[(pack::int(1), pack::nil())]),
        pack::map(&[(pack::nil(), pack::nil())]),
        keys(65),
        keys(50_000),
        pack::map(&[(pack::text("k"), text(8 << 10))]),
        pack::map(&[(text(900_000), pack::nil())]),
    ] {
        let message = pack::array(&[seq.clone(), data.clone(), add.clone(), pack::int(0), metadata.clone()]);
        refused.push((format!("metadata of {} bytes", metadata.len()), message));
    }
    for arguments in [
        json!(null),
        json!([]),
        json!([1]),
        json!([1, 2, 3]),
        json!(["1", "2"]),
        json!([1.0, 2]),
        json!([1, null]),
        json!({"a": 1}),
        json!("x"),
        json!([i64::MAX, 1]),
        json!([i64::MIN, -1]),
        json!([u64::MAX, 1]),
    ] {
        refused.push((
            format!("add of {arguments}"),
            pack::array(&[seq.clone(), packed(&arguments), add.clone()]),
        ));
    }
    for (name, argument) in [
        ("count", json!(-1)),
        ("count", json!("x")),
        ("count", json!(u64::MAX)),
        ("slow", json!("x")),
        ("slow", json!(1.5)),
        ("total", json!("x")),
        ("total", json!(u64::MAX)),
    ] {
        refused.push((
            format!("{name} of {argument}"),
            pack::array(&[seq.clone(), packed(&argument), pack::text(name)]),
        ));
    }
    refused.push(("two elements".into(), pack::array(&[seq.clone(), data.clone()])));
    refused.push(("one element".into(), pack::array(std::slice::from_ref(&seq))));
    refused.push((
        "metadata for a single call".into(),
        pack::array(&[seq.clone(), pack::nil(), add.clone(), pack::int(2), keys(1)]),
    ));
    let mut connection = target.open().await?;
    for (what, message) in &refused {
        connection.send(message).await?;
        match answer_or_close(&mut connection).await.context(what)? {
            Some((id, Said::Error(_))) if id == json!(7) => {}
            Some(other) => return Err(format!("{what}: {other:?}").into()),
            None => connection = target.open().await?,
        }
        // The number is free again: what streams in is told so.
        connection.send(&cancel(7, "total")).await?;
        connection.works(PATIENCE).await.context(what)?;
    }
    let dropped = [
        vec![],
        vec![0x90],
        pack::nil(),
        pack::int(7),
        pack::text("add"),
        vec![0x80],
        pack::map(&[(pack::int(0), seq.clone())]),
        vec![0xC1],
        [pack::array(&[seq.clone(), data.clone(), add.clone()]), pack::nil()].concat(),
        pack::array(&[seq.clone(), data.clone(), add.clone()]).repeat(2),
        pack::array(&[seq.clone(), data.clone(), add.clone()])[..5].to_vec(),
        [&b"\x94"[..], &pack::array(&[seq.clone(), data.clone(), add.clone()])[1..]].concat(),
        b"\xC7\x00\x01".to_vec(),
        vec![0; 900_000],
        vec![0xC0; 900_000],
    ];
    for message in &dropped {
        connection.send(message).await?;
        if let Fate::Closed(_) =
            connection.fate(PATIENCE).await.context(format!("{} bytes", message.len()))?
        {
            connection = target.open().await?;
        }
    }
    // Elements that are more than there are have no meaning, and do no harm.
    for more in [6, 16, 60_000] {
        let mut parts = vec![seq.clone(), data.clone(), add.clone(), pack::int(0), pack::nil()];
        parts.resize(more, pack::nil());
        connection.send(&pack::array(&parts)).await?;
        match answer_or_close(&mut connection).await.context(format!("{more} elements"))? {
            Some((id, Said::Item(sum))) if id == json!(7) && sum == json!(3) => {}
            Some((id, Said::Error(400))) if id == json!(7) => {}
            other => return Err(format!("{more} elements: {other:?}").into()),
        }
    }
    Ok(vec![("refused", refused.len().to_string()), ("dropped", dropped.len().to_string())])
}

async fn answer_or_close(connection: &mut Connection) -> Result<Option<(Value, Said)>> {
    match connection.heard(PATIENCE).await? {
        Heard::Message(_, payload) => {
            let answer = connection.protocol.answer(&payload)?;
            Ok(Some((answer.id, answer.said)))
        }
        Heard::Close(Some(1002 | 1003 | 1007 | 1008 | 1009), _) => Ok(None),
        other => Err(format!("{other:?}").into()),
    }
}
