//! Descriptions as they travel, and in the form of OpenRPC. That documents hold to the schemas of OpenRPC and AsyncAPI is
//! tested where servers make them.

use serde_json::{Value as Json, json};
use swill_proto::{
    Shape, jsonrpc,
    spec::{
        ErrorSpec, Info, ItemsSpec, MetadataKey, ModuleSpec, ParameterSpec, ProcedureSpec, ProtocolSpec,
        Spec, VERSION, definition_name,
    },
};

/// A shop that has procedures of every shape.
pub(crate) fn shop() -> Spec {
    let mut spec = Spec::new(Info::new("Shop", "1.2").description("Sells tea."));
    spec.definitions.insert(
        "Receipt<Tea>".into(),
        json!({ "type": "object", "properties": { "pair": { "prefixItems": [{ "type": "integer" }] } } }),
    );

    let mut buy =
        ProcedureSpec::new("shop.buy", Shape::SINGLE, json!({ "$ref": "#/$defs/Receipt%3CTea%3E" }));
    buy.module = "shop".into();
    buy.doc = "Buys tea.\n\nIt is sent at once.".into();
    let mut kind = ParameterSpec::new("kind", json!({ "type": "string" }));
    kind.doc = "Which tea.".into();
    buy.parameters = vec![kind, ParameterSpec::new("count", json!({ "type": "integer", "default": 1 }))];
    buy.errors = vec![
        ErrorSpec::new("SoldOut", 409, "{left} are left")
            .doc("There is too little.")
            .field("left", json!({ "type": "integer" }))
            .json_rpc_code(-32001),
        ErrorSpec::new("NoTea", 422, "that is no tea").parameter("kind"),
        ErrorSpec::new("Closed", 503, "come back later").data(json!({ "type": "string" })),
    ];
    let mut rename = ProcedureSpec::new("rename", Shape::SINGLE, json!({ "type": "null" }));
    rename.parameters.push(ParameterSpec::new("name", json!({ "type": "string" })));
    let watch = ProcedureSpec::new("shop.watch", Shape::STREAM_OUT, json!({ "type": "string" }));
    let mut stock = ProcedureSpec::new("stock", Shape::STREAM_IN, json!({ "type": "integer" }));
    stock.items =
        Some(ItemsSpec { name: "boxes".into(), doc: String::new(), schema: json!({ "type": "number" }) });
    spec.procedures = vec![buy, rename, watch, stock];
    spec.seal();
    spec
}

#[test]
fn descriptions_travel_as_json() {
    let mut spec = shop();
    spec.paths.push("/".into());
    spec.protocols.push(ProtocolSpec::new(&jsonrpc::MSGPACK_CAPABILITIES, &["jsonrpc"], false));
    spec.modules.push(ModuleSpec { name: "shop".into(), doc: "Tea.".into() });
    spec.limits.deadline_ms = Some(5);
    spec.procedures[0].deadline_ms = Some(7);
    spec.procedures[0].paths.push("/buy/{kind}".into());
    spec.procedures[0].metadata.leading.push(MetadataKey::new("price", "What it costs."));
    spec.seal();
    let text = serde_json::to_string(&spec).unwrap();
    let back: Spec = serde_json::from_str(&text).unwrap();
    assert_eq!(back, spec);
    assert_eq!(back.swill, VERSION);
    assert_eq!(back.procedure("stock").map(ProcedureSpec::shape), Some(Shape::STREAM_IN));
    assert_eq!(back.procedure("stocks"), None);
    let written: Json = serde_json::from_str(&text).unwrap();
    let protocol = &written["protocols"][0];
    assert_eq!(
        (&protocol["format"], &protocol["single_parameter"]),
        (&json!("messagepack"), &json!("listed"))
    );
    // What says nothing is not written.
    for absent in ["module", "doc", "paths", "items", "errors", "metadata", "deadline_ms"] {
        assert_eq!(written["procedures"][1].get(absent), None, "{absent}");
    }
    let least = json!({
        "swill": "1", "info": {}, "hash": "", "limits": spec.limits, "procedures": [],
    });
    assert_eq!(serde_json::from_value::<Spec>(least).unwrap().info, Info::default());
}

#[test]
fn names_of_definitions_are_read_as_they_are_written() {
    for (reference, name) in [
        ("#/$defs/Point", Some("Point")),
        ("#/$defs/a%20b~1c~0d", Some("a b/c~d")),
        ("#/$defs/100%", Some("100%")),
        ("#/$defs/100%zz", Some("100%zz")),
        ("#/$defs/%ff", None),
        ("#/components/schemas/Point", None),
    ] {
        assert_eq!(definition_name(reference).as_deref(), name, "{reference}");
    }
}

#[test]
fn openrpc() {
    let spec = shop();
    let expected = json!({
        "openrpc": "1.3.2",
        "info": { "title": "Shop", "version": "1.2", "description": "Sells tea." },
        "methods": [
            {
                "name": "shop.buy",
                "summary": "Buys tea.",
                "description": "Buys tea.\n\nIt is sent at once.",
                "tags": [{ "name": "shop" }],
                "paramStructure": "either",
                "params": [
                    {
                        "name": "kind",
                        "required": true,
                        "description": "Which tea.",
                        "schema": { "type": "string" },
                    },
                    { "name": "count", "required": false, "schema": { "type": "integer", "default": 1 } },
                ],
                "result": {
                    "name": "result",
                    "schema": { "$ref": "#/components/schemas/Receipt_Tea_" },
                },
                "errors": [
                    { "code": -32001, "message": "{left} are left" },
                    { "code": -32602, "message": "that is no tea" },
                    { "code": 503, "message": "come back later" },
                ],
                "x-swill-errors": [
                    {
                        "name": "SoldOut",
                        "code": -32001,
                        "description": "There is too little.",
                        "data": {
                            "type": "object",
                            "properties": { "left": { "type": "integer" } },
                            "required": ["left"],
                        },
                    },
                    { "name": "NoTea", "code": -32602 },
                    { "name": "Closed", "code": 503, "data": { "type": "string" } },
                ],
            },
            {
                "name": "rename",
                "paramStructure": "either",
                "params": [{ "name": "name", "required": true, "schema": { "type": "string" } }],
                "result": { "name": "result", "schema": { "type": "null" } },
            },
            {
                "name": "shop.watch",
                "paramStructure": "either",
                "params": [],
                "result": { "name": "subscription", "schema": { "type": "integer" } },
                "x-swill-stream": { "method": "$/stream", "items": { "type": "string" } },
            },
        ],
        "components": { "schemas": { "Receipt_Tea_": {
            "type": "object",
            "properties": { "pair": { "items": [{ "type": "integer" }] } },
        } } },
        "x-swill-hash": spec.hash,
        "x-swill-left-out": ["stock"],
    });
    assert_eq!(spec.openrpc(), expected);
}

#[test]
fn documents_of_nothing_have_what_has_to_be_there() {
    let spec = Spec::new(Info::default());
    let info = json!({ "title": "Swill app", "version": "0" });
    let openrpc = json!({
        "openrpc": "1.3.2", "info": info, "methods": [], "components": { "schemas": {} }, "x-swill-hash": spec.hash,
    });
    assert_eq!(spec.openrpc(), openrpc);
    let asyncapi = json!({
        "asyncapi": "3.0.0", "info": info, "defaultContentType": "application/json", "channels": {},
        "operations": {}, "components": { "schemas": {} }, "x-swill-hash": spec.hash,
    });
    assert_eq!(spec.asyncapi(), asyncapi);
}
