//! JSON at its edges.

use super::{Attack, JSON_RPC};
use crate::{
    failure::{Context, Result, ensure},
    judge::Figures,
    target::Target,
    wire::{
        protocol::Said,
        socket::{Connection, Fate, Heard, PATIENCE},
    },
};
use serde_json::json;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        Attack::new(
            "json-extremes",
            JSON_RPC,
            "a parse error or an ordinary answer, to every single one",
            extremes,
        ),
        Attack::new("json-rpc-ids", JSON_RPC, "ids come back as they are, or the request is refused", ids),
        Attack::new("json-rpc-requests", JSON_RPC, "each is answered once, with the right code", requests),
    ]
}

/// Numbers, texts and blanks as parsers have died of them.
async fn extremes(target: Target) -> Result<Figures> {
    let digits = "9".repeat(200_000);
    let long = "x".repeat(500_000);
    let values = [
        "1e999999999".to_owned(),
        "-1e999999999".into(),
        "1e-999999999".into(),
        "1E+400".into(),
        format!("1e{digits}"),
        digits.clone(),
        format!("-{digits}"),
        format!("0.{digits}"),
        format!("{digits}.{digits}e-{}", "9".repeat(20)),
        "0.1e1".into(),
        "-0".into(),
        "-0.0".into(),
        "18446744073709551615".into(),
        "18446744073709551616".into(),
        "-9223372036854775809".into(),
        "NaN".into(),
        "Infinity".into(),
        "-Infinity".into(),
        "0x10".into(),
        "01".into(),
        "1.".into(),
        ".5".into(),
        "+1".into(),
        "1e".into(),
        "--1".into(),
        "tru".into(),
        "nul".into(),
        "True".into(),
        "undefined".into(),
        "'text'".into(),
        "\"".into(),
        "\"open".into(),
        format!("\"{long}\""),
        format!("\"{}\"", "\\u0000".repeat(100_000)),
        format!("\"{}\"", "\\ud83d\\ude00".repeat(50_000)),
        format!("\"{}\"", "\\\\".repeat(200_000)),
        format!("\"{}\"", "\\".repeat(200_001)),
        "\"\\ud800\"".into(),
        "\"\\udc00\\ud800\"".into(),
        "\"\\uD83D\"".into(),
        "\"\\u12\"".into(),
        "\"\\u{41}\"".into(),
        "\"\\x41\"".into(),
        "\"a\tb\"".into(),
        "\"a\nb\"".into(),
        "\"\u{0}\"".into(),
        "\"\u{FEFF}\"".into(),
        "\"\u{10FFFF}\"".into(),
        format!("[{}1]", "1,".repeat(200_000)),
        format!("[{}]", ",".repeat(1000)),
        "[1,]".into(),
        "[,1]".into(),
        "[1 2]".into(),
        "{\"a\":1,}".into(),
        "{\"a\"}".into(),
        "{\"a\":}".into(),
        "{a:1}".into(),
        "{1:1}".into(),
        "{\"a\":1,\"a\":2}".into(),
        "// comment".into(),
        "/* comment */ 1".into(),
        format!("{}1", " ".repeat(900_000)),
        format!("1{}", "\n".repeat(900_000)),
        "\u{FEFF}1".into(),
        "\u{A0}1".into(),
        "\u{2028}1".into(),
        "1 1".into(),
        "1}".into(),
        "1]".into(),
        String::new(),
    ];
    let mut connection = target.open().await?;
    let (mut good, mut bad, mut closed) = (0, 0, 0);
    for value in &values {
        let places = [
            format!(r#"{{"jsonrpc":"2.0","method":"echo","params":[{value}],"id":7}}"#),
            format!(r#"{{"jsonrpc":"2.0","method":"echo","params":{{"value":{value}}},"id":7}}"#),
            format!(r#"{{"jsonrpc":"2.0","method":"add","params":[{value},1],"id":7}}"#),
            format!(r#"{{"jsonrpc":"2.0","method":"echo","id":7,"params":[1],"x":{value}}}"#),
            format!(r#"{value}{{"jsonrpc":"2.0","method":"echo","params":[1],"id":7}}"#),
            format!(r#"{{"jsonrpc":"2.0","method":"echo","params":[1],"id":7}}{value}"#),
            value.clone(),
        ];
        for message in places.iter().filter(|message| message.len() < 1 << 20) {
            match one_answer(&mut connection, message).await.context(shown(message))? {
                Some(Said::Error(-32700 | -32600 | -32602)) => bad += 1,
                Some(Said::Item(_)) => good += 1,
                Some(other) => return Err(format!("{}: {other:?}", shown(message)).into()),
                None => {
                    closed += 1;
                    connection = target.open().await?;
                }
            }
        }
    }
    Ok(vec![("answered", good.to_string()), ("refused", bad.to_string()), ("closed", closed.to_string())])
}

/// Sends a message that has to be answered, and a call behind it; there may be one answer before that of the call.
async fn one_answer(connection: &mut Connection, message: &str) -> Result<Option<Said>> {
    let _ = connection.send(message.as_bytes()).await;
    let said = match connection.heard(PATIENCE).await? {
        Heard::Message(_, payload) => connection.protocol.answer(&payload)?.said,
        Heard::Close(Some(1007 | 1009), _) => return Ok(None),
        other => return Err(format!("{other:?}").into()),
    };
    match connection.fate(PATIENCE).await? {
        Fate::Answered => Ok(Some(said)),
        Fate::Closed(code) => Err(format!("answered, and closed with {code:?}").into()),
    }
}

fn shown(message: &str) -> String {
    let (begin, length) = (message.chars().take(80).collect::<String>(), message.len());
    format!("{:?} ({length} bytes)", begin)
}

/// Ids that are, and ids that cannot be.
async fn ids(target: Target) -> Result<Figures> {
    let mut connection = target.open().await?;
    let big = "\"".to_owned() + &"i".repeat(253) + "\"";
    let good = [
        "0",
        "-1",
        "1.5",
        "1e3",
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551616",
        "\"\"",
        "\"7\"",
        "\"\\u0041\"",
        "\"\u{1F600}\"",
        "\"\\n\"",
        "null",
        "1.0",
        "1E400",
        "0.1e-7",
        &big,
    ];
    for id in good {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"add","params":[40,2],"id":{id}}}"#);
        connection.send(request.as_bytes()).await?;
        match connection.heard(PATIENCE).await? {
            Heard::Message(_, payload) => {
                let text = String::from_utf8_lossy(&payload).into_owned();
                ensure!(
                    text.contains("\"result\":42") && text.contains(&format!("\"id\":{id}")),
                    "id {id}: {text}"
                );
            }
            other => return Err(format!("id {id}: {other:?}").into()),
        }
    }
    let huge = "\"".to_owned() + &"i".repeat(900_000) + "\"";
    let digits = "9".repeat(900_000);
    let bad = ["true", "false", "[]", "{}", "[1]", "{\"a\":1}", &huge, &digits];
    for id in bad {
        let request = format!(r#"{{"jsonrpc":"2.0","method":"add","params":[40,2],"id":{id}}}"#);
        let said = one_answer(&mut connection, &request).await.context(shown(&request))?;
        ensure!(said == Some(Said::Error(-32600)), "{}: {said:?}", shown(&request));
    }
    // Duplicates while one is open: each is answered once, and nothing else is.
    for round in 0..3 {
        let slow = target.protocol.slow(5, 50);
        for _ in 0..8 {
            connection.send(&slow).await?;
        }
        let mut answers = 0;
        while answers < 8 {
            let answer = connection.answer(PATIENCE).await?;
            ensure!(answer.id == json!(5), "an answer to {}", answer.id);
            answers += 1;
        }
        connection.works(PATIENCE).await.context(format!("round {round}"))?;
    }
    Ok(vec![("good", good.len().to_string()), ("bad", bad.len().to_string())])
}

/// Objects that are nearly requests: the answer's code and id are known for each.
async fn requests(target: Target) -> Result<Figures> {
    let mut connection = target.open().await?;
    let method = "m".repeat(900_000);
    let long_method = format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1}}"#);
    let long_member = format!(r#"{{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1,"{method}":1}}"#);
    let mut many = String::from(r#"{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":2"#);
    (0..50_000).for_each(|number| many.push_str(&format!(r#","k{number}":1"#)));
    many.push_str(r#"},"id":1}"#);
    let cases: [(&str, &[i64]); 30] = [
        ("1", &[-32600]),
        ("\"x\"", &[-32600]),
        ("null", &[-32600]),
        ("true", &[-32600]),
        ("{}", &[-32600]),
        ("[]", &[-32600]),
        (r#"{"jsonrpc":"2.0"}"#, &[-32600]),
        (r#"{"jsonrpc":"2.0","id":1}"#, &[-32600]),
        (r#"{"jsonrpc":"1.0","method":"add","params":[1,2],"id":1}"#, &[-32600]),
        (r#"{"jsonrpc":2.0,"method":"add","params":[1,2],"id":1}"#, &[-32600]),
        (r#"{"method":"add","params":[1,2],"id":1}"#, &[-32600]),
        (r#"{"jsonrpc":"2.0","method":1,"id":1}"#, &[-32600]),
        (r#"{"jsonrpc":"2.0","method":null,"id":1}"#, &[-32600]),
        (r#"{"jsonrpc":"2.0","method":["add"],"id":1}"#, &[-32600]),
        (r#"{"jsonrpc":"2.0","method":"","id":1}"#, &[-32601]),
        (r#"{"jsonrpc":"2.0","method":"nobody","id":1}"#, &[-32601]),
        (r#"{"jsonrpc":"2.0","method":"rpc.discover.x","id":1}"#, &[-32601]),
        (r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1},"id":1}"#, &[-32601]),
        (r#"{"jsonrpc":"2.0","method":"add","params":1,"id":1}"#, &[-32602, -32600]),
        (r#"{"jsonrpc":"2.0","method":"add","params":"x","id":1}"#, &[-32602, -32600]),
        (r#"{"jsonrpc":"2.0","method":"add","params":[],"id":1}"#, &[-32602]),
        (r#"{"jsonrpc":"2.0","method":"add","params":[1],"id":1}"#, &[-32602]),
        (r#"{"jsonrpc":"2.0","method":"add","params":[1,2,3],"id":1}"#, &[-32602]),
        (r#"{"jsonrpc":"2.0","method":"add","params":["1",2],"id":1}"#, &[-32602]),
        (r#"{"jsonrpc":"2.0","method":"add","params":[1.5,2],"id":1}"#, &[-32602]),
        (r#"{"jsonrpc":"2.0","method":"add","params":{"a":1},"id":1}"#, &[-32602]),
        (r#"{"jsonrpc":"2.0","method":"slow","params":["x"],"id":1}"#, &[-32602]),
        (&long_method, &[-32601, -32600]),
        (&many, &[-32602]),
        (r#"{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":2,"c":3},"id":1}"#, &[-32602]),
    ];
    for (message, codes) in cases {
        match one_answer(&mut connection, message).await.context(shown(message))? {
            Some(Said::Error(code)) if codes.contains(&code) => {}
            other => return Err(format!("{}: {other:?} instead of {codes:?}", shown(message)).into()),
        }
    }
    let said = one_answer(&mut connection, &long_member).await?;
    ensure!(said == Some(Said::Item(json!(3))), "an unknown member of 900 KB: {said:?}");
    // What no answer may come to: the next answer is that of the call behind them.
    for silent in [
        r#"{"jsonrpc":"2.0","method":"add","params":[1,2]}"#,
        r#"{"jsonrpc":"2.0","method":"nobody"}"#,
        r#"{"jsonrpc":"2.0","method":"add","params":[]}"#,
        r#"{"jsonrpc":"2.0","result":1,"id":1}"#,
        r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":1}"#,
        r#"{"jsonrpc":"2.0","error":null,"id":null}"#,
        r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"none"}}"#,
        r#"{"jsonrpc":"2.0","method":"$/stream","params":{"subscription":1,"result":1}}"#,
        r#"[{"jsonrpc":"2.0","method":"add","params":[1,2]}]"#,
        r#"[{"jsonrpc":"2.0","result":1,"id":1},{"jsonrpc":"2.0","method":"nobody"}]"#,
    ] {
        connection.send(silent.as_bytes()).await?;
        let id = connection.fresh_id();
        connection.send(&target.protocol.add(id, 1, 1)).await?;
        let answer = connection.answer(PATIENCE).await.context(silent)?;
        ensure!(answer.id == id, "{silent} is answered with {answer:?}");
    }
    Ok(vec![("refused", cases.len().to_string())])
}
