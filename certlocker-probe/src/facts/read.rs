//! A certificate read with x509-parser, which forgives what verification does not.

use std::net::IpAddr;

use certlocker_core::{Identifier, Serial, Timestamp};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::{Facts, Key, SignatureHash, Unreadable};
use crate::{Fingerprint, excerpt};

const MUST_STAPLE: &str = "1.3.6.1.5.5.7.1.24";
const OCSP: &str = "1.3.6.1.5.5.7.48.1";

impl Facts {
    /// Reads a certificate of any version. An extension that cannot be read is left out.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(der: &[u8]) -> Result<Self, Unreadable> {
        let (rest, certificate) = X509Certificate::from_der(der)
            .map_err(|error| Unreadable(excerpt::text(&error.to_string())))?;
        if !rest.is_empty() {
            return Err(Unreadable(format!("{} octets follow it", rest.len())));
        }
        let mut facts = Self::without_extensions(der, &certificate);
        for extension in certificate.extensions() {
            facts.read_extension(extension.parsed_extension());
            if extension.oid.to_id_string() == MUST_STAPLE {
                facts.must_staple = asks_for_staple(extension.value);
            }
        }
        Ok(facts)
    }

    fn without_extensions(der: &[u8], certificate: &X509Certificate<'_>) -> Self {
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        let common_names = subject
            .iter_common_name()
            .filter_map(|name| name.as_str().ok())
            .map(excerpt::text);
        Self {
            common_names: common_names.collect(),
            embedded_timestamps: 0,
            is_authority: false,
            issuer: excerpt::text(&issuer.to_string()),
            issuer_der: issuer.as_raw().to_vec(),
            key: Key::read(certificate.public_key()),
            key_sha256: Fingerprint::of(certificate.public_key().raw),
            must_staple: false,
            names: Vec::new(),
            not_after: Timestamp::from_seconds(certificate.validity().not_after.timestamp()),
            not_before: Timestamp::from_seconds(certificate.validity().not_before.timestamp()),
            ocsp_urls: Vec::new(),
            revocation_lists: Vec::new(),
            serial: Serial::from_octets(certificate.raw_serial()),
            sha256: Fingerprint::of(der),
            signature_hash: SignatureHash::read(&certificate.signature_algorithm),
            subject: excerpt::text(&subject.to_string()),
            subject_der: subject.as_raw().to_vec(),
            unusable_names: Vec::new(),
            version: certificate.version().0.saturating_add(1),
        }
    }

    fn read_extension(&mut self, extension: &ParsedExtension<'_>) {
        match extension {
            ParsedExtension::AuthorityInfoAccess(access) => {
                let ocsp = access
                    .accessdescs
                    .iter()
                    .filter(|at| at.access_method.to_id_string() == OCSP);
                self.ocsp_urls
                    .extend(ocsp.filter_map(|at| url(&at.access_location)));
            }
            ParsedExtension::BasicConstraints(constraints) => self.is_authority = constraints.ca,
            ParsedExtension::CRLDistributionPoints(points) => {
                for point in &points.points {
                    if let Some(DistributionPointName::FullName(names)) = &point.distribution_point
                    {
                        self.revocation_lists.extend(names.iter().filter_map(url));
                    }
                }
            }
            ParsedExtension::SCT(timestamps) => self.embedded_timestamps = timestamps.len(),
            ParsedExtension::SubjectAlternativeName(names) => {
                names
                    .general_names
                    .iter()
                    .for_each(|name| self.read_name(name));
            }
            _ => {}
        }
    }

    fn read_name(&mut self, name: &GeneralName<'_>) {
        let read = match name {
            GeneralName::DNSName(name) => Identifier::dns(name).map_err(|error| error.to_string()),
            GeneralName::IPAddress(octets) => address(octets).map(Identifier::Ip),
            _ => return,
        };
        match read {
            Ok(identifier) => self.names.push(identifier),
            Err(fault) => self.unusable_names.push(excerpt::text(&fault)),
        }
    }
}

fn address(octets: &[u8]) -> Result<IpAddr, String> {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return Ok(IpAddr::from(four));
    }
    let sixteen = <[u8; 16]>::try_from(octets);
    sixteen
        .map(IpAddr::from)
        .map_err(|_| format!("an IP address of {} octets", octets.len()))
}

fn url(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(url) => Some(excerpt::text(url)),
        _ => None,
    }
}

/// The TLS feature `status_request`, 5, is in this SEQUENCE OF INTEGER (RFC 7633 section 4).
fn asks_for_staple(mut features: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = features else {
        return false;
    };
    if usize::from(*length) != rest.len() {
        return false;
    }
    features = rest;
    while let [0x02, length, rest @ ..] = features {
        let Some((value, next)) = rest.split_at_checked(usize::from(*length)) else {
            return false;
        };
        if value == [5] {
            return true;
        }
        features = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Authority, Leaf};

    #[test]
    fn a_certificate_is_read_with_its_names_and_times() {
        let leaf =
            Authority::root("root").issue(&Leaf::named(&["a.example", "192.0.2.1", "2001:db8::1"]));
        let facts = Facts::read(&leaf.der.0).unwrap();
        let names: Vec<String> = facts.names.iter().map(Identifier::value).collect();
        assert_eq!(names, ["a.example", "192.0.2.1", "2001:db8::1"]);
        assert_eq!(facts.key, Key::Ec { bits: 256 });
        assert_eq!(facts.signature_hash, SignatureHash::Strong);
        assert_eq!(facts.version, 3);
        assert!(!facts.is_authority && !facts.is_self_issued());
        assert!(facts.not_before < facts.not_after);
    }

    #[test]
    fn octets_that_are_no_certificate_are_said_to_be_none() {
        let leaf = Authority::root("root").issue(&Leaf::named(&["a.example"]));
        let longer = [&leaf.der.0[..], &[0]].concat();
        for bad in [
            &[][..],
            &[0x30],
            b"certificate",
            &leaf.der.0[..100],
            &longer,
        ] {
            assert!(Facts::read(bad).is_err());
        }
    }

    #[test]
    fn must_staple_is_the_feature_five() {
        for (features, asks) in [
            (&[0x30, 3, 2, 1, 5][..], true),
            (&[0x30, 6, 2, 1, 17, 2, 1, 5], true),
            (&[0x30, 3, 2, 1, 17], false),
            (&[0x30, 3, 2, 9, 5], false),
            (&[0x30, 9, 2, 1, 5], false),
            (&[], false),
        ] {
            assert_eq!(asks_for_staple(features), asks, "{features:?}");
        }
    }
}
