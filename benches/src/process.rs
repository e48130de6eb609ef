//! What the system says of a process: processor time and memory.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::ops::{Add, Sub};
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
        Ok(Stat::read(pid)?.own)
    }

    /// Of this process and all below it, those that have ended included.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of_tree(pid: u32) -> io::Result<Self> {
        let mut total = Stat::read(pid)?.with_ended();
        let mut below: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.parse().ok());
            // A process may have ended since the folder was read.
            let read = number.and_then(|pid| Some((pid, Stat::read(pid).ok()?)));
            if let Some((pid, stat)) = read {
                below.entry(stat.parent).or_default().push(pid);
            }
        }
        let mut open = below.remove(&pid).unwrap_or_default();
        while let Some(pid) = open.pop() {
            if let Ok(stat) = Stat::read(pid) {
                total = total + stat.with_ended();
            }
            open.extend(below.remove(&pid).unwrap_or_default());
        }
        Ok(total)
    }

    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }
}

/// What is needed of /proc/PID/stat.
struct Stat {
    /// Of those below it that have ended and were waited for.
    ended: Usage,
    own: Usage,
    parent: u32,
}

impl Stat {
    fn read(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in brackets may have blanks. The parent is the second field after it; from the
        // 12th on there are `utime`, `stime`, `cutime` and `cstime`.
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<u32>().ok();
        let usage = |place: usize| {
            Some(Usage {
                user: TICK * number(place)?,
                system: TICK * number(place + 1)?,
            })
        };
        let read = || {
            Some(Self {
                ended: usage(13)?,
                own: usage(11)?,
                parent: number(1)?,
            })
        };
        read().ok_or_else(|| io::Error::other("/proc/PID/stat does not read"))
    }

    fn with_ended(&self) -> Usage {
        self.own + self.ended
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            system: self.system + other.system,
            user: self.user + other.user,
        }
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
