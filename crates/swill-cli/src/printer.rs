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
    queue: mpsc::Sender<Piece>,
    /// Nothing if the result was asked for already.
    done: Option<oneshot::Receiver<io::Result<()>>>,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    /// Everything before it is to be out.
    Mark(oneshot::Sender<()>),
}

impl Printer {
    /// Writes to anything.
    pub(crate) fn to(writer: impl Write + Send + 'static) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let (report, done) = oneshot::channel();
        std::thread::spawn(move || {
            let result = write(writer, waiting);
            // Nobody listens once the command has given up.
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
        self.send(Piece::Bytes(piece)).await
    }

    /// Waits until everything so far has been written.
    ///
    /// # Errors
    ///
    /// Why it could not be.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let (mark, passed) = oneshot::channel();
        self.send(Piece::Mark(mark)).await?;
        match passed.await {
            Ok(()) => Ok(()),
            Err(_) => self.result().await,
        }
    }

    async fn send(&mut self, piece: Piece) -> io::Result<()> {
        match self.queue.send(piece).await {
            Ok(()) => Ok(()),
            Err(_) => self.result().await,
        }
    }

    async fn result(&mut self) -> io::Result<()> {
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        match self.done.take() {
            Some(done) => done.await.unwrap_or_else(|_| gone()),
            None => gone(),
        }
    }
}

fn write(mut writer: impl Write, mut waiting: mpsc::Receiver<Piece>) -> io::Result<()> {
    let mut marks = Vec::new();
    while let Some(first) = waiting.blocking_recv() {
        let mut next = Some(first);
        while let Some(piece) = next {
            match piece {
                Piece::Bytes(bytes) => writer.write_all(&bytes)?,
                Piece::Mark(mark) => marks.push(mark),
            }
            next = waiting.try_recv().ok();
        }
        writer.flush()?;
        for mark in marks.drain(..) {
            // Who asked may have stopped waiting.
            let _ = mark.send(());
        }
    }
    Ok(())
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
        printer.flush().await.unwrap();
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
        assert_eq!(printer.flush().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
