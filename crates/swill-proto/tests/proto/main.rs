//! Tests of the crate through its public face, in one program so that they link once.

mod envelope;
mod events;
mod events_client;
mod events_vectors;
mod hostile;
mod independence;
mod jsonrpc;
mod jsonrpc_errors;
mod jsonrpc_json;
mod jsonrpc_play;
mod jsonrpc_streams;
mod metadata;
mod model;
mod pair;
mod payload;
mod scan;
mod service;
mod support;
mod swill1_client;
mod swill1_server;
mod value;
mod vectors;
mod webmesh;
mod webmesh_vectors;
mod wire;
