use std::time::Duration;
use swill_proto::Close;
use tokio::sync::watch;

/// How a client stands with its server at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// A connection is being opened. Calls wait.
    Connecting,
    /// The connection is open.
    Open,
    /// There is no connection; the next attempt comes by itself. Calls wait.
    Waiting {
        /// Which attempt in a row it will be, from 1.
        attempt: u32,
        /// How long the client waits before it, counted from the moment this state began.
        delay: Duration,
    },
    /// There is no connection and there will be none: calls fail at once.
    ///
    /// The code is 1000 after [`Client::close`](crate::Client::close), the close code of a connection that ended for
    /// good, or, below 1000, the HTTP status of a handshake that was refused.
    Closed(Close),
}

impl State {
    /// Whether the client has ended for good.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

/// Follows the [`State`] of a client. Made by [`Client::watch`](crate::Client::watch).
///
/// It shows the newest state: states that were left before anybody looked are not seen.
///
/// ```no_run
/// # async fn example(client: swill_client::Client) {
/// let mut states = client.watch();
/// while let Some(state) = states.changed().await {
///     eprintln!("{state:?}");
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Watch(pub(crate) watch::Receiver<State>);

impl Watch {
    /// The state at this moment.
    pub fn state(&self) -> State {
        self.0.borrow().clone()
    }

    /// Waits for a state that has not been seen through this handle and returns it; `None` after
    /// [`State::Closed`], which is the last.
    ///
    /// Safe to drop halfway: no change is missed.
    pub async fn changed(&mut self) -> Option<State> {
        // Handles of the client may outlive it by far.
        let is_over = {
            let state = self.0.borrow();
            !state.has_changed() && state.is_closed()
        };
        if is_over {
            return None;
        }
        match self.0.changed().await {
            Ok(()) => Some(self.0.borrow_and_update().clone()),
            Err(_) => None,
        }
    }

    /// Waits until a state fulfils a condition and returns it; the last state if none ever will.
    pub async fn until(&mut self, mut condition: impl FnMut(&State) -> bool) -> State {
        let found = self.0.wait_for(|state| condition(state) || state.is_closed()).await;
        let found = found.ok().map(|state| state.clone());
        found.unwrap_or_else(|| self.state())
    }
}
