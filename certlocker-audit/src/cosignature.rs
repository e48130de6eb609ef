//! Cosignatures: a witness vouches that a checkpoint is consistent with all that it has seen.
//!
//! [c2sp.org/tlog-cosignature](https://c2sp.org/tlog-cosignature).

/// What a witness signs: the time in seconds, then the text of the checkpoint.
pub(crate) fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// The time and the Ed25519 signature in the bytes of a cosignature.
pub(crate) fn split(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = bytes.split_first_chunk()?;
    (signature.len() == 64).then(|| (u64::from_be_bytes(*time), signature))
}
