//! Certificate requests and certificates, read and written.

mod csr;
#[cfg(feature = "local-ca")]
mod encode;
mod key;
mod leaf;
mod names;
#[cfg(feature = "local-ca")]
mod profile;

use aws_lc_rs::digest;

pub use csr::{Csr, CsrRefusal};
#[cfg(feature = "local-ca")]
pub(crate) use leaf::subject_and_key_id;
pub use leaf::{InvalidCertificate, Leaf};
#[cfg(feature = "local-ca")]
pub(crate) use profile::{
    Authority, LeafKeyUsage, LeafProfile, authority_certificate, leaf_certificate, p256_spki,
    revocation_list,
};

/// SHA-256, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
