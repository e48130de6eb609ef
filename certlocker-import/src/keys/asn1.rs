//! The structures that private and public keys are written in.

use certlocker_core::Secret;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use num_bigint::BigUint;
use ssh_key::private::RsaKeypair;

/// rsaEncryption ([RFC 8017 appendix A.1](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1)).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// [RFC 8017 appendix A.1.2](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.2), of two primes.
#[derive(Sequence)]
struct RsaPrivateKey<'a> {
    version: u8,
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
    private_exponent: UintRef<'a>,
    prime1: UintRef<'a>,
    prime2: UintRef<'a>,
    exponent1: UintRef<'a>,
    exponent2: UintRef<'a>,
    coefficient: UintRef<'a>,
}

/// [RFC 8017 appendix A.1.1](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1).
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

#[derive(Sequence)]
struct Algorithm<'a> {
    algorithm: ObjectIdentifier,
    parameters: Option<AnyRef<'a>>,
}

/// [RFC 5208 section 5](https://www.rfc-editor.org/rfc/rfc5208#section-5), without attributes.
#[derive(Sequence)]
struct PrivateKeyInfo<'a> {
    version: u8,
    algorithm: Algorithm<'a>,
    private_key: &'a OctetStringRef,
}

/// [RFC 5280 section 4.1.2.7](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.7).
#[derive(Sequence)]
struct SubjectPublicKeyInfo<'a> {
    algorithm: Algorithm<'a>,
    subject_public_key: BitStringRef<'a>,
}

const RSA_ALGORITHM: Algorithm<'static> = Algorithm {
    algorithm: RSA,
    parameters: Some(AnyRef::NULL),
};

/// The key inside of PKCS#8, if it is RSA.
pub(super) fn rsa_inside(pkcs8: &[u8]) -> Option<&[u8]> {
    use der::{Reader, SliceReader};
    let mut reader = SliceReader::new(pkcs8).ok()?;
    // Attributes may follow, and belong to no fingerprint.
    let (algorithm, key) = reader
        .sequence(|inside| {
            u8::decode(inside)?;
            let algorithm = Algorithm::decode(inside)?;
            let key = <&OctetStringRef>::decode(inside)?;
            while !inside.is_finished() {
                AnyRef::decode(inside)?;
            }
            Ok::<_, der::Error>((algorithm, key))
        })
        .ok()?;
    (algorithm.algorithm == RSA).then(|| key.as_bytes())
}

/// Modulus and public exponent of PKCS#1.
pub(super) fn rsa_public(pkcs1: &[u8]) -> Option<(&[u8], &[u8])> {
    let key = RsaPrivateKey::from_der(pkcs1).ok()?;
    Some((key.modulus.as_bytes(), key.public_exponent.as_bytes()))
}

/// PKCS#1 put into PKCS#8, as `openssl pkcs8 -topk8` does it.
pub(super) fn pkcs8(pkcs1: &[u8]) -> Option<Secret> {
    let info = PrivateKeyInfo {
        version: 0,
        algorithm: RSA_ALGORITHM,
        private_key: OctetStringRef::new(pkcs1).ok()?,
    };
    info.to_der().ok().map(Secret::new)
}

/// The DER form of an RSA public key.
pub(super) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let key = RsaPublicKey {
        modulus: UintRef::new(modulus).ok()?,
        public_exponent: UintRef::new(exponent).ok()?,
    };
    let key = key.to_der().ok()?;
    let info = SubjectPublicKeyInfo {
        algorithm: RSA_ALGORITHM,
        subject_public_key: BitStringRef::from_bytes(&key).ok()?,
    };
    info.to_der().ok()
}

/// PKCS#1 of a key that OpenSSH keeps without the exponents of the Chinese remainder theorem.
pub(super) fn pkcs1(pair: &RsaKeypair) -> Option<Secret> {
    let part = |mpint: &'_ ssh_key::Mpint| {
        mpint
            .as_positive_bytes()
            .map(<[u8]>::to_vec)
            .map(Secret::new)
    };
    let (modulus, exponent) = (part(&pair.public.n)?, part(&pair.public.e)?);
    let (private, inverse) = (part(&pair.private.d)?, part(&pair.private.iqmp)?);
    let (p, q) = (part(&pair.private.p)?, part(&pair.private.q)?);
    let (exponent1, exponent2) = (reduced(&private, &p)?, reduced(&private, &q)?);
    let key = RsaPrivateKey {
        version: 0,
        modulus: UintRef::new(modulus.expose()).ok()?,
        public_exponent: UintRef::new(exponent.expose()).ok()?,
        private_exponent: UintRef::new(private.expose()).ok()?,
        prime1: UintRef::new(p.expose()).ok()?,
        prime2: UintRef::new(q.expose()).ok()?,
        exponent1: UintRef::new(exponent1.expose()).ok()?,
        exponent2: UintRef::new(exponent2.expose()).ok()?,
        coefficient: UintRef::new(inverse.expose()).ok()?,
    };
    key.to_der().ok().map(Secret::new)
}

/// `exponent mod (prime - 1)`.
fn reduced(exponent: &Secret, prime: &Secret) -> Option<Secret> {
    let one = BigUint::from(1_u8);
    let prime = BigUint::from_bytes_be(prime.expose());
    if prime <= one {
        return None;
    }
    let exponent = BigUint::from_bytes_be(exponent.expose()) % (prime - one);
    Some(Secret::new(exponent.to_bytes_be()))
}
