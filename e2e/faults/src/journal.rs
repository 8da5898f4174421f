//! What has happened in a server, as lines of JSON in a file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

/// The file. Each line is handed to the system at once, so that it is not lost when the process is killed.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Mutex<File>>);

impl Journal {
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    /// Writes down that something has happened to whatever has this id.
    #[expect(clippy::print_stderr, reason = "a journal with holes would prove nothing")]
    pub(crate) fn write(&self, event: &str, id: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = serde_json::json!({ "at": now.as_secs_f64(), "event": event, "id": id });
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            eprintln!("faults-server: the journal cannot be written: {error}");
            std::process::exit(1);
        }
    }

    /// A call begins to be executed.
    pub(crate) fn begin(&self, id: impl Into<String>) -> Execution {
        let id = id.into();
        self.write("begun", &id);
        Execution { journal: self.clone(), id, ended: false }
    }
}

/// A call that is being executed.
pub(crate) struct Execution {
    journal: Journal,
    id: String,
    ended: bool,
}

impl Execution {
    /// It has come to its end.
    pub(crate) fn end(mut self) {
        self.ended = true;
        self.journal.write("ended", &self.id);
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if !self.ended {
            self.journal.write("dropped", &self.id);
        }
    }
}
