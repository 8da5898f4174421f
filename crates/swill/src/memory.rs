//! Memory that is free again goes back to the system.
//!
//! What is dropped goes back to the allocator, which need not give it back to the system. glibc's does so only where the
//! end of a heap is free: after a flood of large messages from many connections, a server that holds a few KiB could stay
//! at 300 MiB for as long as it runs. So the server asks for it, once it has become quiet: 300 MiB become 10.
//!
//! Nothing is asked while there is a lot to do, which would only want the memory again, and other allocators are left alone.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// It is quiet when nothing large has happened for so long.
const QUIET: Duration = Duration::from_secs(1);

/// So often it is waited for; then memory is given back all the same.
const PATIENCE: u32 = 60;

/// At most so much of the time of one thread goes into giving memory back: a large heap is walked through, and those who
/// allocate in it wait.
const SHARE: u32 = 100;

/// Whether memory may have become free, of which there was much.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    stirred: AtomicBool,
    woken: Notify,
}

impl Memory {
    /// Something large happens: a long message, a turn that takes long, a crowd that leaves.
    #[inline]
    pub(crate) fn stir(&self) {
        // Most often somebody has said so already: looking does not keep others from looking.
        if !self.stirred.load(Ordering::Relaxed) && !self.stirred.swap(true, Ordering::Relaxed) {
            self.woken.notify_one();
        }
    }

    /// Gives memory back whenever it has become quiet after something large. Never ends.
    pub(crate) async fn settle(&self) {
        self.settle_by(give_back).await;
    }

    async fn settle_by(&self, give_back: fn() -> bool) {
        loop {
            self.woken.notified().await;
            for _ in 0..PATIENCE {
                sleep(QUIET).await;
                if !self.stirred.swap(false, Ordering::Relaxed) {
                    break;
                }
            }
            let since = Instant::now();
            // A thread that cannot be had now is not missed: there will be another flood.
            let given = tokio::task::spawn_blocking(give_back).await.unwrap_or_default();
            let took = since.elapsed();
            tracing::debug!(given, ?took, "memory that is free was offered to the system");
            sleep(took.saturating_mul(SHARE)).await;
        }
    }
}

/// Asks the allocator to give back what is free; whether there was any.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "there is no other way to ask glibc")]
fn give_back() -> bool {
    // SAFETY: any thread may call it at any time (malloc_trim(3): MT-Safe); it takes a number and touches free memory only.
    unsafe { libc::malloc_trim(0) == 1 }
}

/// Other allocators do so by themselves, or cannot be asked.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, atomic::AtomicU32};

    static GIVEN: AtomicU32 = AtomicU32::new(0);

    fn count() -> bool {
        GIVEN.fetch_add(1, Ordering::SeqCst);
        true
    }

    #[tokio::test(start_paused = true)]
    async fn memory_goes_back_once_it_is_quiet() {
        let memory = Arc::new(Memory::default());
        let settling = tokio::spawn({
            let memory = Arc::clone(&memory);
            async move { memory.settle_by(count).await }
        });
        let after = async |quarters: u32| {
            sleep(QUIET * quarters / 4).await;
            GIVEN.swap(0, Ordering::SeqCst)
        };
        assert_eq!(after(4000).await, 0, "nothing has happened");
        for _ in 0..40 {
            memory.stir();
            assert_eq!(after(2).await, 0, "it is not quiet");
        }
        assert!(after(12).await > 0, "it is quiet");
        assert_eq!(after(4000).await, 0, "nothing has happened since");
        let mut given = 0;
        for _ in 0..3 * 4 * PATIENCE {
            memory.stir();
            given += after(1).await;
        }
        assert_eq!(given, 2, "it is never quiet, and yet memory goes back");
        settling.abort();
    }

    #[test]
    fn whoever_has_nothing_to_give_back_may_be_asked() {
        give_back();
        give_back();
    }
}
