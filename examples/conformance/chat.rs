//! The chat (services.md, chapter 4): rooms of peers who hear each other.

use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use swill::{App, Close, FromContext, Handshake, Hook, Peer, Protocol, Result};

/// `/room/{room_id}/{client_id}`.
pub(crate) fn app() -> App {
    let rooms = Rooms::default();
    App::new().protocols([Protocol::events()]).module(Chat { rooms: rooms.clone() }).hook(rooms)
}

/// Who is in which room.
#[derive(Clone, Default)]
struct Rooms(Arc<Mutex<HashMap<String, Vec<Member>>>>);

struct Member {
    client_id: i64,
    peer: Peer,
}

/// Where a connection belongs, as its path says.
struct Seat {
    room: String,
    client_id: i64,
}

impl FromContext for Seat {}

#[derive(Serialize, JsonSchema)]
struct Came {
    client_id: i64,
}

#[derive(Serialize, JsonSchema)]
struct Said<'m> {
    sender: i64,
    msg: &'m str,
}

#[derive(Serialize, JsonSchema)]
struct Whispered<'m> {
    from: i64,
    msg: &'m str,
}

impl Rooms {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Member>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, seat: &Seat, peer: &Peer) {
        let mut rooms = self.lock();
        let members = rooms.entry(seat.room.clone()).or_default();
        members.push(Member { client_id: seat.client_id, peer: peer.clone() });
        tell(members, "join", &Came { client_id: seat.client_id });
    }

    fn leave(&self, seat: &Seat, peer: &Peer) {
        let mut rooms = self.lock();
        let Some(members) = rooms.get_mut(&seat.room) else { return };
        members.retain(|member| member.peer != *peer);
        tell(members, "leave", &Came { client_id: seat.client_id });
        if members.is_empty() {
            rooms.remove(&seat.room);
        }
    }
}

/// Tells all members something, under the lock of their room: so all of them hear everything in the same order.
fn tell(members: &[Member], event: &str, what: &impl Serialize) {
    members.iter().for_each(|member| member.tell(event, what));
}

impl Member {
    /// Never waits. Whoever has let so much pile up that nothing more fits is thrown out, rather than hear half of what
    /// is said; who is gone already is about to leave.
    fn tell(&self, event: &str, what: &impl Serialize) {
        if self.peer.try_notify(event, what).is_err() {
            self.peer.close(1008, "too slow");
        }
    }
}

impl Hook for Rooms {
    /// It only looks at connections: their calls take the short way.
    fn sees_calls(&self) -> bool {
        false
    }

    async fn before_connection(&self, handshake: &mut Handshake) -> Result<()> {
        let room = handshake.request().parameter_as("room_id")?;
        let client_id = handshake.request().parameter_as("client_id")?;
        handshake.insert(Seat { room, client_id });
        Ok(())
    }

    async fn after_accept(&self, peer: &Peer) -> Result<()> {
        if let Some(seat) = peer.state::<Seat>() {
            self.join(seat, peer);
        }
        Ok(())
    }

    async fn after_connection(&self, peer: &Peer, _: &Close) {
        if let Some(seat) = peer.state::<Seat>() {
            self.leave(seat, peer);
        }
    }
}

#[derive(Debug, swill::Error)]
#[error(code = 404, parameter = "to", message = "recipient not found")]
struct NoRecipient;

struct Chat {
    rooms: Rooms,
}

#[swill::module]
impl Chat {
    /// Says something to everybody in the room, whoever says it included.
    async fn message(&self, seat: &Seat, msg: String) {
        if let Some(members) = self.rooms.lock().get(&seat.room) {
            tell(members, "message", &Said { sender: seat.client_id, msg: &msg });
        }
    }

    /// Says something to one client in the room.
    async fn whisper(&self, seat: &Seat, to: i64, msg: String) -> Result<(), NoRecipient> {
        let rooms = self.rooms.lock();
        let mut members = rooms.get(&seat.room).into_iter().flatten();
        let recipient = members.find(|member| member.client_id == to);
        recipient.ok_or(NoRecipient)?.tell("whisper", &Whispered { from: seat.client_id, msg: &msg });
        Ok(())
    }
}
