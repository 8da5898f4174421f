//! A client of one's own, on bare sockets: it shares no code with the server, so that no mistake is made twice.

pub(crate) mod flood;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod pack;
pub(crate) mod protocol;
pub(crate) mod socket;
