//! Read buffers that belong to the thread and are borrowed for one read, so that an idle connection has none.

use std::cell::Cell;

/// How much one read takes.
const READ: usize = 64 << 10;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer of initialised bytes.
pub(super) fn take() -> Vec<u8> {
    let buffer = SPARE.try_with(Cell::take).unwrap_or_default();
    if buffer.is_empty() { vec![0; READ] } else { buffer }
}

/// Gives a buffer back.
pub(super) fn give(buffer: Vec<u8>) {
    if buffer.len() == READ {
        // The thread may be ending.
        let _ = SPARE.try_with(|spare| spare.set(buffer));
    }
}
