//! What the system says of a process: processor time and memory.

use std::fs;
use std::io;
use std::ops::Sub;
use std::time::Duration;

/// Processor time that a process has used, its own and the system's for it.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "what /proc/PID/stat has")]
pub struct Usage {
    /// In the system, for it.
    pub system: Duration,
    /// In its own code.
    pub user: Duration,
}

/// The unit of /proc/PID/stat is a hundredth of a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

impl Usage {
    /// Of this process until now.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in brackets may have blanks; `utime` and `stime` are the 12th and 13th after it.
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let mut fields = rest.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u32>().ok();
        let (Some(user), Some(system)) = (ticks(), ticks()) else {
            return Err(io::Error::other("/proc/PID/stat does not read"));
        };
        Ok(Self {
            system: TICK * system,
            user: TICK * user,
        })
    }

    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            system: self.system.saturating_sub(earlier.system),
            user: self.user.saturating_sub(earlier.user),
        }
    }
}

/// The most memory that a process has had, in KiB.
///
/// # Errors
/// When there is no such process.
pub fn peak_kib(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other("/proc/PID/status has no VmHWM"))
}
