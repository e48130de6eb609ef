//! Public keys as JSON Web Keys ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)).

use std::borrow::Cow;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_core::Thumbprint;
use der::asn1::UintRef;
use der::{Decode, Encode, Sequence};
use serde::Deserialize;
use x509_cert::spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::{Algorithm, Refusal};
use crate::object;

/// A public key, checked and ready to verify.
#[derive(Debug)]
pub struct Jwk {
    material: Material,
    parsed: ParsedPublicKey,
    thumbprint: Thumbprint,
}

/// The members that RFC 7638 names; each text is base64url of exact length.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Ec { curve: Curve, x: String, y: String },
    Okp { x: String },
    Rsa { n: String, e: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    fn octets(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::P521 => &signature::ECDSA_P521_SHA512_FIXED,
        }
    }

    fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::P384 => "1.3.132.0.34",
            Self::P521 => "1.3.132.0.35",
        })
    }
}

/// Smallest and largest RSA modulus, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const RSA: &RsaParameters = &signature::RSA_PKCS1_2048_8192_SHA256;

impl PartialEq for Jwk {
    fn eq(&self, other: &Self) -> bool {
        self.material == other.material
    }
}

impl Eq for Jwk {}

impl Clone for Jwk {
    fn clone(&self) -> Self {
        Self {
            material: self.material.clone(),
            parsed: self.parsed.clone(),
            thumbprint: self.thumbprint,
        }
    }
}

/// What is read of a key; private members are looked for only to be refused.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    kty: Cow<'a, str>,
    #[serde(borrow, default)]
    crv: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    x: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    y: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    n: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    e: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "object::present")]
    d: bool,
    #[serde(default, deserialize_with = "object::present")]
    p: bool,
    #[serde(default, deserialize_with = "object::present")]
    q: bool,
    #[serde(default, deserialize_with = "object::present")]
    dp: bool,
    #[serde(default, deserialize_with = "object::present")]
    dq: bool,
    #[serde(default, deserialize_with = "object::present")]
    qi: bool,
    #[serde(default, deserialize_with = "object::present")]
    k: bool,
}

impl Raw<'_> {
    fn has_private_part(&self) -> bool {
        self.d || self.p || self.q || self.dp || self.dq || self.qi || self.k
    }
}

impl Jwk {
    /// Reads a public key from the JSON of a JWK.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for what is not a JWK, [`Refusal::Key`] for a key of another kind,
    /// too weak, not on its curve, or with its private part.
    pub fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let raw: Raw<'_> =
            object::from_slice(json).map_err(|error| Refusal::json("the JWK", &error))?;
        if raw.has_private_part() {
            return Err(Refusal::key(
                "the JWK contains private members: send the public key only, and replace this key",
            ));
        }
        match raw.kty.as_ref() {
            "EC" => Self::ec(&raw),
            "OKP" => Self::okp(&raw),
            "RSA" => Self::rsa(&raw),
            other => Err(Refusal::key(format!(
                "`kty` is `{}`, and EC, OKP and RSA are accepted",
                super::refusal::printable(other)
            ))),
        }
    }

    fn ec(raw: &Raw<'_>) -> Result<Self, Refusal> {
        let name = raw.crv.as_deref().unwrap_or_default();
        let curve = Curve::ALL
            .into_iter()
            .find(|curve| curve.name() == name)
            .ok_or_else(|| {
                Refusal::key(format!(
                    "`crv` is `{}`, and P-256, P-384 and P-521 are accepted",
                    super::refusal::printable(name)
                ))
            })?;
        let x = exact(member("x", raw.x.as_deref())?, curve.octets())?;
        let y = exact(member("y", raw.y.as_deref())?, curve.octets())?;
        Self::from_point(curve, &[&[4], x.as_slice(), y.as_slice()].concat())
    }

    fn from_point(curve: Curve, point: &[u8]) -> Result<Self, Refusal> {
        let octets = curve.octets();
        if point.len() != 1 + 2 * octets || point[0] != 4 {
            return Err(Refusal::key("the point is not in uncompressed form"));
        }
        let parsed = parsed(curve.verification(), point)?;
        let [x, y] =
            [&point[1..=octets], &point[1 + octets..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        Ok(Self::new(Material::Ec { curve, x, y }, parsed))
    }

    fn okp(raw: &Raw<'_>) -> Result<Self, Refusal> {
        match raw.crv.as_deref().unwrap_or_default() {
            "Ed25519" => Self::from_ed25519(&exact(member("x", raw.x.as_deref())?, 32)?),
            other => Err(Refusal::key(format!(
                "`crv` is `{}`, and Ed25519 is accepted",
                super::refusal::printable(other)
            ))),
        }
    }

    fn from_ed25519(key: &[u8]) -> Result<Self, Refusal> {
        if key.len() != 32 {
            return Err(Refusal::key("an Ed25519 key has 32 octets"));
        }
        let parsed = parsed(&signature::ED25519, key)?;
        Ok(Self::new(
            Material::Okp {
                x: URL_SAFE_NO_PAD.encode(key),
            },
            parsed,
        ))
    }

    fn rsa(raw: &Raw<'_>) -> Result<Self, Refusal> {
        let modulus = decoded("n", member("n", raw.n.as_deref())?)?;
        let exponent = decoded("e", member("e", raw.e.as_deref())?)?;
        Self::from_rsa(&modulus, &exponent)
    }

    fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, Refusal> {
        if modulus.first().is_none_or(|first| *first == 0)
            || exponent.first().is_none_or(|first| *first == 0)
        {
            return Err(Refusal::malformed(
                "`n` or `e` of the JWK is empty or has leading zeros (RFC 7518 section 6.3.1)",
            ));
        }
        let bits = modulus.len() * 8 - modulus[0].leading_zeros() as usize;
        if !RSA_BITS.contains(&bits) {
            return Err(Refusal::key(format!(
                "the RSA modulus has {bits} bits, and {} to {} are accepted",
                RSA_BITS.start(),
                RSA_BITS.end()
            )));
        }
        if exponent.len() > 8
            || exponent.last().is_none_or(|last| last % 2 == 0)
            || exponent == [1]
            || exponent == [3]
        {
            return Err(Refusal::key(
                "the RSA exponent is even, too small or too large; 65537 is usual",
            ));
        }
        if modulus.last().is_none_or(|last| last % 2 == 0) {
            return Err(Refusal::key("the RSA modulus is even"));
        }
        let der = rsa_der(modulus, exponent).map_err(|error| Refusal::key(error.to_string()))?;
        let [n, e] = [modulus, exponent].map(|part| URL_SAFE_NO_PAD.encode(part));
        Ok(Self::new(Material::Rsa { n, e }, parsed(RSA, &der)?))
    }

    /// Reads the key of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`Refusal::Key`] for a key that could not be an account's.
    pub fn from_spki(der: &[u8]) -> Result<Self, Refusal> {
        let unknown = |_| Refusal::key("the SubjectPublicKeyInfo does not read");
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(unknown)?;
        let key = info
            .subject_public_key
            .as_bytes()
            .ok_or_else(|| Refusal::key("the key has unused bits"))?;
        match info.algorithm.oid.to_string().as_str() {
            "1.2.840.10045.2.1" => {
                let oid = info
                    .algorithm
                    .parameters_oid()
                    .map_err(|_| Refusal::key("the curve is not named"))?;
                let curve = Curve::ALL.into_iter().find(|curve| curve.oid() == oid);
                Self::from_point(
                    curve
                        .ok_or_else(|| Refusal::key(format!("the curve {oid} is not accepted")))?,
                    key,
                )
            }
            "1.3.101.112" => Self::from_ed25519(key),
            "1.2.840.113549.1.1.1" => {
                let rsa = RsaPublicKey::from_der(key)
                    .map_err(|_| Refusal::key("the RSA key does not read"))?;
                Self::from_rsa(rsa.modulus.as_bytes(), rsa.exponent.as_bytes())
            }
            other => Err(Refusal::key(format!(
                "keys of algorithm {other} are not accepted"
            ))),
        }
    }

    fn new(material: Material, parsed: ParsedPublicKey) -> Self {
        let digest = digest::digest(&digest::SHA256, material.canonical_json().as_bytes());
        let mut thumbprint = [0; 32];
        thumbprint.copy_from_slice(digest.as_ref());
        Self {
            material,
            parsed,
            thumbprint: Thumbprint::new(thumbprint),
        }
    }

    /// Its RFC 7638 thumbprint.
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The JSON over which the thumbprint is made; reads back as the same key.
    pub fn to_canonical_json(&self) -> String {
        self.material.canonical_json()
    }

    /// The one algorithm with which this key signs.
    pub fn algorithm(&self) -> Algorithm {
        match &self.material {
            Material::Ec { curve, .. } => curve.algorithm(),
            Material::Okp { .. } => Algorithm::EdDsa,
            Material::Rsa { .. } => Algorithm::Rs256,
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        self.parsed
            .verify_sig(message, signature)
            .map_err(|_| Refusal::Signature)
    }
}

impl Material {
    /// Members in the order of their names, nothing else (RFC 7638 section 3.2).
    fn canonical_json(&self) -> String {
        match self {
            Self::Ec { curve, x, y } => format!(
                r#"{{"crv":"{}","kty":"EC","x":"{x}","y":"{y}"}}"#,
                curve.name()
            ),
            Self::Okp { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        }
    }
}

fn parsed(
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: &[u8],
) -> Result<ParsedPublicKey, Refusal> {
    ParsedPublicKey::new(algorithm, bytes).map_err(|_| {
        Refusal::key("it is not a valid key of its kind, such as a point off its curve")
    })
}

fn member<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str, Refusal> {
    value.ok_or_else(|| Refusal::malformed(format!("the JWK has no `{name}`")))
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| {
        Refusal::malformed(format!(
            "`{name}` of the JWK is not base64url without padding: {error}"
        ))
    })
}

/// Coordinates have the length of the field, leading zeros included (RFC 7518 section 6.2.1.2).
fn exact(text: &str, octets: usize) -> Result<Vec<u8>, Refusal> {
    let bytes = decoded("x` or `y", text)?;
    if bytes.len() == octets {
        return Ok(bytes);
    }
    Err(Refusal::key(format!(
        "a coordinate has {} octets, and this curve has {octets}",
        bytes.len()
    )))
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

fn rsa_der(modulus: &[u8], exponent: &[u8]) -> der::Result<Vec<u8>> {
    RsaPublicKey {
        modulus: UintRef::new(modulus)?,
        exponent: UintRef::new(exponent)?,
    }
    .to_der()
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
    /// RFC 8037 appendix A.
    const ED25519: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// RFC 7638 section 3.1.
    const RSA_2048: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

    #[test]
    fn the_thumbprints_of_the_rfcs_are_met() {
        for (jwk, thumbprint) in [
            (RSA_2048, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (ED25519, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
            (P256, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"),
        ] {
            assert_eq!(
                Jwk::parse(jwk.as_bytes()).unwrap().thumbprint().to_string(),
                thumbprint
            );
        }
    }

    #[test]
    fn the_canonical_form_reads_back_as_the_same_key() {
        for jwk in [P256, ED25519, RSA_2048] {
            let key = Jwk::parse(jwk.as_bytes()).unwrap();
            let again = Jwk::parse(key.to_canonical_json().as_bytes()).unwrap();
            assert!(key == again && key.thumbprint() == again.thumbprint());
        }
    }

    #[test]
    fn keys_that_cannot_be_used_are_refused_with_their_reason() {
        let short = P256.replace("MKBCTNIc", "MKBC");
        let off = P256.replace("MKBCTNIc", "NKBCTNIc");
        for (jwk, reason) in [
            (P256.replace("P-256", "P-384"), "octets"),
            (P256.replace("P-256", "secp256k1"), "secp256k1"),
            (short, "octets"),
            (off, "point off its curve"),
            (P256.replace("}", r#","d":"AA"}"#), "private members"),
            (RSA_2048.replace("AQAB", "Aw"), "exponent"),
            (RSA_2048.replace("AQAB", "AQ"), "exponent"),
            (RSA_2048.replace("AQAB", "AAEAAQ"), "leading zeros"),
            (
                r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbU","e":"AQAB"}"#
                    .into(),
                "256 bits",
            ),
            (r#"{"kty":"oct","k":"AA"}"#.into(), "private members"),
            (r#"{"kty":"oct"}"#.into(), "`oct`"),
            (ED25519.replace("Ed25519", "X25519"), "X25519"),
            (P256.replace("MKBC", "MKB="), "base64url"),
            (
                P256.replace(r#""kty":"EC","#, r#""kty":"EC","kty":"EC","#),
                "duplicate field",
            ),
            ("[]".into(), "JWK"),
        ] {
            let error = Jwk::parse(jwk.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{jwk}: {error}");
        }
    }
}
