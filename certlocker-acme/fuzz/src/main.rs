//! Hands what libFuzzer makes up to the target that `FUZZ_TARGET` names.
#![no_main]

use std::sync::OnceLock;

use certlocker_acme_fuzz::{TARGETS, Target};

static TARGET: OnceLock<Target> = OnceLock::new();

fn chosen() -> Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    let Some((_, target)) = found else {
        panic!("FUZZ_TARGET is `{name}`, and names no target");
    };
    *target
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET.get_or_init(chosen)(data));
