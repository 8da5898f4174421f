//! What the system knows of the server's process: memory, descriptors, and how busy it is.

use crate::failure::{Context, Failure, Result};
use std::{fs, path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};

/// A process of this machine. Looked at, never changed.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    folder: PathBuf,
}

impl Process {
    /// # Errors
    ///
    /// There is no process of that number.
    pub(crate) fn new(id: u32) -> Result<Self> {
        let process = Self { folder: format!("/proc/{id}").into() };
        process.memory().context(format!("process {id}"))?;
        Ok(process)
    }

    /// Whether it is still there, and no zombie.
    pub(crate) fn runs(&self) -> bool {
        self.memory().is_ok()
    }

    /// Bytes that it has in memory (RSS).
    pub(crate) fn memory(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most that it had since [`forget_peak`](Self::forget_peak).
    pub(crate) fn peak(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Counts the peak from now on.
    pub(crate) fn forget_peak(&self) -> Result {
        fs::write(self.folder.join("clear_refs"), "5").context("clear_refs")
    }

    /// How many descriptors are open.
    pub(crate) fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(self.folder.join("fd"))?.count())
    }

    /// For how long its threads have run on a processor, those that have ended left out.
    pub(crate) fn busy(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(self.folder.join("task"))? {
            // A thread may end between the two.
            let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            nanoseconds += text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0_u64);
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// What part of one processor it uses, over a while.
    pub(crate) async fn load(&self, over: Duration) -> Result<f64> {
        let (busy, begin) = (self.busy()?, Instant::now());
        // It is measured, not waited for.
        sleep(over).await;
        Ok(self.busy()?.saturating_sub(busy).as_secs_f64() / begin.elapsed().as_secs_f64())
    }

    fn status(&self, name: &str) -> Result<u64> {
        let text = fs::read_to_string(self.folder.join("status"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes
            .map(|kilobytes| kilobytes << 10)
            .ok_or_else(|| Failure::from(format!("it has no {name} any more")))
    }
}

/// Looks at something until it is as it should be; tells what was seen last.
pub(crate) async fn becomes<T>(
    within: Duration,
    mut look: impl FnMut() -> Result<T>,
    good: impl Fn(&T) -> bool,
) -> Result<(T, bool)> {
    let until = Instant::now() + within;
    loop {
        let seen = look()?;
        let holds = good(&seen);
        if holds || Instant::now() > until {
            return Ok((seen, holds));
        }
        sleep(Duration::from_millis(20)).await;
    }
}
