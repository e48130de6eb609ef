//! The few forms of DER that certificates and revocation lists are made of.

use std::net::IpAddr;

use certlocker_core::{Identifier, Timestamp};

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const TRUE: &[u8] = &[0x01, 0x01, 0xff];

/// A context-specific tag around other elements.
pub(super) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// A context-specific tag in place of a primitive's own.
pub(super) const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// One element: tag, length, content.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match length {
        0..=0x7f => out.push(length as u8),
        _ => {
            let octets = length.to_be_bytes();
            let zeros = octets.iter().take_while(|octet| **octet == 0).count();
            out.push(0x80 | (octets.len() - zeros) as u8);
            out.extend_from_slice(&octets[zeros..]);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// A positive integer from its octets.
pub(super) fn integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    match &octets[zeros..] {
        [] => element(INTEGER, &[&[0]]),
        rest @ [first, ..] if *first >= 0x80 => element(INTEGER, &[&[0], rest]),
        rest => element(INTEGER, &[rest]),
    }
}

/// An object identifier from its content octets.
pub(super) fn oid(content: &[u8]) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, &[content])
}

pub(super) fn bit_string(octets: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], octets])
}

/// RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime after.
pub(super) fn time(at: Timestamp) -> Vec<u8> {
    let digits: String = at
        .to_rfc3339_seconds()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    if digits.as_str() < "2050" {
        return element(UTC_TIME, &[&digits.as_bytes()[2..], b"Z"]);
    }
    element(GENERALIZED_TIME, &[digits.as_bytes(), b"Z"])
}

/// A Name of one attribute for each given, in this order.
pub(super) fn name(attributes: &[(&[u8], &str)]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(kind, value)| {
            let attribute = sequence(&[&oid(kind), &element(UTF8_STRING, &[value.as_bytes()])]);
            element(SET, &[&attribute])
        })
        .collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    sequence(&parts)
}

pub(super) fn general_name(identifier: &Identifier) -> Vec<u8> {
    match identifier {
        Identifier::Dns(name) => element(implicit(2), &[name.as_str().as_bytes()]),
        Identifier::Ip(IpAddr::V4(address)) => element(implicit(7), &[&address.octets()]),
        Identifier::Ip(IpAddr::V6(address)) => element(implicit(7), &[&address.octets()]),
    }
}

/// An extension whose value is `value`.
pub(super) fn extension(kind: &[u8], critical: Critical, value: &[u8]) -> Vec<u8> {
    let value = element(OCTET_STRING, &[value]);
    match critical {
        Critical::Yes => sequence(&[&oid(kind), TRUE, &value]),
        Critical::No => sequence(&[&oid(kind), &value]),
    }
}

/// Whether whoever does not know an extension has to reject the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Critical {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_many_octets_as_they_need() {
        for (length, head) in [
            (0, &[0x04, 0x00][..]),
            (127, &[0x04, 0x7f]),
            (128, &[0x04, 0x81, 0x80]),
            (256, &[0x04, 0x82, 1, 0]),
        ] {
            assert!(
                element(OCTET_STRING, &[&vec![0; length]]).starts_with(head),
                "{length}"
            );
        }
    }

    #[test]
    fn integers_are_positive_and_minimal() {
        assert_eq!(integer(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[]), [2, 1, 0]);
    }

    #[test]
    fn the_form_of_a_time_changes_with_the_year_2050() {
        let before = Timestamp::parse("2049-12-31T23:59:59Z").unwrap();
        assert_eq!(time(before), b"\x17\x0d491231235959Z");
        assert_eq!(
            time(before.after(std::time::Duration::from_secs(1))),
            b"\x18\x0f20500101000000Z"
        );
    }
}
