//! What our certificates and revocation lists contain ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)).

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair};
use certlocker_core::{Identifier, Revocation, RevocationReason, Serial, Timestamp};

use super::encode::{
    BIT_STRING, Critical, ENUMERATED, OCTET_STRING, TRUE, bit_string, element, explicit, extension,
    general_name, implicit, integer, name, oid, sequence, time,
};

const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
const CRL_REASON: &[u8] = &[0x55, 0x1d, 0x15];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];

/// The longest common name (RFC 5280 appendix A.1, ub-common-name).
const LONGEST_COMMON_NAME: usize = 64;

/// Whoever signs: its name and key identifier as they stand in what it signs, and its key.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) name: Vec<u8>,
    pub(crate) key_id: Vec<u8>,
    pub(crate) key: EcdsaKeyPair,
}

/// The system gave no random bytes to sign with.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the signature could not be made")]
pub(crate) struct CannotSign;

impl Authority {
    pub(crate) fn new(organization: &str, common_name: &str, key: EcdsaKeyPair) -> Self {
        let name = name(&[(ORGANIZATION, organization), (COMMON_NAME, common_name)]);
        Self {
            name,
            key_id: key_identifier(key.public_key().as_ref()),
            key,
        }
    }

    fn sign(&self, content: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let signature = self
            .key
            .sign(&SystemRandom::new(), content)
            .map_err(|_| CannotSign)?;
        Ok(sequence(&[
            content,
            &signature_algorithm(),
            &bit_string(signature.as_ref()),
        ]))
    }
}

fn signature_algorithm() -> Vec<u8> {
    sequence(&[&oid(ECDSA_WITH_SHA256)])
}

/// RFC 7093 section 2, method 1.
fn key_identifier(public_key: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, public_key).as_ref()[..20].to_vec()
}

/// The SubjectPublicKeyInfo of a P-256 key.
pub(crate) fn p256_spki(key: &EcdsaKeyPair) -> Vec<u8> {
    let algorithm = sequence(&[&oid(EC_PUBLIC_KEY), &oid(P256)]);
    sequence(&[&algorithm, &bit_string(key.public_key().as_ref())])
}

/// A certificate for `subject`, by itself or by `issuer`; one that is not a root signs leaves only.
pub(crate) fn authority_certificate(
    subject: &Authority,
    issuer: Option<&Authority>,
    serial: &Serial,
    [not_before, not_after]: [Timestamp; 2],
) -> Result<Vec<u8>, CannotSign> {
    let constraints = match issuer {
        None => sequence(&[TRUE]),
        Some(_) => sequence(&[TRUE, &integer(&[0])]),
    };
    let signer = issuer.unwrap_or(subject);
    let extensions = [
        extension(BASIC_CONSTRAINTS, Critical::Yes, &constraints),
        extension(
            KEY_USAGE,
            Critical::Yes,
            &element(BIT_STRING, &[&[1, 0b0000_0110]]),
        ),
        extension(
            SUBJECT_KEY_IDENTIFIER,
            Critical::No,
            &element(OCTET_STRING, &[&subject.key_id]),
        ),
        authority_key_identifier(signer),
    ];
    let dates = [not_before, not_after];
    let tbs = tbs(
        signer,
        serial,
        dates,
        &subject.name,
        &p256_spki(&subject.key),
        &extensions,
    );
    signer.sign(&tbs)
}

/// What a leaf is made of.
#[derive(Debug)]
pub(crate) struct LeafProfile<'a> {
    pub(crate) identifiers: &'a [Identifier],
    pub(crate) not_after: Timestamp,
    pub(crate) not_before: Timestamp,
    pub(crate) revocation_list: Option<&'a str>,
    pub(crate) serial: &'a Serial,
    /// Copied octet for octet.
    pub(crate) spki: &'a [u8],
    /// The key as it stands inside the SubjectPublicKeyInfo.
    pub(crate) public_key: &'a [u8],
    pub(crate) key_usage: LeafKeyUsage,
}

/// What the key of a leaf may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeafKeyUsage {
    /// Sign.
    Signature,
    /// Sign, and take a secret encrypted to it, as RSA keys do in TLS 1.2.
    SignatureAndEncipherment,
}

/// A certificate for a TLS server.
pub(crate) fn leaf_certificate(
    issuer: &Authority,
    leaf: &LeafProfile<'_>,
) -> Result<Vec<u8>, CannotSign> {
    let common_name = common_name(leaf.identifiers);
    let subject = common_name
        .as_deref()
        .map_or_else(|| name(&[]), |text| name(&[(COMMON_NAME, text)]));
    let usage: &[u8] = match leaf.key_usage {
        LeafKeyUsage::Signature => &[7, 0b1000_0000],
        LeafKeyUsage::SignatureAndEncipherment => &[5, 0b1010_0000],
    };
    let names: Vec<Vec<u8>> = leaf.identifiers.iter().map(general_name).collect();
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let critical_names = if common_name.is_some() {
        Critical::No
    } else {
        Critical::Yes
    };
    let mut extensions = vec![
        extension(KEY_USAGE, Critical::Yes, &element(BIT_STRING, &[usage])),
        extension(
            EXTENDED_KEY_USAGE,
            Critical::No,
            &sequence(&[&oid(SERVER_AUTH)]),
        ),
        extension(BASIC_CONSTRAINTS, Critical::Yes, &sequence(&[])),
        extension(
            SUBJECT_KEY_IDENTIFIER,
            Critical::No,
            &element(OCTET_STRING, &[&key_identifier(leaf.public_key)]),
        ),
        authority_key_identifier(issuer),
        extension(SUBJECT_ALTERNATIVE_NAME, critical_names, &sequence(&names)),
    ];
    extensions.extend(leaf.revocation_list.map(distribution_point));
    let dates = [leaf.not_before, leaf.not_after];
    let tbs = tbs(issuer, leaf.serial, dates, &subject, leaf.spki, &extensions);
    issuer.sign(&tbs)
}

/// The first name that fits, if one does.
fn common_name(identifiers: &[Identifier]) -> Option<String> {
    let names = identifiers
        .iter()
        .filter(|identifier| matches!(identifier, Identifier::Dns(_)));
    names
        .map(Identifier::value)
        .find(|name| name.len() <= LONGEST_COMMON_NAME)
}

fn authority_key_identifier(issuer: &Authority) -> Vec<u8> {
    let value = sequence(&[&element(implicit(0), &[&issuer.key_id])]);
    extension(AUTHORITY_KEY_IDENTIFIER, Critical::No, &value)
}

fn distribution_point(url: &str) -> Vec<u8> {
    let full_name = element(explicit(0), &[&element(implicit(6), &[url.as_bytes()])]);
    let point = sequence(&[&element(explicit(0), &[&full_name])]);
    extension(CRL_DISTRIBUTION_POINTS, Critical::No, &sequence(&[&point]))
}

fn tbs(
    issuer: &Authority,
    serial: &Serial,
    [not_before, not_after]: [Timestamp; 2],
    subject: &[u8],
    spki: &[u8],
    extensions: &[Vec<u8>],
) -> Vec<u8> {
    const VERSION_3: &[u8] = &[2];
    let extensions: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
    sequence(&[
        &element(explicit(0), &[&integer(VERSION_3)]),
        &integer(serial.octets()),
        &signature_algorithm(),
        &issuer.name,
        &sequence(&[&time(not_before), &time(not_after)]),
        subject,
        spki,
        &element(explicit(3), &[&sequence(&extensions)]),
    ])
}

/// A revoked certificate in a list.
pub(crate) type ListEntry = (Serial, Revocation);

/// A certificate revocation list of version 2.
pub(crate) fn revocation_list(
    issuer: &Authority,
    number: u64,
    [this_update, next_update]: [Timestamp; 2],
    entries: &[ListEntry],
) -> Result<Vec<u8>, CannotSign> {
    const VERSION_2: &[u8] = &[1];
    let entries: Vec<Vec<u8>> = entries.iter().map(list_entry).collect();
    let revoked: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let revoked = if revoked.is_empty() {
        Vec::new()
    } else {
        sequence(&revoked)
    };
    let number = extension(CRL_NUMBER, Critical::No, &integer(&number.to_be_bytes()));
    let extensions = sequence(&[&authority_key_identifier(issuer), &number]);
    let content = sequence(&[
        &integer(VERSION_2),
        &signature_algorithm(),
        &issuer.name,
        &time(this_update),
        &time(next_update),
        &revoked,
        &element(explicit(0), &[&extensions]),
    ]);
    issuer.sign(&content)
}

fn list_entry((serial, revocation): &ListEntry) -> Vec<u8> {
    let (serial, at) = (integer(serial.octets()), time(revocation.at));
    match revocation.reason {
        None | Some(RevocationReason::Unspecified) => sequence(&[&serial, &at]),
        Some(reason) => {
            let reason = extension(
                CRL_REASON,
                Critical::No,
                &element(ENUMERATED, &[&[reason.code()]]),
            );
            sequence(&[&serial, &at, &sequence(&[&reason])])
        }
    }
}
