//! The contract of storage as tests that any store can be held to.
//!
//! A store is held to it in one line of a test file, beside a function that makes an empty one:
//!
//! ```
//! fn fresh() -> certlocker_core::conformance::Fresh {
//!     certlocker_core::conformance::Fresh::new(certlocker_core::MemoryStore::default())
//! }
//!
//! certlocker_core::conformance!(fresh);
//! # fn main() {}
//! ```
//!
//! Each case is a test of its own, in a module that is called like its level, so that a case that is
//! new in a release reaches every store. The list of the cases is not covered by semantic versioning.
//!
//! | level | what it holds a store to |
//! |---|---|
//! | `basic` | rows are written, read, found, walked and counted |
//! | `records`, `history` | the ledger is numbered and found by subject, actor, kind and time |
//! | `transactional` | a changeset is guarded, and written whole or not at all |
//! | `leases` | claims, and commits under them |
//! | `multi_writer` | several threads at one store |
//! | `model` | random operations do what they do to the memory store |
//! | `faults`, `hostile` | writes that fail before they land or after, workers that die, a clock that goes back |
//! | `durable` | what is closed and opened again is the same |
//! | `crash` | so is what a process leaves that dies between any two writes |
//! | `disk_full` | a disk that is full at any write is answered with the truth |
//! | `cut` | so is a connection that ends at any statement |
//!
//! The last four need a harness that can do these things to a store: those that it can are named
//! after the function, as in `conformance!(fresh, durable, crash, disk_full, cut)`, and [`Fresh`]
//! is told how. The cases of the others are shown as ignored, with the reason, and never as passed.
//!
//! The case of `model` does other operations in each run. If it fails, it has printed the value of
//! `CERTLOCKER_SEED` that repeats them.

mod fixture;
mod flaky;
mod fresh;
mod outage;
mod story;

#[doc(hidden)]
pub mod basic;
#[doc(hidden)]
pub mod crash;
#[doc(hidden)]
pub mod cut;
#[doc(hidden)]
pub mod disk_full;
#[doc(hidden)]
pub mod durable;
#[doc(hidden)]
pub mod endpoints;
#[doc(hidden)]
pub mod faults;
#[doc(hidden)]
pub mod history;
#[doc(hidden)]
pub mod hostile;
#[doc(hidden)]
pub mod leases;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod multi_writer;
#[doc(hidden)]
pub mod records;
#[doc(hidden)]
pub mod tokens;
#[doc(hidden)]
pub mod transactional;

pub use flaky::{Fault, Flaky};
pub use fresh::{Fresh, Tested};
pub use outage::{Broken, Outage};

/// Expands to one test for each case of the suite; see [the module](mod@crate::conformance).
#[macro_export]
macro_rules! conformance {
    ($fresh:path $(, $can:ident)* $(,)?) => {
        $crate::__conformance_basic!(__conformance_tests $fresh);
        $crate::__conformance_records!(__conformance_tests $fresh);
        $crate::__conformance_history!(__conformance_tests $fresh);
        $crate::__conformance_transactional!(__conformance_tests $fresh);
        $crate::__conformance_tokens!(__conformance_tests $fresh);
        $crate::__conformance_endpoints!(__conformance_tests $fresh);
        $crate::__conformance_leases!(__conformance_tests $fresh);
        $crate::__conformance_faults!(__conformance_tests $fresh);
        $crate::__conformance_hostile!(__conformance_tests $fresh);
        $crate::__conformance_multi_writer!(__conformance_tests $fresh);
        $crate::__conformance_model!(__conformance_tests $fresh);
        $crate::__conformance_able! {
            $fresh: $($can)*;
            __conformance_ignored __conformance_ignored __conformance_ignored __conformance_ignored
        }
    };
}

/// What the harness is able to do: a place for each of the four, in this order.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_able {
    ($fresh:path: durable $($can:ident)*; $durable:ident $crash:ident $full:ident $cut:ident) => {
        $crate::__conformance_able!($fresh: $($can)*; __conformance_tests $crash $full $cut);
    };
    ($fresh:path: crash $($can:ident)*; $durable:ident $crash:ident $full:ident $cut:ident) => {
        $crate::__conformance_able!($fresh: $($can)*; $durable __conformance_tests $full $cut);
    };
    ($fresh:path: disk_full $($can:ident)*; $durable:ident $crash:ident $full:ident $cut:ident) => {
        $crate::__conformance_able!($fresh: $($can)*; $durable $crash __conformance_tests $cut);
    };
    ($fresh:path: cut $($can:ident)*; $durable:ident $crash:ident $full:ident $cut:ident) => {
        $crate::__conformance_able!($fresh: $($can)*; $durable $crash $full __conformance_tests);
    };
    ($fresh:path:; $durable:ident $crash:ident $full:ident $cut:ident) => {
        $crate::__conformance_durable!($durable $fresh);
        $crate::__conformance_crash!($crash $fresh);
        $crate::__conformance_disk_full!($full $fresh);
        $crate::__conformance_cut!($cut $fresh);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($level:ident $fresh:path: $($case:ident,)*) => {
        mod $level {
            #[allow(unused_imports, reason = "the path may start anywhere")]
            use super::*;
            $(
                #[test]
                fn $case() {
                    let mut fresh = $fresh();
                    if !fresh.is_left_out() {
                        $crate::conformance::$level::$case(&mut fresh);
                    }
                }
            )*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_ignored {
    ($level:ident $fresh:path: $($case:ident,)*) => {
        mod $level {
            #[allow(unused_imports, reason = "the path may start anywhere")]
            use super::*;
            $(
                #[test]
                #[ignore = "not applicable: the harness does not say that it can do this to the store"]
                fn $case() {
                    $crate::conformance::$level::$case(&mut $fresh());
                }
            )*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_names {
    ($level:ident: $($case:ident,)*) => { &[$(stringify!($case)),*] };
}

#[cfg(test)]
mod tests {
    fn written(source: &str) -> Vec<&str> {
        let functions = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub fn "));
        let names = functions.filter_map(|line| line.split('(').next());
        names.collect()
    }

    #[test]
    fn every_case_that_is_written_is_listed() {
        macro_rules! level {
            ($list:ident, $file:literal) => {
                let listed: &[&str] = crate::$list!(__conformance_names);
                assert_eq!(listed, written(include_str!($file)));
            };
        }
        level!(__conformance_basic, "conformance/basic.rs");
        level!(__conformance_records, "conformance/records.rs");
        level!(__conformance_history, "conformance/history.rs");
        level!(__conformance_transactional, "conformance/transactional.rs");
        level!(__conformance_tokens, "conformance/tokens.rs");
        level!(__conformance_endpoints, "conformance/endpoints.rs");
        level!(__conformance_leases, "conformance/leases.rs");
        level!(__conformance_faults, "conformance/faults.rs");
        level!(__conformance_hostile, "conformance/hostile.rs");
        level!(__conformance_crash, "conformance/crash.rs");
        level!(__conformance_disk_full, "conformance/disk_full.rs");
        level!(__conformance_cut, "conformance/cut.rs");
        level!(__conformance_multi_writer, "conformance/multi_writer.rs");
        level!(__conformance_model, "conformance/model.rs");
        level!(__conformance_durable, "conformance/durable.rs");
    }
}
