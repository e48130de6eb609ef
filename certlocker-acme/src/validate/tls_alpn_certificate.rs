//! The certificate of a tls-alpn-01 answer ([RFC 8737 section 3]).
//!
//! [RFC 8737 section 3]: https://www.rfc-editor.org/rfc/rfc8737#section-3

use aws_lc_rs::digest::{SHA256, digest};
use certlocker_core::{Failure, FailureKind, Identifier};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::printable::printable;

/// id-pe-acmeIdentifier.
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const LONGEST_SHOWN: usize = 80;

/// Whether the certificate in `der` proves control of `identifier`: it names that and nothing else,
/// and carries the digest of the key authorization in a critical acmeIdentifier extension.
///
/// Its signature, issuer and dates prove nothing and are not looked at: the handshake has shown
/// that the server holds its key.
///
/// # Errors
///
/// What the certificate lacks, as the failure of the challenge.
pub fn judge_certificate(
    der: &[u8],
    identifier: &Identifier,
    key_authorization: &str,
) -> Result<(), Failure> {
    let certificate = CertificateInner::<Raw>::from_der(der)
        .map_err(|error| incorrect(format!("the server's certificate cannot be read: {error}")))?;
    let extensions = certificate.tbs_certificate().extensions();
    let extensions = extensions.map_or(&[][..], Vec::as_slice);
    judge_name(extensions, &identifier.without_wildcard())?;
    judge_digest(extensions, key_authorization)
}

/// The names in the certificate in `der`, in words, for the reader of an attempt.
pub(super) fn describe(der: &[u8]) -> String {
    let Ok(certificate) = CertificateInner::<Raw>::from_der(der) else {
        return printable(der, LONGEST_SHOWN);
    };
    let extensions = certificate.tbs_certificate().extensions();
    match names(extensions.map_or(&[][..], Vec::as_slice)) {
        Ok(names) => format!("certificate for {}", listed(&names)),
        Err(failure) => failure.detail,
    }
}

fn judge_name(extensions: &[Extension], identifier: &Identifier) -> Result<(), Failure> {
    let names = names(extensions)?;
    let right = match names.as_slice() {
        [name] => is_for(name, identifier),
        _ => false,
    };
    if !right {
        let detail = "the server's certificate must name the identifier and nothing else in its \
                      subjectAltName: the server answered with a certificate for something else";
        return Err(incorrect(detail).compared(identifier.to_string(), listed(&names)));
    }
    Ok(())
}

fn names(extensions: &[Extension]) -> Result<Vec<GeneralName>, Failure> {
    let extension = single(extensions, SUBJECT_ALT_NAME, "subjectAltName")?;
    let names = SubjectAltName::from_der(extension.extn_value.as_bytes());
    let names = names.map_err(|error| {
        incorrect(format!(
            "the subjectAltName of the server's certificate cannot be read: {error}"
        ))
    })?;
    Ok(names.0)
}

fn is_for(name: &GeneralName, identifier: &Identifier) -> bool {
    match (name, identifier) {
        (GeneralName::DnsName(name), Identifier::Dns(expected)) => {
            name.as_str().eq_ignore_ascii_case(expected.as_str())
        }
        (GeneralName::IpAddress(octets), Identifier::Ip(expected)) => match expected {
            std::net::IpAddr::V4(address) => octets.as_bytes() == address.octets(),
            std::net::IpAddr::V6(address) => octets.as_bytes() == address.octets(),
        },
        _ => false,
    }
}

fn judge_digest(extensions: &[Extension], key_authorization: &str) -> Result<(), Failure> {
    let extension = single(extensions, ACME_IDENTIFIER, "acmeIdentifier")?;
    if !extension.critical {
        return Err(incorrect(
            "the acmeIdentifier extension of the server's certificate must be critical and is not",
        ));
    }
    let expected = digest(&SHA256, key_authorization.as_bytes());
    let observed = OctetString::from_der(extension.extn_value.as_bytes()).map_err(|_| {
        let value = hex(extension.extn_value.as_bytes());
        incorrect("the acmeIdentifier of the server's certificate is not an OCTET STRING")
            .compared(format!("0420{}", hex(expected.as_ref())), value)
    })?;
    if observed.as_bytes() != expected.as_ref() {
        return Err(incorrect(
            "the acmeIdentifier of the server's certificate is not the digest of the key \
             authorization: the certificate was made for another challenge or another account",
        )
        .compared(hex(expected.as_ref()), hex(observed.as_bytes())));
    }
    Ok(())
}

fn single<'a>(
    extensions: &'a [Extension],
    id: ObjectIdentifier,
    name: &str,
) -> Result<&'a Extension, Failure> {
    let mut found = extensions
        .iter()
        .filter(|extension| extension.extn_id == id);
    match (found.next(), found.next()) {
        (Some(extension), None) => Ok(extension),
        (None, _) => Err(incorrect(format!(
            "the server's certificate has no {name} extension ({id})"
        ))),
        (Some(_), Some(_)) => Err(incorrect(format!(
            "the server's certificate has more than one {name} extension ({id})"
        ))),
    }
}

fn incorrect(detail: impl Into<String>) -> Failure {
    Failure::new(FailureKind::IncorrectResponse, detail)
}

const NAMES_SHOWN: usize = 4;

fn listed(names: &[GeneralName]) -> String {
    let shown: Vec<_> = names.iter().take(NAMES_SHOWN).map(described).collect();
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 if names.is_empty() => "nothing".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn described(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(name) => {
            format!("dns:{}", printable(name.as_str().as_bytes(), LONGEST_SHOWN))
        }
        GeneralName::IpAddress(octets) => match octets.as_bytes() {
            &[a, b, c, d] => format!("ip:{}", std::net::Ipv4Addr::new(a, b, c, d)),
            other => <[u8; 16]>::try_from(other).map_or_else(
                |_| format!("ip:{}", hex(other)),
                |octets| format!("ip:{}", std::net::Ipv6Addr::from(octets)),
            ),
        },
        other => other.to_der().map_or_else(
            |_| "another name".to_owned(),
            |der| format!("name {}", hex(&der)),
        ),
    }
}

/// Lower-case hexadecimal, cut short.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in bytes.iter().take(LONGEST_SHOWN / 2) {
        write!(text, "{byte:02x}").expect("a string takes every character");
    }
    if bytes.len() > LONGEST_SHOWN / 2 {
        text.push('…');
    }
    text
}
