//! What a connection is told to remember: an example of state that belongs to a connection.

use std::sync::{Mutex, PoisonError};
use swill::{FromContext, Handshake, Hook, Result, Value};

/// The list of a connection. Procedures borrow it as `notes: &Notes`.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<Value>>);

impl FromContext for Notes {}

impl Notes {
    pub(crate) fn add(&self, note: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Gives every connection a list of its own.
pub(crate) struct KeepNotes;

impl Hook for KeepNotes {
    /// It only looks at connections: their calls take the short way.
    fn sees_calls(&self) -> bool {
        false
    }

    async fn before_connection(&self, handshake: &mut Handshake) -> Result<()> {
        handshake.insert(Notes::default());
        Ok(())
    }
}

pub(crate) struct NoteServices;

#[swill::module]
impl NoteServices {
    /// Remembers a value.
    async fn note(&self, notes: &Notes, value: Value) {
        notes.add(value);
    }

    /// Everything that was noted on this connection.
    async fn notes(&self, notes: &Notes) -> Vec<Value> {
        notes.all()
    }
}
