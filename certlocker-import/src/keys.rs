//! Private keys that people upload, and the key pairs of clouds that they belong to.

mod asn1;
mod fingerprint;
mod matching;
mod read;

pub use fingerprint::{CloudFingerprint, Form, InvalidFingerprint};
pub use matching::{KeyMatch, KeyPair, KeyQuestion, Proof, match_key};
pub use read::{KeyFile, KeyFileError, read_key};
