//! What happens to connections: they are cut, blocked, closed and refused.

use super::{gates::Gates, relay::Relay};
use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use swill::{Close, Error, FromContext, Handshake, Hook, Peer, Result};
use tokio::sync::Notify;

/// The peers that are connected, by the keys in their addresses.
#[derive(Clone, Default)]
pub(crate) struct Peers {
    by_key: Arc<Mutex<HashMap<String, Vec<Peer>>>>,
    came: Arc<Notify>,
}

impl Peers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Peer>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peers of a key, as soon as there is one: a client may think that it is connected a moment earlier.
    async fn of(&self, key: &str) -> Vec<Peer> {
        loop {
            let mut came = pin!(self.came.notified());
            came.as_mut().enable();
            if let Some(peers) = self.lock().get(key) {
                return peers.clone();
            }
            came.await;
        }
    }
}

impl Hook for Peers {
    /// It only looks at connections: their calls take the short way.
    fn sees_calls(&self) -> bool {
        false
    }

    async fn after_accept(&self, peer: &Peer) -> Result<()> {
        self.lock().entry(key(peer)).or_default().push(peer.clone());
        self.came.notify_waiters();
        Ok(())
    }

    async fn after_connection(&self, peer: &Peer, _: &Close) {
        let (key, mut peers) = (key(peer), self.lock());
        if let Some(of_key) = peers.get_mut(&key) {
            of_key.retain(|other| other != peer);
            if of_key.is_empty() {
                peers.remove(&key);
            }
        }
    }
}

fn key(peer: &Peer) -> String {
    peer.request().query_value("key").unwrap_or_default()
}

/// Who has connected to `/private`.
struct User(&'static str);

impl FromContext for User {}

/// Lets in those whose token it knows.
pub(crate) struct Login;

impl Hook for Login {
    /// It only looks at connections: their calls take the short way.
    fn sees_calls(&self) -> bool {
        false
    }

    async fn before_connection(&self, handshake: &mut Handshake) -> Result<()> {
        let user = match handshake.request().token() {
            Some("ann-token") => User("ann"),
            Some("ben-token") => User("ben"),
            _ => return Err(Error::close_connection(401, "log in first")),
        };
        handshake.insert(user);
        Ok(())
    }
}

pub(crate) struct Connections {
    pub(crate) relay: Relay,
    pub(crate) gates: Gates,
    pub(crate) peers: Peers,
}

#[swill::module]
impl Connections {
    /// Resets the connections of a client.
    async fn cut(&self, key: String) {
        self.relay.cut(&key);
    }

    /// Resets the connections of a client as soon as it sends anything more, of which nothing arrives.
    async fn swallow(&self, key: String) {
        self.relay.swallow(&key);
    }

    /// Resets the connection of its caller, but for the calls after the first few.
    async fn flaky(&self, peer: &Peer, key: String, cuts: u32) -> u64 {
        let count = self.gates.count(&key);
        if count <= u64::from(cuts) {
            self.relay.cut(&self::key(peer));
            std::future::pending::<()>().await;
        }
        count
    }

    /// Resets all attempts of a client to connect.
    async fn block(&self, key: String) {
        self.relay.block(&key, true);
    }

    /// Lets a client connect again.
    async fn unblock(&self, key: String) {
        self.relay.block(&key, false);
    }

    /// How often a client has tried to connect.
    async fn attempts(&self, key: String) -> u64 {
        self.relay.attempts.get(&key)
    }

    /// Answers when a client has tried to connect so often.
    async fn wait_attempts(&self, key: String, count: u32) {
        self.relay.attempts.reach(&key, count.into()).await;
    }

    /// Closes the connection of its caller.
    async fn close(&self, code: u16, reason: String) -> Result<()> {
        Err(Error::close_connection(code, reason))
    }

    /// Closes the connections of a client.
    async fn close_of(&self, key: String, code: u16, reason: String) {
        for peer in self.peers.of(&key).await {
            peer.close(code, reason.clone());
        }
    }

    /// To whom the token of the connection belongs.
    async fn whoami(&self, peer: &Peer) -> Option<&'static str> {
        peer.state::<User>().map(|user| user.0)
    }
}
