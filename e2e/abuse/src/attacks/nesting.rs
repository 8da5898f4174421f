//! Values that are nested more deeply than anything is, and lengths that nothing has.

use super::{Attack, EVERY, JSON_RPC, SWILL};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        head::Head,
        pack,
        protocol::{Protocol, Said, unpacked, webmesh},
        socket::{Connection, Fate, PATIENCE},
    },
};
use serde_json::{Value, json};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("deep-values", EVERY, "an error or a close; 16 levels pass", deep),
        Attack::new("huge-prefixes", SWILL, "an error or a close, nothing is reserved", prefixes),
        Attack::new(
            "huge-prefixes-of-json-rpc",
            JSON_RPC,
            "the same over the MessagePack codec",
            prefixes_json_rpc,
        ),
    ]
}

/// How deep. At 600 levels others have died; a million is as much as fits into a message.
const LEVELS: [usize; 7] = [65, 129, 600, 1_025, 10_000, 100_000, 1_000_000];

async fn deep(target: Target) -> Result<Figures> {
    let protocol = target.protocol;
    // What is allowed, and what everybody needs.
    let mut connection = target.open().await?;
    for levels in [16, 32] {
        let nested = (0..levels)
            .fold(json!(1), |value, level| if level % 2 == 0 { json!([value]) } else { json!({"k": value}) });
        let id = connection.fresh_id();
        connection.send(&protocol.echo(id, nested.clone())).await?;
        let said = connection.answer_to(id, PATIENCE).await.context(format!("{levels} levels"))?;
        ensure!(said == Said::Item(nested), "{levels} levels come back as something else");
    }
    let (mut answered, mut closed) = (0, 0);
    for levels in LEVELS {
        for (what, message) in messages(protocol, levels) {
            if message.len() > 1 << 20 {
                continue;
            }
            // Whether it can be sent is told by what comes.
            let _ = connection.send(&message).await;
            match connection.fate(PATIENCE).await.context(format!("{levels} levels, {what}"))? {
                Fate::Answered => answered += 1,
                Fate::Closed(Some(1003 | 1007 | 1008 | 1009) | None) => {
                    closed += 1;
                    connection = target.open().await?;
                }
                Fate::Closed(code) => {
                    return Err(format!("{levels} levels, {what}: closed with {code:?}").into());
                }
            }
        }
    }
    Ok(vec![("answered", answered.to_string()), ("closed", closed.to_string())])
}

/// Nested things in every place where something can be.
fn messages(protocol: Protocol, levels: usize) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![];
    match protocol {
        Protocol::Swill1 => {
            let shapes = [
                ("arrays", pack::deep_arrays(levels, &pack::nil())),
                ("maps", pack::deep_maps(levels, &pack::nil())),
                ("keys", pack::deep_keys(levels, &pack::nil())),
                ("open arrays", [0x91].repeat(levels)),
                ("wide arrays", b"\x92\xC0".repeat(levels / 2)),
                ("long arrays", b"\xDD\0\0\0\x01".repeat(levels)),
                ("maps and arrays", b"\x81\xA1k\x91".repeat(levels / 2)),
            ];
            let (one, name) = (pack::int(1), pack::text("echo"));
            for (shape, value) in shapes {
                let value = &value;
                let mut place = |place: &str, parts: &[Vec<u8>]| {
                    all.push((format!("{shape} as {place}"), pack::array(parts)))
                };
                place("data", &[one.clone(), value.clone(), name.clone()]);
                place("data of add", &[one.clone(), value.clone(), pack::text("add")]);
                place("an item", &[one.clone(), value.clone(), pack::text("total")]);
                place("data of nobody", &[one.clone(), value.clone(), pack::text("nobody")]);
                place("seq", &[value.clone(), pack::nil(), name.clone()]);
                place("rpc", &[one.clone(), pack::nil(), value.clone()]);
                place("type", &[one.clone(), pack::nil(), name.clone(), value.clone()]);
                place("metadata", &[one.clone(), pack::nil(), name.clone(), pack::int(0), value.clone()]);
                let metadata = pack::map(&[(pack::text("k"), value.clone())]);
                place(
                    "a value of metadata",
                    &[one.clone(), pack::nil(), name.clone(), pack::int(0), metadata],
                );
                place(
                    "one element more",
                    &[one.clone(), pack::nil(), name.clone(), pack::int(0), pack::nil(), value.clone()],
                );
                all.push((format!("{shape} as the message"), value.clone()));
            }
        }
        Protocol::JsonRpc => {
            for (shape, value) in json_shapes(levels) {
                for (place, message) in [
                    ("the message", value.clone()),
                    ("params", format!(r#"{{"jsonrpc":"2.0","method":"echo","params":{value},"id":1}}"#)),
                    ("a param", format!(r#"{{"jsonrpc":"2.0","method":"echo","params":[{value}],"id":1}}"#)),
                    (
                        "params of nobody",
                        format!(r#"{{"jsonrpc":"2.0","method":"nobody","params":[{value}],"id":1}}"#),
                    ),
                    ("method", format!(r#"{{"jsonrpc":"2.0","method":{value},"id":1}}"#)),
                    ("id", format!(r#"{{"jsonrpc":"2.0","method":"add","params":[1,2],"id":{value}}}"#)),
                    ("jsonrpc", format!(r#"{{"jsonrpc":{value},"method":"add","params":[1,2],"id":1}}"#)),
                    (
                        "an unknown member",
                        format!(r#"{{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1,"x":{value}}}"#),
                    ),
                    ("a result", format!(r#"{{"jsonrpc":"2.0","result":{value},"id":1}}"#)),
                    ("an error", format!(r#"{{"jsonrpc":"2.0","error":{value},"id":1}}"#)),
                    ("a part of a batch", format!(r#"[{value},{value}]"#)),
                    ("a notification", format!(r#"{{"jsonrpc":"2.0","method":"echo","params":{value}}}"#)),
                ] {
                    all.push((format!("{shape} as {place}"), message.into_bytes()));
                }
            }
        }
        Protocol::Events => {
            for (shape, value) in json_shapes(levels) {
                for (place, message) in [
                    ("the message", value.clone()),
                    ("a value", format!(r#"{{"type":"echo","value":{value}}}"#)),
                    ("type", format!(r#"{{"type":{value}}}"#)),
                    ("an unknown key", format!(r#"{{"type":"add","a":1,"b":1,"x":{value}}}"#)),
                    ("an integer", format!(r#"{{"type":"add","a":{value},"b":1}}"#)),
                ] {
                    all.push((format!("{shape} as {place}"), message.into_bytes()));
                }
            }
        }
        Protocol::WebMesh => {
            for (shape, value) in [
                ("arrays", pack::deep_arrays(levels, &pack::nil())),
                ("maps", pack::deep_maps(levels, &pack::nil())),
                ("keys", pack::deep_keys(levels, &pack::nil())),
                ("open arrays", [0x91].repeat(levels)),
            ] {
                let path = (pack::text("path"), pack::text("/echo"));
                let data = pack::map(&[path.clone(), (pack::text("data"), value.clone())]);
                let more = pack::map(&[path, (pack::text("x"), value.clone())]);
                let as_path = pack::map(&[(pack::text("path"), value.clone())]);
                for (place, message) in
                    [("data", data), ("path", as_path), ("more", more), ("the message", value)]
                {
                    all.push((format!("{shape} as {place}"), webmesh(&message)));
                }
            }
        }
    }
    all
}

fn json_shapes(levels: usize) -> Vec<(&'static str, String)> {
    vec![
        ("arrays", format!("{}1{}", "[".repeat(levels), "]".repeat(levels))),
        ("objects", format!("{}1{}", r#"{"k":"#.repeat(levels), "}".repeat(levels))),
        ("both", format!("{}1{}", r#"[{"k":"#.repeat(levels / 2), "}]".repeat(levels / 2))),
        ("open arrays", "[".repeat(levels)),
        ("open objects", r#"{"k":"#.repeat(levels)),
        ("closed twice", format!("{}{}", "[".repeat(levels), "]".repeat(levels + 1))),
        ("blanks between", "[ \n".repeat(levels)),
    ]
}

/// Heads of containers and texts that announce four billion, or a little more than there is.
fn lying_values() -> Vec<Vec<u8>> {
    let mut all = vec![];
    for length in [u32::MAX, u32::MAX - 1, 1 << 31, (1 << 31) - 1, 1 << 28, 1 << 24, 1 << 20, 65_536, 7] {
        for kind in [0xDD, 0xDF, 0xDB, 0xC6] {
            let head = [&[kind][..], &length.to_be_bytes()].concat();
            all.push(head.clone());
            all.push([&head[..], b"some"].concat());
            // One in the other, up to the level that is allowed and beyond.
            all.push(head.repeat(60));
            all.push(head.repeat(2_000));
        }
        let extension = [&[0xC9][..], &length.to_be_bytes(), b"\x01"].concat();
        all.push(extension.clone());
        all.push(extension.repeat(500));
    }
    for head in [
        &b"\xDC\xFF\xFF"[..],
        b"\xDE\xFF\xFF",
        b"\xDA\xFF\xFF",
        b"\xC5\xFF\xFF",
        b"\xC4\xFF",
        b"\xD9\xFF",
        b"\x9F",
        b"\x8F",
        b"\xBF",
    ] {
        all.push(head.to_vec());
        all.push(head.repeat(300));
    }
    all
}

async fn prefixes(target: Target) -> Result<Figures> {
    let mut connection = target.open().await?;
    let (one, name, nil) = (pack::int(1), pack::text("echo"), pack::nil());
    let mut messages = vec![];
    for value in lying_values() {
        let text = |name: &str| pack::text(name);
        messages.push(value.clone());
        for parts in [
            vec![one.clone(), value.clone()],
            vec![one.clone(), value.clone(), name.clone()],
            vec![one.clone(), value.clone(), text("total")],
            vec![one.clone(), value.clone(), text("add")],
            vec![value.clone(), nil.clone(), name.clone()],
            vec![one.clone(), nil.clone(), value.clone()],
            vec![one.clone(), nil.clone(), name.clone(), pack::int(0), value.clone()],
            vec![
                one.clone(),
                nil.clone(),
                name.clone(),
                pack::int(0),
                pack::map(&[(text("k"), value.clone())]),
            ],
        ] {
            messages.push(pack::array(&parts));
        }
    }
    hold(&target, &mut connection, messages).await
}

async fn prefixes_json_rpc(target: Target) -> Result<Figures> {
    let head = Head::upgrade("/jsonrpc-msgpack", &target.address.to_string(), None);
    // Its messages are binary, like those of `swill/1`; but what is said in them is JSON-RPC.
    let open = async || target.connect().await?.upgrade_with(Protocol::Swill1, &head).await;
    let mut connection = open().await?;
    let text = |name: &str| pack::text(name);
    let message = |params: Vec<u8>, method: Vec<u8>, id: Vec<u8>| {
        let members = [
            (text("jsonrpc"), text("2.0")),
            (text("method"), method),
            (text("id"), id),
            (text("params"), params),
        ];
        pack::map(&members)
    };
    let good = message(pack::array(&[pack::int(20), pack::int(22)]), text("add"), text("good"));
    let before = target.process.memory()?;
    let mut count = 0;
    for value in lying_values() {
        for bad in [
            value.clone(),
            message(value.clone(), text("echo"), pack::int(1)),
            message(pack::array(std::slice::from_ref(&value)), text("echo"), pack::int(1)),
            message(pack::nil(), value.clone(), pack::int(1)),
            message(pack::nil(), text("add"), value.clone()),
        ] {
            count += 1;
            let _ = connection.send(&bad).await;
            let _ = connection.send(&good).await;
            if !answered(&mut connection).await.context(format!("message {count}"))? {
                connection = open().await?;
            }
        }
    }
    let grown = target.process.memory()?.saturating_sub(before);
    ensure!(grown <= 4 << 20, "{} KiB more memory", grown >> 10);
    Ok(vec![("messages", count.to_string()), ("more memory", format!("{} KiB", grown >> 10))])
}

/// Whether the call with the id "good" is answered; if not, the connection is over.
async fn answered(connection: &mut Connection) -> Result<bool> {
    use crate::wire::socket::Heard;
    loop {
        match connection.heard(PATIENCE).await? {
            Heard::Message(_, payload) => {
                let value = unpacked(&payload)?;
                if value["id"] == "good" {
                    ensure!(value["result"] == json!(42), "20 + 22 is {value}");
                    return Ok(true);
                }
                ensure!(value["error"] != Value::Null, "a lie is answered with {value}");
            }
            Heard::Close(..) | Heard::Ended(_) => return Ok(false),
            other => return Err(format!("instead of an answer: {other:?}").into()),
        }
    }
}

/// Sends bad messages and looks after each how the connection stands, and that memory does not grow.
async fn hold(target: &Target, connection: &mut Connection, messages: Vec<Vec<u8>>) -> Result<Figures> {
    let before = target.process.memory()?;
    let (mut answered, mut closed) = (0, 0);
    for (number, message) in messages.iter().enumerate() {
        let _ = connection.send(message).await;
        match connection.fate(PATIENCE).await.context(format!("message {number}"))? {
            Fate::Answered => answered += 1,
            Fate::Closed(_) => {
                closed += 1;
                *connection = target.open().await?;
            }
        }
    }
    let grown = target.process.peak()?.saturating_sub(before);
    ensure!(grown <= 4 << 20, "{} KiB more memory", grown >> 10);
    Ok(vec![
        ("answered", answered.to_string()),
        ("closed", closed.to_string()),
        ("more memory", format!("{} KiB", grown >> 10)),
    ])
}
