//! What the system says about this process, under the names that Prometheus has for it. Nothing where it says nothing.

use prometheus_client::{encoding::DescriptorEncoder, metrics::MetricType};
use std::{fmt, fs};

/// Writes memory and descriptors.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for (name, help, value) in [
        ("process_resident_memory_bytes", "Resident memory", resident()),
        ("process_open_fds", "Open file descriptors", open_descriptors()),
        ("process_max_fds", "How many file descriptors may be open", most_descriptors()),
    ] {
        if let Some(value) = value {
            encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)?;
        }
    }
    Ok(())
}

fn resident() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Without the one with which they are counted.
fn open_descriptors() -> Option<i64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    i64::try_from(count.saturating_sub(1)).ok()
}

fn most_descriptors() -> Option<i64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_says_how_much_there_is() {
        assert!(resident().is_some_and(|bytes| bytes > 100 << 10));
        let before = open_descriptors().expect("descriptors are counted");
        assert!(before >= 3);
        assert!(most_descriptors().is_some_and(|most| most >= before));
    }
}
