use super::{
    frame::{Captured, Entry, Frame},
    text,
};
use crate::json;
use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::SystemTime,
};
use tokio::sync::oneshot;

/// How many bytes of lines may wait to be written.
const WAITING: usize = 32 << 20;

/// What is shown, and how.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub(super) json: bool,
    pub(super) hex: bool,
    pub(super) full: bool,
    /// Procedures and modules; all if there are none.
    pub(super) filter: Vec<String>,
}

/// Shows entries, from a thread of its own: whoever shows something never waits.
///
/// Lines that have no room to wait are left out, and are counted in a line of their own.
#[derive(Debug)]
pub(super) struct Display {
    look: Look,
    begun: SystemTime,
    queue: mpsc::Sender<Vec<u8>>,
    /// How many bytes may wait, and how many do.
    room: usize,
    waiting: Arc<AtomicUsize>,
    missed: AtomicU64,
}

impl Display {
    /// Begins to write; the receiver hears when the last line has been written, or why no more can be.
    pub(super) fn start(
        look: Look,
        writer: impl Write + Send + 'static,
    ) -> (Self, oneshot::Receiver<io::Result<()>>) {
        Self::with_room(look, writer, WAITING)
    }

    fn with_room(
        look: Look,
        mut writer: impl Write + Send + 'static,
        room: usize,
    ) -> (Self, oneshot::Receiver<io::Result<()>>) {
        let (queue, lines) = mpsc::channel::<Vec<u8>>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let written = Arc::clone(&waiting);
        let (report, done) = oneshot::channel();
        std::thread::spawn(move || {
            let mut write = || {
                while let Ok(first) = lines.recv() {
                    for line in std::iter::once(first).chain(lines.try_iter()) {
                        writer.write_all(&line)?;
                        written.fetch_sub(line.len(), Ordering::Relaxed);
                    }
                    writer.flush()?;
                }
                Ok(())
            };
            // Nobody listens once the command has given up.
            let _ = report.send(write());
        });
        (Self { look, begun: SystemTime::now(), queue, room, waiting, missed: AtomicU64::new(0) }, done)
    }

    /// Shows an entry, if it is wanted.
    pub(super) fn show(&self, entry: &Entry<'_>) {
        if !self.wants(&entry.frame) {
            return;
        }
        let line = self.line(entry);
        let size = line.len();
        if self.waiting.fetch_add(size, Ordering::Relaxed) + size > self.room {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            self.missed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let missed = self.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            self.count(missed);
        }
        // The thread has told why it does not write any more.
        let _ = self.queue.send(line);
    }

    fn count(&self, missed: u64) {
        let note = format!("{missed} lines had no room; what shows them is too slow");
        let line = self.line(&Entry::of_tap(Frame::new("missed").note(note)));
        self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        let _ = self.queue.send(line);
    }

    fn line(&self, entry: &Entry<'_>) -> Vec<u8> {
        if !self.look.json {
            let after = entry.at.duration_since(self.begun).unwrap_or_default();
            return text::line(entry, after, self.look.hex, self.look.full).into_bytes();
        }
        let json = serde_json::to_string(&Captured(entry, self.look.hex)).unwrap_or_default();
        let mut line = json::harmless(json).into_bytes();
        line.push(b'\n');
        line
    }

    /// Whether a frame passes the filter. What belongs to no call is about the connection, and always does, but for pings.
    fn wants(&self, frame: &Frame) -> bool {
        if self.look.filter.is_empty() {
            return true;
        }
        let Some(name) = &frame.procedure else {
            return frame.call.is_none() && !matches!(frame.kind, "ping" | "pong" | "text" | "binary");
        };
        self.look.filter.iter().any(|wanted| {
            name.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let missed = *self.missed.get_mut();
        if missed > 0 {
            self.count(missed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use swill_proto::Value;

    /// A writer that waits until it is let.
    struct Slow(mpsc::Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Nobody holds it up any more.
            let _ = self.0.recv();
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_reader_misses_lines_and_is_told_how_many() {
        let (let_go, held) = mpsc::channel();
        let written = Arc::default();
        let look = Look { json: true, ..Look::default() };
        let (display, done) = Display::with_room(look, Slow(held, Arc::clone(&written)), 10_000);
        let payload = Value::Text("x".repeat(900));
        let entry = Entry::of_tap(Frame::new("text").payload(payload));
        for _ in 0..100 {
            display.show(&entry);
        }
        assert!(display.waiting.load(Ordering::Relaxed) <= 10_000);
        drop(let_go);
        drop(display);
        done.blocking_recv().unwrap().unwrap();
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> =
            written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (last, shown) = lines.split_last().unwrap();
        assert!(shown.len() < 12 && shown.iter().all(|line| line["kind"] == "text"));
        let missed = format!("{} lines had no room; what shows them is too slow", 100 - shown.len());
        assert_eq!((&last["kind"], &last["note"]), (&"missed".into(), &missed.into()));
    }

    #[test]
    fn filters_let_procedures_and_modules_through() {
        let look = Look { filter: vec!["shop".into(), "add".into()], ..Look::default() };
        let (display, _) = Display::start(look, io::sink());
        let of = |name: &str| Frame::new("call").procedure(name.to_owned());
        for (frame, expected) in [
            (of("add"), true),
            (of("shop.order"), true),
            (of("shopping"), false),
            (of("addition"), false),
            (Frame::new("close"), true),
            (Frame::new("ping"), false),
            (Frame::new("answer").call(Value::Int(1)), false),
        ] {
            assert_eq!(display.wants(&frame), expected, "{frame:?}");
        }
    }
}
