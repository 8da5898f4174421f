use super::write::{self, Answer};
use crate::{Format, Outgoing, swill1::keys::OwnKeys, weak};
use std::collections::HashMap;

/// What an answer that is held back costs besides its bytes: its place in a list that may be half empty, and what an
/// allocator adds. Without it, thousands of answers of a few bytes would cost much more than they count.
const EACH: usize = 64;

/// The answers of batches that are not complete: they go out as one message.
#[derive(Debug, Default)]
pub(super) struct Answers {
    batches: HashMap<u64, Batch, OwnKeys>,
    begun: u64,
    /// Of all batches, with [`EACH`] for each answer.
    bytes: usize,
}

/// Where in a batch an answer belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    batch: u64,
    at: u32,
}

#[derive(Debug, Default)]
struct Batch {
    /// In the order of the requests; empty where an answer is still to come.
    answers: Vec<Box<[u8]>>,
    waiting: usize,
    /// Of the answers that are there.
    bytes: usize,
}

impl Answers {
    /// Begins a batch. Its answers have to be announced, then it has to be [ended](Self::complete).
    pub(super) fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.batches.insert(self.begun, Batch::default());
        self.begun
    }

    /// Makes room for an answer.
    pub(super) fn announce(&mut self, batch: u64) -> Place {
        let at = self.batches.get_mut(&batch).map_or(0, |batch| {
            batch.answers.push(Box::default());
            batch.waiting += 1;
            batch.answers.len() - 1
        });
        Place { batch, at: at as u32 }
    }

    /// Puts an answer into its place.
    pub(super) fn put(&mut self, place: Place, answer: Box<[u8]>) {
        if let Some(batch) = self.batches.get_mut(&place.batch)
            && let Some(slot) = batch.answers.get_mut(place.at as usize)
            && slot.is_empty()
        {
            batch.waiting -= 1;
            batch.bytes += answer.len();
            self.bytes += answer.len() + EACH;
            *slot = answer;
        }
    }

    /// Sends the answers of a batch if all of them are there.
    pub(super) fn complete(&mut self, batch: u64, codec: Format, out: &mut dyn Outgoing) {
        if self.batches.get(&batch).is_some_and(|batch| batch.waiting == 0)
            && let Some(batch) = self.batches.remove(&batch)
        {
            self.bytes -= batch.bytes + batch.answers.len() * EACH;
            if !batch.answers.is_empty() {
                write::batch(out, codec, batch.answers.iter().map(|answer| &**answer), batch.bytes);
            }
        }
    }

    /// What is held back costs so many bytes.
    pub(super) fn bytes(&self) -> usize {
        if weak::is_off("held-batches") { 0 } else { self.bytes }
    }

    /// The same, with an answer more.
    pub(super) fn bytes_with(&self, codec: Format, answer: Answer, content: &[u8], id: &[u8]) -> usize {
        self.bytes().saturating_add(write::response_length(codec, answer, content, id) + EACH)
    }
}

impl Place {
    /// The batch it is in.
    pub(super) const fn batch(self) -> u64 {
        self.batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_no_less_than_it_costs() {
        // A list that grows doubles its places; an allocator rounds up to 16 bytes, and adds a word.
        let place = 2 * size_of::<Box<[u8]>>();
        let block = 15 + size_of::<usize>();
        assert!((place + block..=2 * (place + block)).contains(&EACH), "{place} and {block} bytes");
    }
}
