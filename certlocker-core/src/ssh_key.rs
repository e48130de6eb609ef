//! Public keys of SSH, as they stand in `authorized_keys`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A public key of SSH: its algorithm and the bytes of
/// [RFC 4253 section 6.6](https://www.rfc-editor.org/rfc/rfc4253#section-6.6), without a comment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SshKey {
    algorithm: String,
    blob: Vec<u8>,
}

impl SshKey {
    /// The key with these bytes.
    ///
    /// # Errors
    /// [`InvalidSshKey`] when they do not begin with the name of an algorithm.
    pub fn from_blob(blob: Vec<u8>) -> Result<Self, InvalidSshKey> {
        let algorithm = algorithm(&blob).ok_or(InvalidSshKey)?.to_owned();
        Ok(Self { algorithm, blob })
    }

    /// The name of the algorithm, such as `ssh-ed25519`.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The bytes of the key.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// What people compare.
    pub fn fingerprint(&self) -> KeyFingerprint {
        let digest = Sha256::digest(&self.blob);
        KeyFingerprint(format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)))
    }
}

/// The longest key: RSA of 16,384 bits has about 2,100 bytes.
const LONGEST: usize = 4096;
const LONGEST_NAME: usize = 64;

fn algorithm(blob: &[u8]) -> Option<&str> {
    if blob.len() > LONGEST {
        return None;
    }
    let (length, rest) = blob.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let name = std::str::from_utf8(rest.get(..length)?).ok()?;
    let fits = (1..=LONGEST_NAME).contains(&name.len())
        && rest.len() > length
        && name.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(name)
}

impl fmt::Display for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, STANDARD.encode(&self.blob))
    }
}

impl FromStr for SshKey {
    type Err = InvalidSshKey;

    /// Reads `algorithm base64 [comment]`; the comment is dropped.
    fn from_str(text: &str) -> Result<Self, InvalidSshKey> {
        let mut words = text.split_ascii_whitespace();
        let (Some(name), Some(encoded)) = (words.next(), words.next()) else {
            return Err(InvalidSshKey);
        };
        let key = Self::from_blob(STANDARD.decode(encoded).map_err(|_| InvalidSshKey)?)?;
        if key.algorithm == name {
            Ok(key)
        } else {
            Err(InvalidSshKey)
        }
    }
}

impl TryFrom<String> for SshKey {
    type Error = InvalidSshKey;

    fn try_from(text: String) -> Result<Self, InvalidSshKey> {
        text.parse()
    }
}

impl From<SshKey> for String {
    fn from(key: SshKey) -> Self {
        key.to_string()
    }
}

/// SHA-256 of a public key of SSH, in the form of `ssh-keygen -l`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyFingerprint(String);

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for KeyFingerprint {
    type Error = InvalidSshKey;

    fn try_from(text: String) -> Result<Self, InvalidSshKey> {
        let encoded = text.strip_prefix("SHA256:").ok_or(InvalidSshKey)?;
        let digest = STANDARD_NO_PAD.decode(encoded).map_err(|_| InvalidSshKey)?;
        if digest.len() == 32 {
            Ok(Self(text))
        } else {
            Err(InvalidSshKey)
        }
    }
}

impl From<KeyFingerprint> for String {
    fn from(fingerprint: KeyFingerprint) -> Self {
        fingerprint.0
    }
}

/// A text that is no public key of SSH, or no fingerprint of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no public key of SSH: `algorithm base64` or `SHA256:base64` was expected")]
#[non_exhaustive]
pub struct InvalidSshKey;

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICl8mDhJUnCgWCUn8nFOz3nQ1mS6EvHeYLwNCyOGdM7P";

    #[test]
    fn text_and_back_is_the_same_key_without_its_comment() {
        let key: SshKey = format!("{ED25519} somebody@somewhere").parse().unwrap();
        assert_eq!(key.to_string(), ED25519);
        assert_eq!(key.algorithm(), "ssh-ed25519");
        assert_eq!(SshKey::from_blob(key.blob().to_vec()), Ok(key.clone()));
        let fingerprint = String::from(key.fingerprint());
        assert_eq!(KeyFingerprint::try_from(fingerprint), Ok(key.fingerprint()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "ssh-ed25519",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAICl8mDhJUnCgWCUn8nFOz3nQ1mS6EvHeYLwNCyOGdM7P",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
            "ssh-ed25519 ////",
            "x AAAAAXg=",
        ] {
            assert!(text.parse::<SshKey>().is_err(), "{text}");
        }
        for text in ["SHA256:", "MD5:00", "SHA256:AAAA", "SHA256:====", ""] {
            assert!(KeyFingerprint::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
