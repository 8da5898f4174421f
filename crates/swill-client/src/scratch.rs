use serde::Serialize;
use std::{cell::Cell, ops::Deref};
use swill_proto::{Format, Payload, Result};

/// A buffer that has grown larger than this is not kept.
const LARGEST_KEPT: usize = 64 << 10;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A written value in a buffer that the thread lends.
#[derive(Debug)]
pub(crate) struct Scratch(Vec<u8>);

impl Scratch {
    pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let mut scratch = Self(SPARE.try_with(Cell::take).unwrap_or_default());
        scratch.0.clear();
        Payload::encode_into(Format::MessagePack, value, &mut scratch.0)?;
        Ok(scratch)
    }
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.0.capacity() <= LARGEST_KEPT {
            let buffer = std::mem::take(&mut self.0);
            // The thread may be ending.
            let _ = SPARE.try_with(|spare| spare.set(buffer));
        }
    }
}
