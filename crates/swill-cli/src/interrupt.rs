//! Ctrl-C, for commands that have something to end well. Others are ended by the signal itself.

use crate::{Error, Result};
use std::{future::Future, io};
use tokio::sync::watch;

/// Counts how often the user presses Ctrl-C, from when it is made.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts {
    count: watch::Receiver<usize>,
    seen: usize,
}

impl Interrupts {
    /// Begins to count; from now on, Ctrl-C ends nothing by itself. Has to be called within a runtime.
    ///
    /// # Errors
    ///
    /// The system does not let it.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut signals = signals()?;
        let (sender, count) = watch::channel(0);
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Self { count, seen: 0 })
    }

    /// Waits for the next one. Safe to drop halfway: none is missed.
    pub(crate) async fn next(&mut self) {
        let seen = self.seen;
        match self.count.wait_for(|count| *count > seen).await {
            Ok(count) => self.seen = *count,
            // The runtime is about to end.
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits for `work`, or for the next Ctrl-C; then `work` is dropped, which cancels the calls in it.
    ///
    /// # Errors
    ///
    /// What the work fails with, and [`Error::interrupted`].
    pub(crate) async fn or<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            result = work => result,
            () = self.next() => Err(Error::interrupted()),
        }
    }
}

#[cfg(unix)]
fn signals() -> io::Result<tokio::signal::unix::Signal> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
}

#[cfg(windows)]
fn signals() -> io::Result<tokio::signal::windows::CtrlC> {
    tokio::signal::windows::ctrl_c()
}
