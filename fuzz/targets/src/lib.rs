//! What is fuzzed: every parser and every machine, each behind a function that takes any bytes and panics if something is
//! not as it has to be.
//!
//! libFuzzer runs them from the folder around this crate, see `fuzz/README.md`. They need nothing of it, so that
//! `cargo test` can play what is kept of them with any compiler.

mod address;
mod answers;
mod asking;
mod client_connection;
mod client_handshake;
mod command_parameters;
mod description;
mod events;
mod json_scan;
mod jsonrpc;
mod messagepack_scan;
mod said;
mod server_connection;
mod server_handshake;
mod serving;
mod swill1_client;
mod swill1_server;
mod tap;
mod webmesh;
mod ws;
mod ws_deflate;
mod ws_handshake;
mod ws_round_trip;

/// A target: takes any bytes.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 21] = [
    ("address", address::run),
    ("answers", answers::run),
    ("client_connection", client_connection::run),
    ("client_handshake", client_handshake::run),
    ("command_parameters", command_parameters::run),
    ("description", description::run),
    ("events", events::run),
    ("json_scan", json_scan::run),
    ("jsonrpc", jsonrpc::run),
    ("messagepack_scan", messagepack_scan::run),
    ("server_connection", server_connection::run),
    ("server_handshake", server_handshake::run),
    ("swill1_client", swill1_client::run),
    ("swill1_server", swill1_server::run),
    ("tap", tap::run),
    ("webmesh", webmesh::run),
    ("ws_client", ws::client),
    ("ws_deflate", ws_deflate::run),
    ("ws_handshake", ws_handshake::run),
    ("ws_round_trip", ws_round_trip::run),
    ("ws_server", ws::server),
];

/// Runs the target of this name.
///
/// # Panics
///
/// Something is not as it has to be; or there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| target);
    target.expect("there is a target of this name")(input);
}
