//! How clouds write fingerprints.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A fingerprint as a cloud gives it. What it is of depends on who made the key
/// ([verify keys](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CloudFingerprint(Digested);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Digested {
    Md5([u8; 16]),
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

impl fmt::Display for Digested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = |bytes: &[u8]| {
            let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            pairs.join(":")
        };
        match self {
            Self::Md5(bytes) => f.write_str(&pairs(bytes)),
            Self::Sha1(bytes) => f.write_str(&pairs(bytes)),
            Self::Sha256(bytes) => write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(bytes)),
        }
    }
}

/// What a fingerprint turned out to be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// MD5 of the public key as SSH writes it: OpenStack, and what AWS documents in one place.
    Md5OfSsh,
    /// MD5 of the public key in DER: RSA keys imported to AWS.
    Md5OfDer,
    /// SHA-1 of the private key in PKCS#8: RSA keys made by AWS.
    Sha1OfPkcs8,
    /// SHA-256 of the public key as SSH writes it: Ed25519 keys at AWS.
    Sha256OfSsh,
}

impl Form {
    const ALL: [Self; 4] = [
        Self::Md5OfSsh,
        Self::Md5OfDer,
        Self::Sha1OfPkcs8,
        Self::Sha256OfSsh,
    ];
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5OfSsh => "MD5 of the public key",
            Self::Md5OfDer => "MD5 of the public key in DER",
            Self::Sha1OfPkcs8 => "SHA-1 of the private key in PKCS#8",
            Self::Sha256OfSsh => "SHA-256 of the public key",
        })
    }
}

/// A text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no fingerprint: 16 or 20 pairs of hexadecimal digits, or 32 bytes in base 64, were expected"
)]
#[non_exhaustive]
pub struct InvalidFingerprint;

impl FromStr for CloudFingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let text = text.trim();
        let text = text.strip_prefix("MD5:").unwrap_or(text);
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        if let Some(bytes) = hexadecimal(&digits) {
            return digested(&bytes);
        }
        let encoded = text.strip_prefix("SHA256:").unwrap_or(text);
        let bytes = STANDARD_NO_PAD.decode(encoded.trim_end_matches('='));
        digested(&bytes.map_err(|_| InvalidFingerprint)?)
    }
}

fn digested(bytes: &[u8]) -> Result<CloudFingerprint, InvalidFingerprint> {
    let digested = match bytes.len() {
        16 => bytes.try_into().map(Digested::Md5),
        20 => bytes.try_into().map(Digested::Sha1),
        _ => bytes.try_into().map(Digested::Sha256),
    };
    digested
        .map(CloudFingerprint)
        .map_err(|_| InvalidFingerprint)
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if !matches!(digits.len(), 32 | 40) {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16);
    digits
        .as_bytes()
        .chunks_exact(2)
        .map(|two| u8::try_from(value(two[0])? * 16 + value(two[1])?).ok())
        .collect()
}

/// Every fingerprint that a key may have at a cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprints(Vec<(Form, Digested)>);

impl Fingerprints {
    pub(super) fn of(ssh: &[u8], der: Option<&[u8]>, pkcs8: Option<&[u8]>) -> Self {
        let mut all = vec![
            (
                Form::Sha256OfSsh,
                Digested::Sha256(Sha256::digest(ssh).into()),
            ),
            (Form::Md5OfSsh, Digested::Md5(Md5::digest(ssh).into())),
        ];
        all.extend(der.map(|der| (Form::Md5OfDer, Digested::Md5(Md5::digest(der).into()))));
        all.extend(pkcs8.map(|key| (Form::Sha1OfPkcs8, Digested::Sha1(Sha1::digest(key).into()))));
        Self(all)
    }

    /// Each with what it is of, as people read it.
    pub(super) fn written(&self) -> Vec<String> {
        let write = |(form, digested): &(Form, Digested)| format!("{form} {digested}");
        self.0.iter().map(write).collect()
    }

    /// Those that were written so; what does not read is left out.
    pub(super) fn read(written: &[String]) -> Self {
        let read = |text: &String| {
            Form::ALL.into_iter().find_map(|form| {
                let rest = text.strip_prefix(&format!("{form} "))?;
                let fingerprint: CloudFingerprint = rest.parse().ok()?;
                Some((form, fingerprint.0))
            })
        };
        Self(written.iter().filter_map(read).collect())
    }

    /// What `given` is of, if it is of this key.
    pub(super) fn form_of(&self, given: &CloudFingerprint) -> Option<Form> {
        self.0
            .iter()
            .find(|(_, digested)| *digested == given.0)
            .map(|(form, _)| *form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_every_way_it_is_written() {
        let md5 = "c2:ca:e7:7c:8f:0f:33:d2:f4:e1:dd:27:f9:12:2f:31";
        assert_eq!(
            md5.parse::<CloudFingerprint>(),
            format!("MD5:{}", md5.to_uppercase()).parse()
        );
        let sha256 = "cGwGegj+mu+S5FuVeCHww74Dqbx0jAuxdIm6+s+a1kQ";
        assert_eq!(
            sha256.parse::<CloudFingerprint>(),
            format!("SHA256:{sha256}=").parse()
        );
        for text in [
            "",
            "c2:ca",
            "zz:ca:e7:7c:8f:0f:33:d2:f4:e1:dd:27:f9:12:2f:31",
            "AAAA",
        ] {
            assert!(text.parse::<CloudFingerprint>().is_err(), "{text}");
        }
    }

    #[test]
    fn fingerprints_that_were_written_are_read_again() {
        let all = Fingerprints::of(b"ssh", Some(b"der"), Some(b"pkcs8"));
        assert_eq!(Fingerprints::read(&all.written()), all);
    }
}
