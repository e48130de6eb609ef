//! A process that writes to a SQLite database while its system calls fail, or that is killed at one.

#[path = "../postgres/nouns.rs"]
#[allow(dead_code, reason = "shared by test programs that each use a part")]
mod nouns;
mod sqlite;
mod strace;
