//! The services of the endpoints that speak WebMesh (services.md, chapter 5).

use crate::{
    common::{Common, pick},
    notes::{KeepNotes, NoteServices},
};
use swill::{App, IntoModule, Protocol};

/// `/`, `/json`, `/head` and `/head-json`.
pub(crate) fn app(protocol: Protocol) -> App {
    let names = ["echo", "add", "divide", "nothing", "fail", "slow", "note", "notes"];
    let services = pick(&names, &[Common.into_module(), NoteServices.into_module()]);
    App::new().protocols([protocol]).module(services).hook(KeepNotes)
}
