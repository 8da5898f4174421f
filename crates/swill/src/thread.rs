//! Threads for what blocks and nobody has called.
//!
//! tokio's threads for that are for procedures and files. Where the system gives no thread, tokio panics, which here would
//! be the end of the server.

use std::{
    io,
    thread::{Builder, JoinHandle},
};
use tokio::sync::oneshot;

/// Does something in a thread of its own.
///
/// # Errors
///
/// The system has no thread to give, or what was to be done has panicked.
pub(crate) async fn apart<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    // Whoever does not wait any more needs no result.
    let work = move || drop(done.send(work()));
    let _: JoinHandle<()> = Builder::new().name(name.to_owned()).spawn(work)?;
    result.await.map_err(|_| io::Error::other("it has panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_result_comes_back_and_a_panic_is_told() {
        let name = || std::thread::current().name().map(str::to_owned);
        assert_eq!(apart("calm", name).await.expect("there are threads").as_deref(), Some("calm"));
        let failed = apart("wild", move || assert!(name().is_none(), "it is on purpose")).await;
        assert_eq!(failed.expect_err("it has panicked").to_string(), "it has panicked");
    }
}
