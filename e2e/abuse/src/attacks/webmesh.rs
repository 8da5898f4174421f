//! What WebMesh alone has: dialects, compressed messages, calls by path, arguments in paths.

use super::Attack;
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        frame::{BINARY, CONTINUATION, Frame, TEXT},
        head::Head,
        protocol::{Protocol, Said, hex, packed, unpacked, webmesh},
        socket::{Connection, Heard, PATIENCE},
    },
};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    time::Duration,
};

const WEBMESH: &[Protocol] = &[Protocol::WebMesh];

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new("webmesh-bombs", WEBMESH, "dropped, and little memory", bombs),
        Attack::new("webmesh-broken-zlib", WEBMESH, "dropped, and the next call works", broken),
        Attack::new("webmesh-dialects", WEBMESH, "what another dialect says is dropped", dialects),
        Attack::new("webmesh-paths", WEBMESH, "found, not found, or silence", paths),
        Attack::new("webmesh-arguments", WEBMESH, "a short answer, and the next call works", arguments),
        Attack::new(
            "webmesh-silent-calls",
            WEBMESH,
            "calls that nobody answers leave nothing behind",
            silent,
        ),
    ]
}

/// A dialect: its path, the key of its paths, and how its messages look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Hex,
    Json,
    Binary,
    HeadJson,
}

impl Dialect {
    const ALL: [Self; 4] = [Self::Hex, Self::Json, Self::Binary, Self::HeadJson];

    fn path(self) -> &'static str {
        match self {
            Self::Hex => "/",
            Self::Json => "/json",
            Self::Binary => "/head",
            Self::HeadJson => "/head-json",
        }
    }

    fn opcode(self) -> u8 {
        if self == Self::Binary { BINARY } else { TEXT }
    }

    fn message(self, path: &str, data: &Value) -> Vec<u8> {
        let key = if matches!(self, Self::Hex | Self::Json) { "path" } else { "target" };
        let object = json!({key: path, "data": data});
        match self {
            Self::Hex => webmesh(&packed(&object)),
            Self::Json | Self::HeadJson => object.to_string().into_bytes(),
            Self::Binary => zipped(&packed(&object)),
        }
    }

    /// The data of an answer.
    fn data(self, message: &[u8]) -> Result<Value> {
        let mut object = match self {
            Self::Hex => {
                let Said::Item(data) = Protocol::WebMesh.answer(message)?.said else {
                    return Err("no data".into());
                };
                return Ok(data);
            }
            Self::Json | Self::HeadJson => {
                serde_json::from_slice(message).map_err(|error| error.to_string())?
            }
            Self::Binary => {
                let mut plain = vec![];
                ZlibDecoder::new(message).read_to_end(&mut plain)?;
                unpacked(&plain)?
            }
        };
        Ok(object["data"].take())
    }

    async fn open(self, target: &Target) -> Result<Connection> {
        let head = Head::upgrade(self.path(), &target.address.to_string(), None);
        target.connect().await?.upgrade_with(Protocol::WebMesh, &head).await
    }

    /// Calls `add`, and looks whether the answer is right. Whatever comes before it was not asked for.
    async fn works(self, connection: &mut Connection, number: i64) -> Result {
        connection.frame(&Frame::new(self.opcode(), &self.message("/add", &json!([number, 1])))).await?;
        match connection.heard(PATIENCE).await? {
            Heard::Message(opcode, message) => {
                let data = self.data(&message)?;
                ensure!(
                    opcode == self.opcode() && data == json!(number + 1),
                    "`add` is answered with {data}"
                );
                Ok(())
            }
            other => Err(format!("instead of an answer: {other:?}").into()),
        }
    }
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(vec![], Compression::fast());
    zlib.write_all(bytes).and_then(|()| zlib.finish()).unwrap_or_default()
}

/// A message that would be a call of `echo`, if it were not larger than messages are.
fn bomb(key: &str, bytes: u32) -> Vec<u8> {
    let mut message = vec![0x82, 0xA0 | key.len() as u8];
    message.extend_from_slice(key.as_bytes());
    message.extend_from_slice(b"\xa5/echo\xa4data\xc6");
    message.extend_from_slice(&bytes.to_be_bytes());
    message.resize(message.len() + bytes as usize, 0);
    zipped(&message)
}

async fn bombs(target: Target) -> Result<Figures> {
    let before = target.process.memory()?;
    let bytes = u32::try_from(target.count(128 << 20)).unwrap_or(1 << 20);
    let mut sizes = vec![];
    for dialect in [Dialect::Hex, Dialect::Binary] {
        let key = if dialect == Dialect::Hex { "path" } else { "target" };
        for bytes in [2 << 20, bytes] {
            let zlib = bomb(key, bytes);
            // What is larger than a message to begin with is no bomb.
            let payload = if dialect == Dialect::Hex { hex(&zlib) } else { zlib };
            let payload = &payload[..payload.len().min(1 << 20)];
            sizes.push(format!("{} KiB", payload.len() >> 10));
            let mut connection = dialect.open(&target).await?;
            for _ in 0..5 {
                connection.frame(&Frame::new(dialect.opcode(), payload)).await?;
            }
            // In pieces, too.
            let (first, rest) = payload.split_at(payload.len() / 2);
            connection.frame(&Frame::new(dialect.opcode(), first).unfinished()).await?;
            connection.frame(&Frame::new(CONTINUATION, rest)).await?;
            dialect.works(&mut connection, 7).await.context(format!("{dialect:?}, after bombs"))?;
        }
    }
    let more = target.process.peak()?.saturating_sub(before);
    ensure!(more < 24 << 20, "{} MiB for bombs", more >> 20);
    Ok(vec![("bombs", sizes.join(", ")), ("KiB", (more >> 10).to_string())])
}

async fn broken(target: Target) -> Result<Figures> {
    let mut chance = target.chance(31);
    let good = zipped(&packed(&json!({"path": "/add", "data": [1, 2]})));
    let mut wrong: Vec<Vec<u8>> = vec![
        vec![],
        b"x".to_vec(),
        b"\x78".to_vec(),
        b"\x78\x9c".to_vec(),
        // A dictionary is asked for that nobody has.
        b"\x78\xbb\0\0\0\x01\x03\0\0\0\0\x01".to_vec(),
        // A window of 64 KiB, and a method that is none.
        b"\x88\x1c\x03\0\0\0\0\x01".to_vec(),
        b"\x79\x9c\x03\0\0\0\0\x01".to_vec(),
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0".to_vec(),
        zipped(&good),
        zipped(b""),
        zipped(b"\xc1"),
        zipped(b"\xdd\xff\xff\xff\xff"),
        zipped(b"\xdf\xff\xff\xff\xff"),
        zipped(&[0x91; 100_000]),
        zipped(&[0x81; 100_000]),
        good[..good.len() - 1].to_vec(),
        good[..good.len() / 2].to_vec(),
    ];
    for _ in 0..target.count(2000) {
        let mut bytes = good.clone();
        for _ in 0..chance.usize(1..4) {
            let at = chance.usize(..bytes.len());
            bytes[at] ^= 1 << chance.u8(..8);
        }
        wrong.push(bytes);
    }
    let mut connections = [Dialect::Hex.open(&target).await?, Dialect::Binary.open(&target).await?];
    for (number, bytes) in wrong.iter().enumerate() {
        let text = hex(bytes);
        for (connection, frame) in
            connections.iter_mut().zip([Frame::new(TEXT, &text), Frame::new(BINARY, bytes)])
        {
            connection.frame(&frame).await?;
            // Some still mean something, and are answered.
            let fate = settled(connection, number as i64).await.context(format!("message {number}"))?;
            ensure!(fate, "message {number} ended the connection");
        }
    }
    for text in ["0", "zz", "0x78", "78 9c 03 00 00 00 00 01", "789C030000000001", "é", "\0\0"] {
        let connection = &mut connections[0];
        connection.frame(&Frame::new(TEXT, text.as_bytes())).await?;
        ensure!(settled(connection, 1).await.context(text)?, "{text:?} ended the connection");
    }
    Ok(vec![("tried", wrong.len().to_string())])
}

/// Whether a call is answered; what else is said before that is passed over.
async fn settled(connection: &mut Connection, number: i64) -> Result<bool> {
    let path = connection.answer.status;
    ensure!(path == 101, "no connection");
    let expected = json!(number + 1_000_001);
    let hex = Dialect::Hex.message("/add", &json!([number + 1_000_000, 1]));
    // Dialects with binary messages take those of 0.1.2 as text, with the key that they have themselves.
    let target = webmesh(&packed(&json!({"target": "/add", "data": [number + 1_000_000, 1]})));
    connection.frame(&Frame::new(TEXT, &hex)).await?;
    connection.frame(&Frame::new(TEXT, &target)).await?;
    loop {
        match connection.heard(PATIENCE).await? {
            Heard::Message(opcode, message) => {
                let dialect = if opcode == BINARY { Dialect::Binary } else { Dialect::Hex };
                if dialect.data(&message)? == expected {
                    return Ok(true);
                }
            }
            Heard::Silence => return Err("a call is not answered".into()),
            _ => return Ok(false),
        }
    }
}

async fn dialects(target: Target) -> Result<Figures> {
    let mut tried = 0;
    for here in Dialect::ALL {
        let mut connection = here.open(&target).await?;
        for there in Dialect::ALL {
            // Its messages differ in their kind, in what is in them, or in their key.
            if there == here {
                continue;
            }
            let message = there.message("/add", &json!([1, 2]));
            for opcode in [TEXT, BINARY] {
                if opcode == TEXT && std::str::from_utf8(&message).is_err() {
                    continue;
                }
                connection.frame(&Frame::new(opcode, &message)).await?;
                tried += 1;
            }
            here.works(&mut connection, 41).await.context(format!("{there:?} at {}", here.path()))?;
        }
    }
    Ok(vec![("tried", tried.to_string())])
}

async fn paths(target: Target) -> Result<Figures> {
    let (long, deep) = ("/".to_owned() + &"x".repeat(200_000), "/a".repeat(100_000));
    let odd = [
        "",
        "/",
        "//",
        "///",
        "add",
        "/add/",
        "//add",
        "/add/../add",
        "/../etc/passwd",
        "/%61dd",
        "/add%00",
        "/add\0",
        "/ADD",
        "/{name}",
        "/*",
        "/:id",
        "/é",
        "\u{202e}",
        "/add?x=1",
        "/add#x",
        "http://x/add",
        "\\add",
        "/.",
        "/..",
        " /add",
        &long,
        &deep,
    ];
    for dialect in Dialect::ALL {
        let mut connection = dialect.open(&target).await?;
        for path in odd {
            connection.frame(&Frame::new(dialect.opcode(), &dialect.message(path, &json!([1, 2])))).await?;
            let marker = json!([1_000_000, 1]);
            connection.frame(&Frame::new(dialect.opcode(), &dialect.message("/add", &marker))).await?;
            let shown = &path[..path.floor_char_boundary(20)];
            let mut answers = 0;
            loop {
                let Heard::Message(_, message) = connection.heard(PATIENCE).await? else {
                    return Err(format!("{shown:?} at {} ends the connection", dialect.path()).into());
                };
                if dialect.data(&message)? == json!(1_000_001) {
                    break;
                }
                answers += 1;
            }
            ensure!(answers <= 1, "{shown:?} at {} has {answers} answers", dialect.path());
        }
    }
    Ok(vec![("tried", (odd.len() * 4).to_string())])
}

async fn arguments(target: Target) -> Result<Figures> {
    let many: serde_json::Map<String, Value> =
        (0..10_000).map(|number| (format!("k{number}"), json!(1))).collect();
    let odd = [
        Value::Null,
        json!([]),
        json!([1]),
        json!([1, 2, 3]),
        json!(vec![1; 100_000]),
        json!({"a": 1}),
        json!({"a": 1, "b": 2, "c": 3}),
        json!({"a": [], "b": {}}),
        json!({"a": "x".repeat(200_000), "b": 1}),
        Value::Object(many),
        json!("text"),
        json!(1.5),
        json!([i64::MAX, 1]),
        json!([u64::MAX, 1]),
        (0..60).fold(json!(1), |value, _| json!([value])),
    ];
    let mut longest = 0;
    for dialect in Dialect::ALL {
        let mut connection = dialect.open(&target).await?;
        for data in &odd {
            connection.frame(&Frame::new(dialect.opcode(), &dialect.message("/add", data))).await?;
            let marker = json!([1_000_000, 1]);
            connection.frame(&Frame::new(dialect.opcode(), &dialect.message("/add", &marker))).await?;
            loop {
                let Heard::Message(_, message) = connection.heard(PATIENCE).await? else {
                    let text = data.to_string();
                    return Err(format!("{:.60} at {} ends the connection", text, dialect.path()).into());
                };
                if dialect.data(&message)? == json!(1_000_001) {
                    break;
                }
                longest = longest.max(message.len());
                ensure!(message.len() <= 64 << 10, "an answer of {} bytes to wrong arguments", message.len());
            }
        }
    }
    Ok(vec![("longest", longest.to_string())])
}

async fn silent(target: Target) -> Result<Figures> {
    let count = target.count(100_000);
    let mut connection = Dialect::Hex.open(&target).await?;
    let nothing = Frame::new(TEXT, &Dialect::Hex.message("/nothing", &Value::Null)).bytes().repeat(100);
    for _ in 0..count / 100 {
        connection.writer.write(&nothing).await?;
    }
    tokio::time::timeout(Duration::from_secs(60), Dialect::Hex.works(&mut connection, 5))
        .await
        .map_err(|_| "calls without answers are not worked off")??;
    Ok(vec![("calls", count.to_string())])
}
