//! Output that does not hold up what it is about.

use std::io::{self, Write};
use tokio::sync::{mpsc, oneshot};

/// How many pieces may wait to be written.
const WAITING: usize = 256;

/// Writes from a thread of its own: whoever reads slowly, such as a pager, blocks that thread, and the connection lives on.
///
/// What is written goes out when nothing more waits.
#[derive(Debug)]
pub(crate) struct Printer {
    queue: mpsc::Sender<Vec<u8>>,
    /// Nothing if the result was asked for already.
    done: Option<oneshot::Receiver<io::Result<()>>>,
}

impl Printer {
    /// Writes to anything.
    pub(crate) fn to(mut writer: impl Write + Send + 'static) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING);
        let (report, done) = oneshot::channel();
        std::thread::spawn(move || {
            let mut write = || {
                while let Some(piece) = waiting.blocking_recv() {
                    writer.write_all(&piece)?;
                    while let Ok(piece) = waiting.try_recv() {
                        writer.write_all(&piece)?;
                    }
                    writer.flush()?;
                }
                Ok(())
            };
            let result = write();
            // Writers see that the queue is closed, and ask why.
            drop(waiting);
            let _ = report.send(result);
        });
        Self { queue, done: Some(done) }
    }

    /// Writes a piece, as soon as there is room for it to wait.
    ///
    /// # Errors
    ///
    /// Why an earlier piece could not be written.
    pub(crate) async fn write(&mut self, piece: Vec<u8>) -> io::Result<()> {
        match self.queue.send(piece).await {
            Ok(()) => Ok(()),
            Err(_) => self.result().await,
        }
    }

    /// Waits until everything has been written.
    ///
    /// # Errors
    ///
    /// Why a piece could not be written.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        let (closed, _) = mpsc::channel(1);
        self.queue = closed;
        self.result().await
    }

    async fn result(&mut self) -> io::Result<()> {
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        match self.done.take() {
            Some(done) => done.await.unwrap_or_else(|_| gone()),
            None => gone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn everything_is_written_in_order() {
        let written = Shared::default();
        let mut printer = Printer::to(written.clone());
        for number in 0..1000 {
            printer.write(format!("{number}\n").into_bytes()).await.unwrap();
        }
        printer.finish().await.unwrap();
        let expected: String = (0..1000).map(|number| format!("{number}\n")).collect();
        assert_eq!(*written.0.lock().unwrap(), expected.as_bytes());
    }

    #[tokio::test]
    async fn who_writes_hears_that_the_reader_is_gone() {
        let mut printer = Printer::to(Gone);
        let failed = loop {
            if let Err(error) = printer.write(b"piece".to_vec()).await {
                break error;
            }
        };
        assert_eq!(failed.kind(), io::ErrorKind::BrokenPipe);
    }
}
