//! The log in files: read by a verifier of other hands, and whole after every crash.

mod crash;
mod faults;
mod foreign;
mod parsers;
mod proofs;
mod pump;
mod secrets;
mod sigstore;
#[path = "../../../certlocker-core/tests/faults/strace.rs"]
mod strace;
mod support;
mod verify;
