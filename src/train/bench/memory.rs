//! The memory of this process.

/// Most bytes that this process had in memory so far. Linux says so in a file; the other systems ask for calls that
/// safe code cannot make.
pub(super) fn peak_process_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    // VmHWM:     1234 kB
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
