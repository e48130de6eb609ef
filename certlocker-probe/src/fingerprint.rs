//! The SHA-256 by which certificates, keys and names are compared.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The SHA-256 of a DER encoding, written in lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of these octets.
    pub fn of(octets: &[u8]) -> Self {
        Self(Sha256::digest(octets).into())
    }

    /// Parses hexadecimal of either case; colons between the octets do not count.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|character| *character != ':')
            .map(|character| {
                character
                    .to_digit(16)
                    .and_then(|digit| digit.try_into().ok())
            })
            .collect();
        let octets: Vec<u8> = digits?
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |sum, digit| sum * 16 + digit))
            .collect();
        if text.chars().filter(|character| *character != ':').count() != 64 {
            return None;
        }
        octets.try_into().ok().map(Self)
    }

    /// The octets.
    pub fn as_octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_is_the_same() {
        let fingerprint = Fingerprint::of(b"a certificate");
        let text = fingerprint.to_string();
        assert_eq!(Fingerprint::parse(&text), Some(fingerprint));
        assert_eq!(Fingerprint::parse(&text.to_uppercase()), Some(fingerprint));
        let colons: Vec<&str> = (0..32).map(|at| &text[2 * at..2 * at + 2]).collect();
        assert_eq!(Fingerprint::parse(&colons.join(":")), Some(fingerprint));
    }

    #[test]
    fn only_thirty_two_octets_are_a_fingerprint() {
        for bad in [
            "",
            "00",
            "zz",
            &"0".repeat(63),
            &"0".repeat(65),
            &"é".repeat(64),
        ] {
            assert_eq!(Fingerprint::parse(bad), None, "{bad}");
        }
    }
}
