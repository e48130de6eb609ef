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
//! `conformance!(fresh, durable)` adds the cases that close the store and open it again. Each case
//! is a test of its own, so that a case that is new in a release reaches every store. The list of
//! the cases is not covered by semantic versioning.
//!
//! One case does random operations to the store and to the memory store, other ones in each run. If
//! it fails, it has printed the value of `CERTLOCKER_SEED` that repeats them.

mod fixture;
mod flaky;
mod fresh;

#[doc(hidden)]
pub mod basic;
#[doc(hidden)]
pub mod durable;
#[doc(hidden)]
pub mod faults;
#[doc(hidden)]
pub mod history;
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

/// Expands to one test for each case of the suite; see [the module](mod@crate::conformance).
#[macro_export]
macro_rules! conformance {
    ($fresh:path) => {
        $crate::__conformance_basic!(__conformance_tests $fresh);
        $crate::__conformance_records!(__conformance_tests $fresh);
        $crate::__conformance_history!(__conformance_tests $fresh);
        $crate::__conformance_transactional!(__conformance_tests $fresh);
        $crate::__conformance_tokens!(__conformance_tests $fresh);
        $crate::__conformance_leases!(__conformance_tests $fresh);
        $crate::__conformance_faults!(__conformance_tests $fresh);
        $crate::__conformance_multi_writer!(__conformance_tests $fresh);
        $crate::__conformance_model!(__conformance_tests $fresh);
    };
    ($fresh:path, durable) => {
        $crate::conformance!($fresh);
        $crate::__conformance_durable!(__conformance_tests $fresh);
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
        level!(__conformance_leases, "conformance/leases.rs");
        level!(__conformance_faults, "conformance/faults.rs");
        level!(__conformance_multi_writer, "conformance/multi_writer.rs");
        level!(__conformance_model, "conformance/model.rs");
        level!(__conformance_durable, "conformance/durable.rs");
    }
}
