//! The keys that the server's handshake messages are encrypted with ([RFC 8446 section 7]).
//!
//! [RFC 8446 section 7]: https://www.rfc-editor.org/rfc/rfc8446#section-7

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{self, HKDF_SHA256, HKDF_SHA384, KeyType, Prk, Salt};

use crate::wire::put_vector;

/// Decrypts what the server sends up to its Finished.
pub(super) struct ServerKeys {
    iv: [u8; 12],
    key: LessSafeKey,
    sequence: u64,
}

struct Suite {
    aead: &'static Algorithm,
    digest: &'static digest::Algorithm,
    hkdf: hkdf::Algorithm,
}

impl Suite {
    fn of(cipher_suite: u16) -> Option<Self> {
        let (aead, digest, hkdf) = match cipher_suite {
            0x1301 => (&AES_128_GCM, &digest::SHA256, HKDF_SHA256),
            0x1302 => (&AES_256_GCM, &digest::SHA384, HKDF_SHA384),
            0x1303 => (&CHACHA20_POLY1305, &digest::SHA256, HKDF_SHA256),
            _ => return None,
        };
        Some(Self { aead, digest, hkdf })
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl ServerKeys {
    /// From the x-coordinate that both sides know and the two hellos; `None` for a suite that was not offered.
    pub(super) fn derive(cipher_suite: u16, shared: &[u8], hellos: &[u8]) -> Option<Self> {
        let suite = Suite::of(cipher_suite)?;
        Self::of(&suite, shared, hellos).ok()
    }

    fn of(suite: &Suite, shared: &[u8], hellos: &[u8]) -> Result<Self, Unspecified> {
        let hash = |octets: &[u8]| digest(suite.digest, octets);
        let length = suite.digest.output_len();
        let zeros = vec![0; length];
        let early = Salt::new(suite.hkdf, &zeros).extract(&zeros);
        let derived = expand(&early, "derived", hash(&[]).as_ref(), length)?;
        let handshake = Salt::new(suite.hkdf, &derived).extract(shared);
        let traffic = expand(&handshake, "s hs traffic", hash(hellos).as_ref(), length)?;
        let traffic = Prk::new_less_safe(suite.hkdf, &traffic);
        let key = expand(&traffic, "key", &[], suite.aead.key_len())?;
        let iv = expand(&traffic, "iv", &[], 12)?;
        Ok(Self {
            iv: iv.try_into().map_err(|_| Unspecified)?,
            key: LessSafeKey::new(UnboundKey::new(suite.aead, &key)?),
            sequence: 0,
        })
    }

    /// The content of a record with its true type; `None` if it does not decrypt.
    pub(super) fn open(&mut self, header: [u8; 5], mut payload: Vec<u8>) -> Option<(u8, Vec<u8>)> {
        let mut nonce = self.iv;
        for (octet, number) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *octet ^= number;
        }
        self.sequence += 1;
        let plain = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(header),
                &mut payload,
            )
            .ok()?;
        let end = plain.iter().rposition(|octet| *octet != 0)?;
        let (content_type, content) = (plain[end], plain[..end].to_vec());
        Some((content_type, content))
    }
}

impl std::fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKeys")
    }
}

fn expand(
    secret: &Prk,
    label: &str,
    context: &[u8],
    length: usize,
) -> Result<Vec<u8>, Unspecified> {
    let mut info = Vec::new();
    info.extend_from_slice(
        &u16::try_from(length)
            .map_err(|_| Unspecified)?
            .to_be_bytes(),
    );
    put_vector(&mut info, 1, format!("tls13 {label}").as_bytes());
    put_vector(&mut info, 1, context);
    let mut out = vec![0; length];
    secret.expand(&[&info], Length(length))?.fill(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits
            .chunks(2)
            .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
            .collect()
    }

    /// RFC 8448 section 3, "simple 1-RTT handshake".
    #[test]
    fn the_schedule_is_that_of_rfc_8448() {
        let early = Salt::new(HKDF_SHA256, &[0; 32]).extract(&[0; 32]);
        let empty = digest(&digest::SHA256, &[]);
        let derived = expand(&early, "derived", empty.as_ref(), 32).unwrap();
        assert_eq!(
            derived,
            octets("6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba")
        );
        let shared = octets("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
        let handshake = Salt::new(HKDF_SHA256, &derived).extract(&shared);
        let hellos = octets("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
        let traffic = expand(&handshake, "s hs traffic", &hellos, 32).unwrap();
        assert_eq!(
            traffic,
            octets("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
        );
        let traffic = Prk::new_less_safe(HKDF_SHA256, &traffic);
        assert_eq!(
            expand(&traffic, "key", &[], 16).unwrap(),
            octets("3fce516009c21727d0f2e4e86ee403bc")
        );
        assert_eq!(
            expand(&traffic, "iv", &[], 12).unwrap(),
            octets("5d313eb2671276ee13000b30")
        );
    }
}
