//! Random bytes of the system.

/// Fills `bytes`.
pub fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes)
        .expect("the system's random source was there when the process started");
}
