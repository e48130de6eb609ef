//! The bytes of a sealed secret: `magic ‖ version ‖ algorithm ‖ key id ‖ wrapped key ‖ nonce ‖
//! ciphertext ‖ tag`.

use crate::{SealedBytes, SecretError};

/// What sealed bytes begin with.
const MAGIC: &[u8] = b"CLSE";
const VERSION: u8 = 2;
/// XChaCha20-Poly1305.
pub(super) const ALGORITHM: u8 = 1;
/// The length of its nonce.
pub(super) const NONCE: usize = 24;
/// The length of its tag.
const TAG: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    /// With the tag at its end.
    pub(super) ciphertext: Vec<u8>,
    pub(super) key_id: String,
    pub(super) nonce: [u8; NONCE],
    pub(super) wrapped: Vec<u8>,
}

/// Parts one after the other, each behind its length, so that no two lists of parts are the same
/// bytes.
pub(super) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(*part);
    }
    bytes
}

impl Envelope {
    /// As it is stored.
    pub(super) fn sealed(self) -> Result<SealedBytes, SecretError> {
        let blob = self.bytes().map_err(SecretError::Wrap)?;
        let key_id = self.key_id;
        Ok(SealedBytes { blob, key_id })
    }

    fn bytes(&self) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let key_id = u8::try_from(self.key_id.len())?;
        let wrapped = u16::try_from(self.wrapped.len())?;
        let parts: [&[u8]; 8] = [
            MAGIC,
            &[VERSION, ALGORITHM],
            &[key_id],
            self.key_id.as_bytes(),
            &wrapped.to_be_bytes(),
            &self.wrapped,
            &self.nonce,
            &self.ciphertext,
        ];
        Ok(parts.concat())
    }

    /// Reads the bytes, or says in words what is wrong with them.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut rest = bytes;
        if take(&mut rest, MAGIC.len())? != MAGIC {
            return Err("its bytes do not begin like those of a sealed secret".to_owned());
        }
        let [version] = *array(&mut rest)?;
        let [algorithm] = *array(&mut rest)?;
        if (version, algorithm) != (VERSION, ALGORITHM) {
            return Err(format!(
                "it has version {version} and algorithm {algorithm}, and only version {VERSION} \
                 with algorithm {ALGORITHM} is known here"
            ));
        }
        let [length] = *array(&mut rest)?;
        let key_id = take(&mut rest, usize::from(length))?;
        let key_id = str::from_utf8(key_id).map_err(|_| "its key id is no text".to_owned())?;
        let length = u16::from_be_bytes(*array(&mut rest)?);
        let wrapped = take(&mut rest, usize::from(length))?.to_vec();
        let nonce = *array(&mut rest)?;
        if rest.len() < TAG {
            return Err(cut_short());
        }
        Ok(Self {
            ciphertext: rest.to_vec(),
            key_id: key_id.to_owned(),
            nonce,
            wrapped,
        })
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    let (taken, left) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    *rest = left;
    Ok(taken)
}

fn array<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], String> {
    let (taken, left) = rest.split_first_chunk().ok_or_else(cut_short)?;
    *rest = left;
    Ok(taken)
}

fn cut_short() -> String {
    "its bytes are cut short".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_the_known_ones_and_read_back() {
        let envelope = Envelope {
            ciphertext: vec![0xcc; 17],
            key_id: "k".to_owned(),
            nonce: [0xaa; NONCE],
            wrapped: vec![0xbb; 3],
        };
        let parts: [&[u8]; 7] = [
            b"CLSE\x02\x01",
            b"\x01",
            b"k",
            b"\x00\x03",
            &[0xbb; 3],
            &[0xaa; 24],
            &[0xcc; 17],
        ];
        assert_eq!(envelope.bytes().unwrap(), parts.concat());
        assert_eq!(Envelope::read(&parts.concat()).unwrap(), envelope);
    }

    #[test]
    fn no_two_lists_of_parts_are_the_same_bytes() {
        assert_ne!(joined(&[b"ab", b"c"]), joined(&[b"a", b"bc"]));
        assert_ne!(joined(&[b"ab"]), joined(&[b"ab", b""]));
    }
}
