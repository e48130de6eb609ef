//! Certificate requests and certificates.

use aws_lc_rs::signature::KeyPair;
use certlocker_acme::jose::Jwk;
use certlocker_acme::validate::judge_certificate;
use certlocker_acme::x509::{Csr, CsrRefusal, Leaf, sha256_hex};
use certlocker_core::Identifier;

use crate::jose::key_pair;
use crate::names::assert_canonical;
use crate::{assert_shown, is_inside};

const KEY_AUTHORIZATION: &str = "token-1.thumbprint-1";

/// An accepted request has its key octet for octet, and canonical names.
pub(crate) fn csr(data: &[u8]) {
    let csr = match Csr::parse(data) {
        Ok(csr) => csr,
        Err(refusal) => return assert_shown(&refusal.to_string()),
    };
    assert!(is_inside(csr.spki_der(), data) && is_inside(csr.public_key(), csr.spki_der()));
    assert_eq!(Jwk::from_spki(csr.spki_der()).as_ref(), Ok(csr.key()));
    assert_eq!(csr.key_sha256(), sha256_hex(csr.spki_der()));
    csr.identifiers().iter().for_each(assert_canonical);
    assert_eq!(csr.check_names(csr.identifiers()), Ok(()));
    let other = [Identifier::dns("other.example").expect("it is a name")];
    let differs = csr.check_names(&other.into());
    if csr
        .identifiers()
        .iter()
        .map(Identifier::value)
        .ne(["other.example".to_owned()])
    {
        assert!(matches!(differs, Err(CsrRefusal::Names { .. })));
    }
}

/// Subject and attributes of a request, signed here so that what is behind the signature is
/// reached. The first octet says how long the subject is.
pub(crate) fn csr_attributes(data: &[u8]) {
    let Some((&length, rest)) = data.split_first() else {
        return;
    };
    let (subject, attributes) = rest.split_at(usize::from(length).min(rest.len()));
    let key = key_pair();
    let algorithm = [0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
    let public_key = [&[0][..], key.public_key().as_ref()].concat();
    let spki = tlv(0x30, &[&algorithm, &tlv(3, &[&public_key])]);
    let info = tlv(0x30, &[&[2, 1, 0], subject, &spki, attributes]);
    let signature = [&[0][..], key.sign(&info).as_ref()].concat();
    csr(&tlv(0x30, &[&info, &algorithm, &tlv(3, &[&signature])]));
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len())
        .expect("inputs are small")
        .to_be_bytes();
    [&[tag, 0x84][..], &length, &content].concat()
}

/// A certificate that reads has its key and its digest octet for octet, and canonical names.
pub(crate) fn leaf(data: &[u8]) {
    let leaf = match Leaf::parse(data) {
        Ok(leaf) => leaf,
        Err(error) => return assert_shown(&error.to_string()),
    };
    assert!(is_inside(leaf.spki_der(), data));
    let description = leaf.description();
    assert_eq!(description.sha256, sha256_hex(data));
    assert_eq!(description.key_sha256, sha256_hex(leaf.spki_der()));
    description.identifiers.iter().for_each(assert_canonical);
    let written = serde_json::to_string(description).expect("it has text keys");
    let again: certlocker_core::Description = serde_json::from_str(&written).expect(&written);
    assert_eq!(&again, description);
}

/// Any bytes where a certificate of tls-alpn-01 should be are judged in a few words.
pub(crate) fn tls_alpn_certificate(data: &[u8]) {
    for identifier in ["dns:a.example", "ip:192.0.2.1", "ip:2001:db8::1"] {
        let identifier = Identifier::try_from(identifier.to_owned()).expect("it is canonical");
        if let Err(failure) = judge_certificate(data, &identifier, KEY_AUTHORIZATION) {
            assert_shown(&failure.detail);
            assert!(failure.detail.len() < 1000, "{}", failure.detail);
            assert!(failure.observed.is_none_or(|text| text.len() < 1000));
        }
    }
}
