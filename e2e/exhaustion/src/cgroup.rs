//! Control groups: how much of something a process may have. Version 1 or 2, whichever the machine has.

use crate::Result;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

const ROOT: &str = "/sys/fs/cgroup";

/// A control group of one controller. Removed when dropped; whatever runs in it has to have ended.
#[derive(Debug)]
pub struct Group {
    folder: PathBuf,
    version: u8,
}

impl Group {
    /// A new group of `memory` or `pids`.
    ///
    /// # Errors
    ///
    /// The machine has no such controller, or we may not use it: a reason to skip.
    pub fn new(controller: &str) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("swill-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (parent, version) = match Path::new(ROOT).join(controller) {
            first if first.is_dir() => (first, 1),
            _ => (PathBuf::from(ROOT), 2),
        };
        if version == 2 {
            let controllers = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
            if !controllers.split_whitespace().any(|it| it == controller) {
                return Err(format!("no control groups for {controller} on this machine").into());
            }
        }
        let folder = parent.join(name);
        fs::create_dir(&folder).map_err(|error| format!("no control group can be made: {error}"))?;
        Ok(Self { folder, version })
    }

    /// Bounds the memory of all in the group. Swap is no way out.
    ///
    /// # Errors
    ///
    /// The machine refuses.
    pub fn limit_memory(&self, bytes: u64) -> Result {
        match self.version {
            1 => {
                self.write("memory.limit_in_bytes", bytes)?;
                // Only where swap is counted.
                let _ = self.write("memory.memsw.limit_in_bytes", bytes);
            }
            _ => {
                self.write("memory.max", bytes)?;
                let _ = self.write("memory.swap.max", 0);
            }
        }
        Ok(())
    }

    /// Bounds the threads of all in the group.
    ///
    /// # Errors
    ///
    /// The machine refuses.
    pub fn limit_threads(&self, count: u64) -> Result {
        self.write("pids.max", count)
    }

    /// Takes a process in, with all its threads.
    ///
    /// # Errors
    ///
    /// There is no such process.
    pub fn take(&self, pid: u32) -> Result {
        self.write("cgroup.procs", pid.into())
    }

    /// The command line that runs a program in this group, from its first moment.
    pub fn enter(&self) -> String {
        format!("echo $$ > {}/cgroup.procs", self.folder.display())
    }

    /// The most memory that has been used, where the machine counts it.
    pub fn peak(&self) -> Option<u64> {
        let file = if self.version == 1 { "memory.max_usage_in_bytes" } else { "memory.peak" };
        fs::read_to_string(self.folder.join(file)).ok()?.trim().parse().ok()
    }

    /// How many processes were killed for want of memory.
    pub fn killed(&self) -> u64 {
        let file = if self.version == 1 { "memory.oom_control" } else { "memory.events" };
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        let killed = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        killed.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }

    fn write(&self, file: &str, value: u64) -> Result {
        let path = self.folder.join(file);
        fs::write(&path, value.to_string()).map_err(|error| format!("{}: {error}", path.display()).into())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The system takes a moment to notice that a process has ended.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
