//! Files of private keys: what each is, and the public key that belongs to it.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use certlocker_core::{Secret, SshKey};
use ssh_key::PrivateKey;
use ssh_key::private::KeypairData;
use zeroize::Zeroizing;

use super::asn1;
use super::fingerprint::{CloudFingerprint, Fingerprints, Form};

/// A private key that was uploaded: what can be told of it, without the key itself.
#[derive(Clone, Debug)]
pub struct KeyFile {
    fingerprints: Fingerprints,
    name: String,
    public: SshKey,
}

impl KeyFile {
    /// A key that was read before: its name, its public half, and its
    /// [`fingerprints`](Self::fingerprints).
    pub fn kept(name: &str, public: SshKey, fingerprints: &[String]) -> Self {
        Self {
            fingerprints: Fingerprints::read(fingerprints),
            name: name.to_owned(),
            public,
        }
    }

    /// Every fingerprint that a cloud may show of it, each after what it is of.
    pub fn fingerprints(&self) -> Vec<String> {
        self.fingerprints.written()
    }
    /// The name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key.
    pub fn public(&self) -> &SshKey {
        &self.public
    }

    /// What a cloud's fingerprint is of, if it is of this key.
    pub fn form_of(&self, fingerprint: &CloudFingerprint) -> Option<Form> {
        self.fingerprints.form_of(fingerprint)
    }

    /// The name of the file without what says that it is a key.
    pub(super) fn stem(&self) -> &str {
        let name = self.name.rsplit(['/', '\\']).next().unwrap_or_default();
        [".pem", ".key", ".ppk", ".txt", ".cer"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name)
    }
}

/// Why a file gives no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// A certificate.
    #[error("this is a certificate, and a private key was expected")]
    Certificate,
    /// It needs a passphrase.
    #[error(
        "this private key is encrypted: take the passphrase off (`ssh-keygen -p`) or give another"
    )]
    Encrypted,
    /// It says that it is a key, and does not read as one.
    #[error("this private key is damaged")]
    Malformed,
    /// Nothing of a key is in it.
    #[error("this is no private key: a text with `-----BEGIN … PRIVATE KEY-----` was expected")]
    NoKey,
    /// PuTTY's own form.
    #[error("this is a key of PuTTY's: convert it with `puttygen FILE -O private-openssh`")]
    Ppk,
    /// PuTTY's own form, encrypted.
    #[error(
        "this is an encrypted key of PuTTY's: convert it with `puttygen FILE -O private-openssh`"
    )]
    PpkEncrypted,
    /// The public half alone.
    #[error("this is a public key, and a private key was expected")]
    Public,
    /// Of a kind that no cloud hands out.
    #[error("this private key is of a kind that is not supported: RSA, Ed25519 and ECDSA are")]
    Unsupported,
}

/// Reads a private key: PKCS#1, PKCS#8, SEC 1 or OpenSSH, in PEM, in lines of any length.
///
/// # Errors
/// [`KeyFileError`] says what the file is instead.
pub fn read_key(name: &str, bytes: &[u8]) -> Result<KeyFile, KeyFileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| KeyFileError::NoKey)?;
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with("PuTTY-User-Key-File-") {
        return Err(putty(text));
    }
    let Some((label, body)) = private_block(text) else {
        return Err(without_private(text));
    };
    if label == "ENCRYPTED PRIVATE KEY" || body.contains("Proc-Type:") {
        return Err(KeyFileError::Encrypted);
    }
    let der = decoded(body).ok_or(KeyFileError::Malformed)?;
    let (public, rsa) = match label {
        "RSA PRIVATE KEY" => rsa(&der)?,
        "EC PRIVATE KEY" => ecdsa(&der)?,
        "PRIVATE KEY" => pkcs8(&der)?,
        "OPENSSH PRIVATE KEY" => openssh(&der)?,
        _ => return Err(KeyFileError::Unsupported),
    };
    let spki = rsa.as_ref().map(|rsa| rsa.spki.as_slice());
    let private = rsa.as_ref().map(|rsa| rsa.pkcs8.expose());
    Ok(KeyFile {
        fingerprints: Fingerprints::of(public.blob(), spki, private),
        name: name.chars().filter(|c| !c.is_control()).collect(),
        public,
    })
}

/// The forms of an RSA key that clouds take fingerprints of.
struct Rsa {
    pkcs8: Secret,
    spki: Vec<u8>,
}

type Read = Result<(SshKey, Option<Rsa>), KeyFileError>;

fn putty(text: &str) -> KeyFileError {
    let plain = text.lines().any(|line| line.trim() == "Encryption: none");
    if plain {
        KeyFileError::Ppk
    } else {
        KeyFileError::PpkEncrypted
    }
}

fn without_private(text: &str) -> KeyFileError {
    let public = ["ssh-", "ecdsa-sha2-"]
        .iter()
        .any(|start| text.starts_with(start));
    if text.contains("-----BEGIN CERTIFICATE") {
        KeyFileError::Certificate
    } else if public || text.contains("PUBLIC KEY-----") {
        KeyFileError::Public
    } else {
        KeyFileError::NoKey
    }
}

/// The first block that is a private key: its label and what is inside.
fn private_block(text: &str) -> Option<(&str, &str)> {
    text.split("-----BEGIN ").skip(1).find_map(|rest| {
        let (label, rest) = rest.split_once("-----")?;
        if !label.ends_with("PRIVATE KEY") {
            return None;
        }
        let (body, end) = rest.split_once("-----END ")?;
        end.starts_with(label).then_some((label, body))
    })
}

fn decoded(body: &str) -> Option<Zeroizing<Vec<u8>>> {
    let plain: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|c| !c.is_whitespace()).collect());
    let bytes = STANDARD_NO_PAD.decode(plain.trim_end_matches('='));
    bytes.ok().map(Zeroizing::new)
}

fn rsa(pkcs1: &[u8]) -> Read {
    let read = || {
        let (modulus, exponent) = asn1::rsa_public(pkcs1)?;
        let blob = blob("ssh-rsa", &[&positive(exponent), &positive(modulus)]);
        let rsa = Rsa {
            pkcs8: asn1::pkcs8(pkcs1)?,
            spki: asn1::rsa_spki(modulus, exponent)?,
        };
        Some((SshKey::from_blob(blob).ok()?, Some(rsa)))
    };
    read().ok_or(KeyFileError::Malformed)
}

fn pkcs8(der: &[u8]) -> Read {
    if let Some(pkcs1) = asn1::rsa_inside(der) {
        return rsa(pkcs1);
    }
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
        return public(blob("ssh-ed25519", &[pair.public_key().as_ref()]));
    }
    ecdsa(der)
}

fn ecdsa(der: &[u8]) -> Read {
    let curves: [(&EcdsaSigningAlgorithm, &str); 3] = [
        (&ECDSA_P256_SHA256_ASN1_SIGNING, "nistp256"),
        (&ECDSA_P384_SHA384_ASN1_SIGNING, "nistp384"),
        (&ECDSA_P521_SHA512_ASN1_SIGNING, "nistp521"),
    ];
    for (algorithm, curve) in curves {
        if let Ok(pair) = EcdsaKeyPair::from_private_key_der(algorithm, der) {
            let name = format!("ecdsa-sha2-{curve}");
            let point = pair.public_key().as_ref();
            return public(blob(&name, &[curve.as_bytes(), point]));
        }
    }
    Err(KeyFileError::Unsupported)
}

fn openssh(der: &[u8]) -> Read {
    let key = PrivateKey::from_bytes(der).map_err(|_| KeyFileError::Malformed)?;
    if key.is_encrypted() {
        return Err(KeyFileError::Encrypted);
    }
    match key.key_data() {
        KeypairData::Rsa(pair) => rsa(asn1::pkcs1(pair).ok_or(KeyFileError::Malformed)?.expose()),
        KeypairData::Ed25519(_) | KeypairData::Ecdsa(_) => public(
            key.public_key()
                .to_bytes()
                .map_err(|_| KeyFileError::Malformed)?,
        ),
        _ => Err(KeyFileError::Unsupported),
    }
}

fn public(blob: Vec<u8>) -> Read {
    let key = SshKey::from_blob(blob).map_err(|_| KeyFileError::Malformed)?;
    Ok((key, None))
}

/// A sequence of strings ([RFC 4251 section 5](https://www.rfc-editor.org/rfc/rfc4251#section-5)).
fn blob(algorithm: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut blob = Vec::new();
    for part in [&[algorithm.as_bytes()], parts].concat() {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        blob.extend(length.to_be_bytes());
        blob.extend(part);
    }
    blob
}

/// An `mpint` above zero begins with a bit that is not set.
fn positive(bytes: &[u8]) -> Vec<u8> {
    let sign = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let zero: &[u8] = if sign { &[0] } else { &[] };
    [zero, bytes].concat()
}
