//! Ctrl-C.

use crate::{Error, Result};
use std::future::Future;

/// Waits for `work`, or until the user presses Ctrl-C; then `work` is dropped, which cancels the calls in it.
///
/// # Errors
///
/// What the work fails with, and [`Error::interrupted`].
pub(crate) async fn or_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        () = interrupted() => Err(Error::interrupted()),
    }
}

/// Waits until the user presses Ctrl-C.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Then the signal ends the process, as it does without this.
        std::future::pending::<()>().await;
    }
}
