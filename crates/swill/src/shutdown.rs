//! How a server is told to end, and how it says so before it does.

use crate::hub::Hub;
use std::{io, sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// Shuts a [`Server`](crate::Server), or an app mounted in another one, down from elsewhere.
#[derive(Clone, Debug)]
pub struct ShutdownHandle {
    pub(crate) stage: watch::Sender<Stage>,
    pub(crate) hub: Arc<Hub>,
    /// How long before it ends a server says that it will.
    notice: Duration,
}

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serving,
    /// It was told to end. During its notice it goes on.
    Told,
    /// Nothing new is accepted, and connections end.
    Ending,
}

impl ShutdownHandle {
    pub(crate) fn new(hub: Arc<Hub>, notice: Duration) -> Self {
        Self { stage: watch::Sender::new(Stage::Serving), hub, notice }
    }

    /// Lets calls in flight finish within the grace ([`Limits::grace`](crate::Limits::grace)) and closes all connections
    /// with 1001. Nothing new is accepted from now on, or, if the app gives [`notice`](crate::App::notice), from its end
    /// on; [`Server::run`](crate::Server::run) ends when the connections have.
    pub fn shutdown(&self) {
        self.announce();
        if self.notice.is_zero() {
            self.end();
        } else {
            self.reach(Stage::Told);
        }
    }

    /// Lets [readiness](crate::App::readiness) say no from now on, and changes nothing else. For an app in another server,
    /// which has no [notice](crate::App::notice) of its own: announce the end, wait until nobody is sent here any more,
    /// and then end both, this app by [`shutdown`](Self::shutdown).
    ///
    /// ```
    /// # async fn example() -> swill::Result<()> {
    /// use std::time::Duration;
    ///
    /// let (router, handle) = swill::App::new().readiness("/readyz").into_router_with_handle()?;
    /// // … until it is time to go:
    /// handle.announce();
    /// tokio::time::sleep(Duration::from_secs(15)).await;
    /// handle.shutdown();
    /// # let _ = router;
    /// # Ok(())
    /// # }
    /// ```
    pub fn announce(&self) {
        self.hub.leave();
    }

    /// Nothing new is accepted from now on, and connections end.
    pub(crate) fn end(&self) {
        self.reach(Stage::Ending);
        self.hub.drain();
    }

    /// Goes on to this stage, never back.
    fn reach(&self, stage: Stage) {
        self.stage.send_if_modified(|reached| {
            let further = *reached < stage;
            *reached = stage.max(*reached);
            further
        });
    }

    /// Waits until no connection is open.
    pub async fn all_closed(&self) {
        loop {
            let gone = self.hub.all_gone.notified();
            if self.hub.open() == 0 {
                return;
            }
            gone.await;
        }
    }
}

/// Says that the server will end, and lets it go on for as long as its notice. Whether it was told a second time
/// meanwhile.
pub(crate) async fn give_notice(shutdown: &ShutdownHandle) -> io::Result<bool> {
    shutdown.announce();
    if shutdown.notice.is_zero() {
        return Ok(false);
    }
    tracing::info!(notice = ?shutdown.notice, "told to end: not ready any more, but still serving");
    tokio::select! {
        () = sleep(shutdown.notice) => Ok(false),
        result = signals() => result.map(|()| true),
    }
}

/// Ready when the process is told to end.
pub(crate) async fn signals() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
