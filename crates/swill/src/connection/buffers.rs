//! Buffers that belong to the thread and are borrowed for one poll, so that an idle connection has none.

use std::cell::RefCell;

/// How much one read takes.
pub(crate) const READ: usize = 72 << 10;

/// Buffers that a thread keeps. More than one is borrowed only where a connection has been put aside halfway.
const KEPT: usize = 4;

/// A write buffer that has grown larger than this is not kept.
const LARGEST_KEPT: usize = 256 << 10;

thread_local! {
    static READ_BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static WRITE_BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of [`READ`] initialised bytes.
pub(crate) fn take_read() -> Vec<u8> {
    READ_BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; READ])
}

/// Gives a buffer back that [`take_read`] made.
pub(crate) fn give_read(buffer: Vec<u8>) {
    READ_BUFFERS.with_borrow_mut(|buffers| {
        if buffers.len() < KEPT && buffer.len() == READ {
            buffers.push(buffer);
        }
    });
}

/// An empty buffer with some room.
pub(crate) fn take_write() -> Vec<u8> {
    WRITE_BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(4096))
}

/// Gives a buffer back.
pub(crate) fn give_write(mut buffer: Vec<u8>) {
    WRITE_BUFFERS.with_borrow_mut(|buffers| {
        if buffers.len() < KEPT && (1..=LARGEST_KEPT).contains(&buffer.capacity()) {
            buffer.clear();
            buffers.push(buffer);
        }
    });
}
