//! Certificate requests, each with a key of its own.

use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use crate::Failure;

/// A request for one name with a fresh P-256 key, in DER.
///
/// # Errors
/// When the key or the request cannot be made.
pub fn fresh_request(name: &str) -> Result<Vec<u8>, Failure> {
    let made = |error: rcgen::Error| Failure::Unexpected(error.to_string());
    let key = KeyPair::generate().map_err(made)?;
    let mut params = CertificateParams::new([name.to_owned()]).map_err(made)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(made)?;
    Ok(request.der().to_vec())
}
