//! Memory that is free again goes back to the system.
//!
//! What is dropped goes back to the allocator, which need not give it back to the system. glibc's does so only where the
//! end of a heap is free: after a flood of large messages from many connections, a server that holds a few KiB could stay
//! at 300 MiB for as long as it runs. So the server asks for it, once it has become quiet: 300 MiB become 10.
//!
//! While there is a lot to do, it would only be wanted again: then it is asked for once a minute. Other allocators are left
//! alone.

use crate::thread::apart;
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::{sync::Notify, time::sleep};

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
        if cfg!(all(target_os = "linux", target_env = "gnu")) {
            self.settle_by(|| apart("swill-memory", timed_trim)).await;
        }
        // Others have nobody who could be asked.
        std::future::pending().await
    }

    /// The same by something that takes so long.
    async fn settle_by<T: Future<Output = io::Result<Duration>>>(&self, trim: impl Fn() -> T) {
        loop {
            while !self.stirred.load(Ordering::Relaxed) {
                self.woken.notified().await;
            }
            for _ in 0..PATIENCE {
                sleep(QUIET).await;
                if !self.stirred.swap(false, Ordering::Relaxed) {
                    break;
                }
            }
            match trim().await {
                Ok(took) => {
                    tracing::debug!(?took, "memory that is free was offered to the system");
                    sleep(took.saturating_mul(SHARE)).await;
                }
                Err(error) => tracing::debug!(%error, "memory that is free stays with the process"),
            }
        }
    }
}

/// Offers memory to the system; how long that took.
fn timed_trim() -> Duration {
    let since = Instant::now();
    trim();
    since.elapsed()
}

/// Asks the allocator to give back what is free.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "there is no other way to ask glibc")]
fn trim() {
    // SAFETY: any thread may call it at any time (malloc_trim(3): MT-Safe); it takes a number and touches free memory only.
    unsafe { libc::malloc_trim(0) };
}

/// There is nobody to ask.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::ready,
        sync::{Arc, atomic::AtomicU32},
    };
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn memory_goes_back_once_it_is_quiet() {
        const TAKES: Duration = Duration::from_millis(20);
        let (memory, trims) = (Arc::new(Memory::default()), Arc::new(AtomicU32::new(0)));
        let settling = tokio::spawn({
            let (memory, trims) = (Arc::clone(&memory), Arc::clone(&trims));
            async move {
                let trim = || match trims.fetch_add(1, Ordering::SeqCst) {
                    0 => Err(io::Error::other("there is no thread")),
                    _ => Ok(TAKES),
                };
                memory.settle_by(|| ready(trim())).await;
            }
        });
        let after = async |quarters: u32| {
            sleep(QUIET * quarters / 4).await;
            trims.swap(0, Ordering::SeqCst)
        };
        assert_eq!(after(4000).await, 0, "nothing has happened");
        for _ in 0..40 {
            memory.stir();
            assert_eq!(after(2).await, 0, "it is not quiet");
        }
        assert_eq!(after(12).await, 1, "it is quiet");
        assert_eq!(after(4000).await, 0, "nothing has happened since");
        let (mut given, since) = (0, Instant::now());
        while since.elapsed() < 3 * PATIENCE * QUIET {
            memory.stir();
            given += after(1).await;
        }
        assert_eq!(given, 2, "it is never quiet, and yet memory goes back");
        settling.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn giving_memory_back_takes_a_hundredth_of_the_time() {
        const TAKES: Duration = Duration::from_secs(6);
        let (memory, trims) = (Memory::default(), AtomicU32::new(0));
        let trim = || async {
            trims.fetch_add(1, Ordering::SeqCst);
            sleep(TAKES).await;
            Ok(TAKES)
        };
        let stirring = async {
            for _ in 0..1000 {
                memory.stir();
                sleep(TAKES).await;
            }
        };
        tokio::select! {
            () = memory.settle_by(trim) => {}
            () = stirring => {}
        }
        assert_eq!(trims.load(Ordering::SeqCst), 10, "every 600 s, and when it has become quiet");
    }

    #[tokio::test]
    async fn whoever_has_nothing_to_give_back_may_be_asked() {
        for _ in 0..2 {
            apart("test", timed_trim).await.expect("there are threads");
        }
    }
}
