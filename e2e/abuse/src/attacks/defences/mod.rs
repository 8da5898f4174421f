//! An attack for each defence, against a server of its own: what has to be short there is short.

mod calls;
mod documents;
mod frames;
mod handshake;
mod messages;
mod own;
mod peers;
mod streams;
mod web;

use super::Attack;

pub(super) fn attacks() -> Vec<Attack> {
    let mut all = frames::attacks();
    all.extend(handshake::attacks());
    all.extend(messages::attacks());
    all.extend(calls::attacks());
    all.extend(streams::attacks());
    all.extend(documents::attacks());
    all.extend(peers::attacks());
    all.extend(web::attacks());
    all
}
