//! Descriptions in the form of AsyncAPI.

use crate::spec::shop;
use serde_json::{Value as Json, json};
use swill_proto::{
    Capabilities, events, jsonrpc,
    spec::{ProcedureSpec, ProtocolSpec},
    swill1,
    webmesh::Dialect,
};

/// The shop in one protocol, as AsyncAPI.
fn spoken(capabilities: &Capabilities, tokens: &[&str], path: &str) -> (Json, Json) {
    let mut spec = shop();
    let mut protocol = ProtocolSpec::new(capabilities, tokens, true);
    let cannot = |it: &&ProcedureSpec| !capabilities.carries(it.shape());
    protocol.cannot_carry = spec.procedures.iter().filter(cannot).map(|it| it.name.clone()).collect();
    spec.protocols.push(protocol);
    spec.paths.push(path.into());
    let document = spec.asyncapi();
    assert_whole(&document, &document);
    let channels = document["channels"].as_object().unwrap();
    assert_eq!(channels.len(), 1);
    let channel = channels.values().next().unwrap().clone();
    (channel, document["operations"].clone())
}

/// Every reference leads to something.
fn assert_whole(part: &Json, document: &Json) {
    match part {
        Json::Array(list) => list.iter().for_each(|it| assert_whole(it, document)),
        Json::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("$ref", Json::String(reference)) => {
                        let place = reference.strip_prefix('#').and_then(|it| document.pointer(it));
                        assert!(place.is_some(), "{reference}");
                    }
                    _ => assert_whole(value, document),
                }
            }
        }
        _ => {}
    }
}

fn payload<'d>(channel: &'d Json, message: &str) -> &'d Json {
    &channel["messages"][message]["payload"]
}

/// The messages of a channel, by name.
fn messages(channel: &Json) -> Vec<&str> {
    channel["messages"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// What is announced of the errors of `shop.buy`, with these codes.
fn announced(codes: [i64; 3]) -> Json {
    let text = || json!({ "type": "string" });
    let failure = |title: &str, code: i64, data: Option<Json>| {
        let mut error = json!({
            "title": title, "type": "object", "required": ["code", "message"],
            "properties": { "code": { "const": code }, "message": text() },
        });
        if let Some(data) = data {
            error["properties"]["data"] = data;
        }
        error
    };
    let left = json!({
        "type": "object", "properties": { "left": { "type": "integer" } }, "required": ["left"],
    });
    json!({ "anyOf": [
        failure("SoldOut", codes[0], Some(left)),
        failure("NoTea", codes[1], None),
        failure("Closed", codes[2], Some(text())),
        any_failure(),
    ] })
}

fn any_failure() -> Json {
    json!({
        "type": "object", "required": ["code", "message"],
        "properties": { "code": { "type": "integer" }, "message": { "type": "string" } },
    })
}

/// The parameters of `shop.buy`, by position or by name.
fn buy_parameters() -> Json {
    let (kind, count) = (json!({ "type": "string" }), json!({ "type": "integer", "default": 1 }));
    json!({ "anyOf": [
        { "type": "array", "items": [kind, count], "minItems": 1, "additionalItems": false },
        {
            "type": "object", "properties": { "kind": kind, "count": count }, "required": ["kind"],
            "additionalProperties": false,
        },
    ] })
}

#[test]
fn asyncapi_of_swill() {
    let (channel, operations) = spoken(&swill1::CAPABILITIES, &["swill.1"], "/shops/{shop}/{*rest}/socket");
    assert_eq!(channel["address"], "/shops/{shop}/{*rest}/socket");
    assert_eq!(channel["parameters"], json!({ "shop": {}, "rest": {} }));
    assert_eq!(channel["title"], "swill/1");
    let token = &channel["bindings"]["ws"]["headers"]["properties"]["Sec-WebSocket-Protocol"];
    assert_eq!(token, &json!({ "type": "string", "enum": ["swill.1"] }));
    let mut expected = vec![
        "shop.buy.call",
        "shop.buy.answer",
        "shop.buy.error",
        "rename.call",
        "rename.answer",
        "rename.error",
        "shop.watch.call",
        "shop.watch.item",
        "shop.watch.end",
        "shop.watch.error",
        "stock.call",
        "stock.answer",
        "stock.error",
    ];
    let mut got = messages(&channel);
    expected.sort_unstable();
    got.sort_unstable();
    assert_eq!(got, expected);
    let call = &channel["messages"]["shop.buy.call"];
    assert_eq!(
        (&call["name"], &call["contentType"]),
        (&json!("shop.buy.call"), &json!("application/msgpack"))
    );
    assert_eq!(call.get("x-swill-envelope"), None);

    let seq = || json!({ "type": "integer", "title": "seq" });
    let metadata = || json!({ "type": ["object", "null"] });
    let to_server = |name: &str, data: Json| {
        let titled = json!({ "type": ["object", "null"], "title": "metadata" });
        json!({
            "type": "array", "minItems": 3, "additionalItems": false,
            "items": [
                seq(), data, { "const": name, "title": "rpc" },
                { "type": "integer", "enum": [0, 1, 2, 3], "title": "type" }, titled,
            ],
        })
    };
    let to_client = |data: Json, kind: i64| {
        json!({
            "type": "array", "minItems": 3, "additionalItems": false,
            "items": [seq(), data, { "const": kind, "title": "type" }, metadata(), metadata()],
        })
    };
    let receipt = json!({ "$ref": "#/components/schemas/Receipt_Tea_" });
    for (message, expected) in [
        ("shop.buy.call", to_server("shop.buy", buy_parameters())),
        ("shop.buy.answer", to_client(receipt, 0)),
        ("shop.buy.error", to_client(announced([409, 422, 503]), 3)),
        // A single parameter is the whole value, none is nothing, and an item of a stream in is itself.
        ("rename.call", to_server("rename", json!({ "type": "string" }))),
        ("rename.error", to_client(any_failure(), 3)),
        ("shop.watch.call", to_server("shop.watch", json!({ "type": "null" }))),
        ("shop.watch.item", to_client(json!({ "type": "string" }), 0)),
        ("shop.watch.end", to_client(json!({ "type": "null" }), 1)),
        ("stock.call", to_server("stock", json!({ "type": "number" }))),
        ("stock.answer", to_client(json!({ "type": "integer" }), 0)),
    ] {
        assert_eq!(payload(&channel, message), &expected, "{message}");
    }

    let here = json!({ "$ref": "#/channels/swill_1" });
    let message = |name: &str| json!({ "$ref": format!("#/channels/swill_1/messages/{name}") });
    let buy = json!({
        "action": "receive", "channel": here, "title": "shop.buy",
        "description": "Buys tea.\n\nIt is sent at once.", "tags": [{ "name": "shop" }],
        "messages": [message("shop.buy.call")],
        "reply": { "channel": here, "messages": [message("shop.buy.answer"), message("shop.buy.error")] },
    });
    assert_eq!(operations["swill_1.shop.buy"], buy);
    assert_eq!(operations.as_object().unwrap().len(), 4);
}

#[test]
fn asyncapi_of_json_rpc() {
    let (channel, operations) = spoken(&jsonrpc::CAPABILITIES, &[], "/");
    assert_eq!((channel.get("bindings"), channel.get("parameters")), (None, None));
    assert_eq!(operations.as_object().unwrap().len(), 3, "a stream in cannot be carried");
    let id = || json!({ "type": ["string", "number", "null"] });
    let version = || json!({ "const": "2.0" });
    let call = |name: &str, params: Json| {
        json!({
            "type": "object", "required": ["jsonrpc", "method"],
            "properties": {
                "jsonrpc": version(), "method": { "const": name }, "params": params, "id": id(),
            },
        })
    };
    let response = |member: &str, schema: Json| {
        json!({
            "type": "object", "required": ["id", member, "jsonrpc"],
            "properties": { "id": id(), "jsonrpc": version(), member: schema },
        })
    };
    let word = |member: &str, schema: Json| {
        let params = json!({
            "type": "object", "required": ["subscription", member],
            "properties": { "subscription": { "type": "integer" }, member: schema },
        });
        json!({
            "type": "object", "required": ["method", "params", "jsonrpc"],
            "properties": { "method": { "const": "$/stream" }, "params": params, "jsonrpc": version() },
        })
    };
    let nothing = json!({ "anyOf": [
        { "type": "array", "maxItems": 0 },
        { "type": "object", "properties": {}, "required": [], "additionalProperties": false },
    ] });
    let name = json!({ "type": "string" });
    let one = json!({ "anyOf": [
        { "type": "array", "items": [name], "minItems": 1, "additionalItems": false },
        {
            "type": "object", "properties": { "name": name }, "required": ["name"],
            "additionalProperties": false,
        },
    ] });
    for (message, expected) in [
        ("shop.buy.call", call("shop.buy", buy_parameters())),
        ("rename.call", call("rename", one)),
        ("rename.answer", response("result", json!({ "type": "null" }))),
        ("shop.buy.error", response("error", announced([-32001, -32602, 503]))),
        ("shop.watch.call", call("shop.watch", nothing)),
        ("shop.watch.subscribed", response("result", json!({ "type": "integer" }))),
        ("shop.watch.refused", response("error", any_failure())),
        ("shop.watch.item", word("result", json!({ "type": "string" }))),
        ("shop.watch.end", word("end", json!({ "const": true }))),
        ("shop.watch.error", word("error", any_failure())),
    ] {
        assert_eq!(payload(&channel, message), &expected, "{message}");
        assert_eq!(channel["messages"][message]["contentType"], "application/json");
    }
}

#[test]
fn asyncapi_of_events() {
    let (channel, operations) = spoken(&events::CAPABILITIES, &[], "/");
    assert_eq!(operations.as_object().unwrap().len(), 2, "no streams can be carried");
    let call = json!({
        "type": "object", "additionalProperties": false, "required": ["kind", "type"],
        "properties": {
            "kind": { "type": "string" }, "count": { "type": "integer", "default": 1 },
            "type": { "const": "shop.buy" },
        },
    });
    assert_eq!(payload(&channel, "shop.buy.call"), &call);
    let receipt = json!({ "$ref": "#/components/schemas/Receipt_Tea_" });
    let answer = json!({
        "type": "object", "required": ["type"], "properties": { "type": { "type": "string" } },
        "anyOf": [
            receipt, { "type": "object", "required": ["result"], "properties": { "result": receipt } },
        ],
    });
    assert_eq!(payload(&channel, "shop.buy.answer"), &answer);
    let entry = json!({
        "type": "object", "required": ["loc", "msg", "type"],
        "properties": {
            "loc": { "type": "array" }, "msg": { "type": "string" }, "type": { "type": "string" },
        },
    });
    let error = json!({
        "type": "object", "required": ["errors"],
        "properties": { "errors": { "type": "array", "items": entry } },
    });
    assert_eq!(payload(&channel, "shop.buy.error"), &error);
}

#[test]
fn asyncapi_of_other_protocols_has_the_data_alone() {
    let listed = Capabilities { name: "other", ..jsonrpc::CAPABILITIES };
    let name = json!({ "type": "string" });
    let one = json!({ "anyOf": [
        { "type": "array", "items": [name], "minItems": 1, "additionalItems": false },
        {
            "type": "object", "properties": { "name": name }, "required": ["name"],
            "additionalProperties": false,
        },
    ] });
    for (capabilities, parameters) in [(Dialect::HEAD.capabilities(), name), (&listed, one)] {
        let (channel, _) = spoken(capabilities, &[], "/");
        assert_eq!(payload(&channel, "rename.call"), &parameters);
        assert_eq!(payload(&channel, "rename.answer"), &json!({ "type": "null" }));
        assert_eq!(payload(&channel, "rename.error"), &any_failure());
        assert_eq!(channel["messages"]["rename.call"]["x-swill-envelope"], capabilities.name);
    }
}
