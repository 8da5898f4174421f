//! One test for every protocol that can carry it.
#![allow(dead_code, reason = "not every test program needs all of it")]

use std::fmt;
use swill::{
    App, Protocol, Value,
    testing::{Connect, Raw, TestPeer},
};
use swill_proto::{Capabilities, events, jsonrpc, swill1, webmesh::Dialect};

/// A protocol, to be spoken in a test.
pub(crate) struct Speaks {
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    pub(crate) protocol: fn() -> Protocol,
    pub(crate) capabilities: fn() -> &'static Capabilities,
}

/// Protocols that differ in their format alone say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Swill,
    JsonRpc,
    Events,
    /// With texts for failures.
    WebMesh,
    /// Without.
    WebMeshHead,
}

macro_rules! spoken {
    ($($name:ident: $family:ident, $protocol:expr, $capabilities:expr;)*) => {
        $(pub(crate) static $name: Speaks = Speaks {
            name: stringify!($name),
            family: Family::$family,
            protocol: || $protocol,
            capabilities: || $capabilities,
        };)*
        pub(crate) static ALL: &[&Speaks] = &[$(&$name),*];
    };
}

spoken! {
    SWILL: Swill, Protocol::swill(), &swill1::CAPABILITIES;
    JSON_RPC: JsonRpc, Protocol::json_rpc(), &jsonrpc::CAPABILITIES;
    JSON_RPC_MSGPACK: JsonRpc, Protocol::json_rpc_msgpack(), &jsonrpc::MSGPACK_CAPABILITIES;
    EVENTS: Events, Protocol::events(), &events::CAPABILITIES;
    WEBMESH: WebMesh, Protocol::webmesh(Dialect::V0_1_2), Dialect::V0_1_2.capabilities();
    WEBMESH_JSON: WebMesh, Protocol::webmesh(Dialect::V0_1_2_JSON), Dialect::V0_1_2_JSON.capabilities();
    WEBMESH_HEAD: WebMeshHead, Protocol::webmesh(Dialect::HEAD), Dialect::HEAD.capabilities();
    WEBMESH_HEAD_JSON: WebMeshHead, Protocol::webmesh(Dialect::HEAD_JSON), Dialect::HEAD_JSON.capabilities();
}

impl fmt::Display for Speaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Speaks {
    /// An app that speaks this protocol alone, and a peer of it that is about to connect.
    pub(crate) fn peer(&self, app: App) -> Connect {
        TestPeer::builder(app.protocols([(self.protocol)()])).over((self.protocol)())
    }

    pub(crate) async fn connect(&self, app: App) -> TestPeer {
        self.peer(app).connect().await.unwrap_or_else(|error| panic!("{self} connects: {error}"))
    }

    pub(crate) fn is(&self, family: Family) -> bool {
        self.family == family
    }
}

/// A message of JSON, as a value.
pub(crate) fn json(raw: Raw) -> serde_json::Value {
    match raw {
        Raw::Text(text) => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}")),
        Raw::Binary(bytes) => {
            let value: Value = rmp_serde::from_slice(&bytes).expect("MessagePack");
            serde_json::to_value(value).expect("what JSON knows")
        }
    }
}

/// Makes a test of each function for each protocol that can carry it. What it needs is said before it:
/// `#[streams_out]`, `#[calls_peer]`, `#[notifies_peer]`, or `#[parallel]`.
#[allow(unused_macros, reason = "not every test program needs it")]
macro_rules! every_protocol {
    ($($(#[$needs:ident])? async fn $name:ident($speaks:ident: &Speaks) $body:block)*) => {
        $(
            mod $name {
                #[allow(unused_imports, reason = "what the test around it uses")]
                use super::*;

                async fn body($speaks: &$crate::common::Speaks) $body

                every_protocol!(@$($needs)?);
            }
        )*
    };
    (@) => {
        every_protocol! {
            @tests
            swill SWILL json_rpc JSON_RPC json_rpc_msgpack JSON_RPC_MSGPACK events EVENTS webmesh WEBMESH
            webmesh_json WEBMESH_JSON webmesh_head WEBMESH_HEAD webmesh_head_json WEBMESH_HEAD_JSON
        }
    };
    (@streams_out) => {
        every_protocol!(@tests swill SWILL json_rpc JSON_RPC json_rpc_msgpack JSON_RPC_MSGPACK);
    };
    (@calls_peer) => {
        every_protocol!(@tests json_rpc JSON_RPC json_rpc_msgpack JSON_RPC_MSGPACK);
    };
    (@notifies_peer) => {
        every_protocol! {
            @tests
            json_rpc JSON_RPC json_rpc_msgpack JSON_RPC_MSGPACK events EVENTS webmesh WEBMESH
            webmesh_json WEBMESH_JSON webmesh_head WEBMESH_HEAD webmesh_head_json WEBMESH_HEAD_JSON
        }
    };
    (@parallel) => {
        every_protocol! {
            @tests
            swill SWILL json_rpc JSON_RPC json_rpc_msgpack JSON_RPC_MSGPACK webmesh WEBMESH
            webmesh_json WEBMESH_JSON webmesh_head WEBMESH_HEAD webmesh_head_json WEBMESH_HEAD_JSON
        }
    };
    (@tests $($test:ident $speaks:ident)*) => {
        /// The protocols that it runs over.
        #[allow(dead_code, reason = "looked at where somebody checks it")]
        pub(crate) static RUNS_OVER: &[&str] = &[$(stringify!($speaks)),*];

        $(
            #[tokio::test]
            async fn $test() {
                body(&$crate::common::speaks::$speaks).await;
            }
        )*
    };
}
#[allow(unused_imports, reason = "not every test program needs it")]
pub(crate) use every_protocol;
