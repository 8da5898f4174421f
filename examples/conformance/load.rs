//! What load and abuse tests need (services.md, chapter 6), with the limits that users get.

use crate::{
    common::{Common, pick},
    streams::Streams,
};
use swill::{App, IntoModule, Protocol};

/// `/load`.
pub(crate) fn swill1() -> App {
    let modules = [Common.into_module(), Streams.into_module()];
    let services = pick(&["add", "echo", "slow", "count", "total", "slow_total"], &modules);
    App::new().protocols([Protocol::swill()]).module(services)
}

/// `/load-jsonrpc`.
pub(crate) fn jsonrpc() -> App {
    let services = pick(&["add", "echo", "slow"], &[Common.into_module()]);
    App::new().protocols([Protocol::json_rpc()]).module(services)
}
