//! Certificates for tls-alpn-01, right ones and wrong ones.

use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};

/// A certificate and its key, in DER.
#[derive(Clone, Debug)]
pub(crate) struct Certified {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

const ACME_IDENTIFIER: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 31];

/// The acmeIdentifier extension for a key authorization, critical as it has to be.
pub(crate) fn acme_identifier(key_authorization: &str) -> CustomExtension {
    CustomExtension::new_acme_identifier(&sha256(key_authorization))
}

/// The extension with `content` instead of an OCTET STRING of the digest.
pub(crate) fn acme_identifier_of(content: Vec<u8>) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(ACME_IDENTIFIER, content);
    extension.set_criticality(true);
    extension
}

/// The OCTET STRING of the digest, for building it into something wrong.
pub(crate) fn digest_octets(key_authorization: &str) -> Vec<u8> {
    [&[0x04, 0x20], sha256(key_authorization).as_slice()].concat()
}

fn sha256(text: &str) -> Vec<u8> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().to_vec()
}

/// A self-signed certificate for these names and with these extensions, and nothing else.
pub(crate) fn self_signed(names: &[&str], extensions: Vec<CustomExtension>) -> Certified {
    self_signed_by(&KeyPair::generate().unwrap(), names, extensions)
}

/// The same, by a key of the caller's choice.
pub(crate) fn self_signed_by(
    key: &KeyPair,
    names: &[&str],
    extensions: Vec<CustomExtension>,
) -> Certified {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.iter().map(|name| san(name)).collect();
    params.custom_extensions = extensions;
    Certified {
        certificate: params.self_signed(key).unwrap().der().to_vec(),
        key: key.serialize_der(),
    }
}

fn san(name: &str) -> SanType {
    match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}
