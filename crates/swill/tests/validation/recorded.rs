//! The recorded conversations about validation, played to the services of the conformance server.

use crate::{
    common::{Client, Got, serve},
    services::Validation,
};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;

#[tokio::test]
async fn recorded_conversations_are_answered_as_recorded() {
    let vectors = include_str!("../../../../conformance/vectors/swill1.jsonl");
    let names = |name: &str| {
        name.starts_with("validate/") || name.ends_with("valid-items") || name.ends_with("invalid-item")
    };
    let server = serve(swill::App::new().module(Validation)).await;
    let mut played = 0;
    for line in vectors.lines() {
        let vector: Json = serde_json::from_str(line).unwrap();
        let name = vector["name"].as_str().unwrap();
        if names(name) {
            play(name, vector["steps"].as_array().unwrap(), server.connect().await).await;
            played += 1;
        }
    }
    assert!(played > 30, "{played} conversations");
}

async fn play(name: &str, steps: &[Json], mut client: Client<TcpStream>) {
    for step in steps {
        if let Some(hex) = step["send"]["hex"].as_str() {
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let message: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            client.send(&message).await;
        } else if let Some(expected) = step.get("expect") {
            let Got::Answer(answer) = client.next_but_pings().await else { panic!("{name}: no answer") };
            let seq = i64::try_from(answer.seq).unwrap();
            let answer = json!([seq, answer.data, answer.kind, answer.leading, answer.trailing]);
            let fits = match expected["any_of"].as_array() {
                Some(several) => several.iter().any(|it| fits(&it["msgpack"], &answer)),
                None => fits(&expected["msgpack"], &answer),
            };
            assert!(fits, "{name}: {answer} is not {expected}");
        }
    }
}

/// Compares with what was recorded, which may leave something open.
fn fits(expected: &Json, answer: &Json) -> bool {
    match (expected, answer) {
        (Json::String(pattern), Json::String(_)) if pattern == "$any:string" => true,
        (Json::String(pattern), _) if pattern.starts_with("$oneof:") => {
            let several: Vec<Json> = serde_json::from_str(&pattern["$oneof:".len()..]).unwrap();
            several.contains(answer)
        }
        // What is not shown of an error is left open.
        (Json::Object(expected), Json::Object(answer)) => {
            let open = expected.values().any(|it| it.as_str() == Some("$any:string"));
            let known = |name: &String| expected.contains_key(name) || open;
            answer.keys().all(known)
                && expected.iter().all(|(name, it)| answer.get(name).is_some_and(|own| fits(it, own)))
        }
        (Json::Array(expected), Json::Array(answer)) => {
            expected.len() == answer.len() && expected.iter().zip(answer).all(|(it, own)| fits(it, own))
        }
        _ => expected == answer,
    }
}
