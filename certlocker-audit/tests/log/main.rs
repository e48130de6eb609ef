//! The log in files: read by a verifier of other hands, and whole after every crash.

mod crash;
mod foreign;
mod parsers;
mod proofs;
mod pump;
mod secrets;
mod sigstore;
mod support;
mod verify;
