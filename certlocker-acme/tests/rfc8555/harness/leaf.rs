//! What stands in certificates and requests.

use std::time::Duration;

use certlocker_acme::{Clock, SystemClock};
use certlocker_core::Timestamp;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Reply;

/// A leaf certificate.
pub struct Leaf(Vec<u8>);

impl Leaf {
    pub fn parse(der: &[u8]) -> Self {
        Self(der.to_vec())
    }

    /// The first certificate of a download.
    pub fn first_of(chain: &Reply) -> Self {
        let (_, pem) = x509_parser::pem::parse_x509_pem(&chain.body).unwrap();
        Self(pem.contents)
    }

    pub fn der(&self) -> &[u8] {
        &self.0
    }

    fn read<T>(&self, look: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
        let (_, certificate) = X509Certificate::from_der(&self.0).unwrap();
        look(&certificate)
    }

    fn names<T: Ord>(&self, kind: impl Fn(&GeneralName<'_>) -> Option<T>) -> Vec<T> {
        let mut names: Vec<T> = self.read(|certificate| {
            let names = certificate.subject_alternative_name().unwrap().unwrap();
            names.value.general_names.iter().filter_map(&kind).collect()
        });
        names.sort();
        names
    }

    /// Its dNSNames, sorted.
    pub fn dns_names(&self) -> Vec<String> {
        self.names(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
    }

    /// The octets of its iPAddresses, sorted.
    pub fn addresses(&self) -> Vec<Vec<u8>> {
        self.names(|name| match name {
            GeneralName::IPAddress(octets) => Some(octets.to_vec()),
            _ => None,
        })
    }

    /// Its SubjectPublicKeyInfo.
    pub fn spki(&self) -> Vec<u8> {
        self.read(|certificate| certificate.public_key().raw.to_vec())
    }

    /// notBefore and notAfter, in seconds since 1970.
    pub fn validity(&self) -> [i64; 2] {
        self.read(|certificate| {
            let validity = certificate.validity();
            [
                validity.not_before.timestamp(),
                validity.not_after.timestamp(),
            ]
        })
    }

    pub fn signs_certificates(&self) -> bool {
        self.read(|certificate| {
            let usage = certificate.key_usage().unwrap();
            certificate.is_ca() || usage.is_some_and(|usage| usage.value.key_cert_sign())
        })
    }
}

/// The SubjectPublicKeyInfo of a certificate request.
pub fn spki_of_request(der: &[u8]) -> Vec<u8> {
    let (_, request) = X509CertificationRequest::from_der(der).unwrap();
    request.certification_request_info.subject_pki.raw.to_vec()
}

/// A moment to the second.
#[derive(Clone, Copy)]
pub struct Instant(Timestamp);

/// The moment that is `ahead` of now.
pub fn instant(ahead: Duration) -> Instant {
    Instant(SystemClock::default().now().after(ahead).whole_seconds())
}

impl Instant {
    pub fn text(self) -> String {
        self.0.to_rfc3339_seconds()
    }

    pub fn seconds(self) -> i64 {
        self.0.as_micros() / 1_000_000
    }
}
