//! What a certificate says of itself.

use certlocker_core::{Description, Identifier, Serial, Timestamp};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::{names, sha256_hex};

/// A certificate that was read; its signature was not verified.
#[derive(Debug)]
pub struct Leaf {
    description: Description,
    spki: Vec<u8>,
}

/// A text that is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an X.509 certificate: {0}")]
pub struct InvalidCertificate(String);

/// The subject of an authority's certificate, octet for octet, and its key identifier.
#[cfg(feature = "local-ca")]
pub(crate) fn subject_and_key_id(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    use x509_parser::extensions::ParsedExtension;
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let key_id = certificate.extensions().iter().find_map(|extension| {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(key_id) => Some(key_id.0.to_vec()),
            _ => None,
        }
    })?;
    Some((certificate.subject().as_raw().to_vec(), key_id))
}

impl Leaf {
    /// Reads a certificate, from whichever authority; names of kinds that are not known here are
    /// left out.
    ///
    /// # Errors
    /// [`InvalidCertificate`].
    pub fn parse(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let invalid = |why: String| InvalidCertificate(why);
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|error| invalid(error.to_string()))?;
        if !rest.is_empty() {
            return Err(invalid(format!("{} octets follow it", rest.len())));
        }
        let names = certificate
            .subject_alternative_name()
            .map_err(|error| invalid(error.to_string()))?;
        let names = names
            .map(|san| san.value.general_names.as_slice())
            .unwrap_or_default();
        let identifiers: Vec<Identifier> = names
            .iter()
            .filter_map(|name| names::identifier(name).ok())
            .collect();
        let spki = certificate.public_key().raw.to_vec();
        let validity = certificate.validity();
        let description = Description {
            identifiers,
            key_sha256: sha256_hex(&spki),
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
            serial: Serial::from_octets(certificate.raw_serial()),
            sha256: sha256_hex(der),
        };
        Ok(Self { description, spki })
    }

    /// What it says.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Its SubjectPublicKeyInfo, octet for octet.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}
