//! PKCS #10 requests, checked as RFC 8555 section 7.4 asks.

use std::collections::BTreeSet;

use certlocker_core::Identifier;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::key::{self, SignatureRefusal};
use super::names::{self, NameRefusal};
use super::sha256_hex;
use crate::jose::Jwk;
use crate::problem::first_few;

/// A certificate request whose signature was verified, now or before, and whose key is strong
/// enough.
#[derive(Debug)]
pub struct Csr {
    identifiers: BTreeSet<Identifier>,
    key: Jwk,
    public_key: Vec<u8>,
    spki: Vec<u8>,
}

/// Why a request cannot be signed. Display is a sentence for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrRefusal {
    /// It asks for an authority.
    #[error("the request asks for a certificate authority (basicConstraints CA:TRUE)")]
    Authority,
    /// It is no PKCS #10 request.
    #[error("the request does not read as PKCS #10: {0}")]
    Form(String),
    /// Its key is too weak or of a kind that is not signed here.
    #[error("the request's key: {0}")]
    Key(String),
    /// A name is none that a certificate here could have.
    #[error("a name in the request: {0}")]
    Name(String),
    /// It names other things than the order.
    #[error(
        "the request and the order name different things: {}",
        difference(missing, extra)
    )]
    Names {
        /// In the order and not in the request.
        missing: Vec<Identifier>,
        /// In the request and not in the order.
        extra: Vec<Identifier>,
    },
    /// Its signature algorithm is too weak or not known.
    #[error(
        "the request is signed with algorithm {0}, which is not accepted: use SHA-256 or stronger"
    )]
    SignatureAlgorithm(String),
    /// It was not signed with its own key.
    #[error("the request's signature does not verify with its own key")]
    Signature,
}

fn difference(missing: &[Identifier], extra: &[Identifier]) -> String {
    let list = |all: &[Identifier]| {
        let names: Vec<String> = all.iter().map(Identifier::to_string).collect();
        first_few(&names, ", ")
    };
    match (missing.is_empty(), extra.is_empty()) {
        (false, true) => format!("the request lacks {}", list(missing)),
        (true, false) => format!("the order lacks {}", list(extra)),
        _ => format!(
            "the request lacks {}, the order lacks {}",
            list(missing),
            list(extra)
        ),
    }
}

impl From<NameRefusal> for CsrRefusal {
    fn from(refusal: NameRefusal) -> Self {
        Self::Name(refusal.to_string())
    }
}

impl From<SignatureRefusal> for CsrRefusal {
    fn from(refusal: SignatureRefusal) -> Self {
        match refusal {
            SignatureRefusal::Algorithm(oid) => Self::SignatureAlgorithm(oid),
            SignatureRefusal::Wrong => Self::Signature,
        }
    }
}

/// Far more than a hundred names and the largest key need.
const LARGEST: usize = 48 * 1024;

impl Csr {
    /// Reads and verifies a request.
    ///
    /// # Errors
    /// [`CsrRefusal`], by what is wrong first.
    pub fn parse(der: &[u8]) -> Result<Self, CsrRefusal> {
        Self::read(der, verify)
    }

    /// Reads a request whose signature was verified before.
    ///
    /// # Errors
    /// [`CsrRefusal`], by what is wrong first.
    pub fn parse_verified(der: &[u8]) -> Result<Self, CsrRefusal> {
        Self::read(der, |_, _| Ok(()))
    }

    fn read(
        der: &[u8],
        check: impl FnOnce(&X509CertificationRequest<'_>, &Jwk) -> Result<(), CsrRefusal>,
    ) -> Result<Self, CsrRefusal> {
        if der.len() > LARGEST {
            return Err(CsrRefusal::Form(format!(
                "it has {} octets, and {LARGEST} are accepted",
                der.len()
            )));
        }
        let (rest, request) = X509CertificationRequest::from_der(der)
            .map_err(|error| CsrRefusal::Form(error.to_string()))?;
        if !rest.is_empty() {
            return Err(CsrRefusal::Form(format!("{} octets follow it", rest.len())));
        }
        let info = &request.certification_request_info;
        let key = Jwk::from_spki(info.subject_pki.raw)
            .map_err(|refusal| CsrRefusal::Key(refusal.to_string()))?;
        check(&request, &key)?;
        let identifiers = requested(&request)?;
        let public_key = info.subject_pki.subject_public_key.data.to_vec();
        Ok(Self {
            identifiers,
            key,
            public_key,
            spki: info.subject_pki.raw.to_vec(),
        })
    }

    /// Everything it names, the common name included.
    pub fn identifiers(&self) -> &BTreeSet<Identifier> {
        &self.identifiers
    }

    /// Its key.
    pub fn key(&self) -> &Jwk {
        &self.key
    }

    /// Its SubjectPublicKeyInfo, octet for octet.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The key as it stands inside the SubjectPublicKeyInfo.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// SHA-256 of its SubjectPublicKeyInfo, in lower-case hexadecimal.
    pub fn key_sha256(&self) -> String {
        sha256_hex(&self.spki)
    }

    /// Whether it names exactly these.
    ///
    /// # Errors
    /// [`CsrRefusal::Names`] with the difference.
    pub fn check_names(&self, ordered: &BTreeSet<Identifier>) -> Result<(), CsrRefusal> {
        let missing: Vec<Identifier> = ordered.difference(&self.identifiers).cloned().collect();
        let extra: Vec<Identifier> = self.identifiers.difference(ordered).cloned().collect();
        if missing.is_empty() && extra.is_empty() {
            return Ok(());
        }
        Err(CsrRefusal::Names { missing, extra })
    }
}

fn verify(request: &X509CertificationRequest<'_>, key: &Jwk) -> Result<(), CsrRefusal> {
    let info = &request.certification_request_info;
    let signature = &request.signature_value.data;
    key::verify(
        &request.signature_algorithm,
        key.algorithm(),
        &info.subject_pki,
        info.raw,
        signature,
    )?;
    Ok(())
}

fn requested(request: &X509CertificationRequest<'_>) -> Result<BTreeSet<Identifier>, CsrRefusal> {
    let info = &request.certification_request_info;
    let mut found = BTreeSet::new();
    for attribute in info.iter_attributes() {
        let ParsedCriAttribute::ExtensionRequest(requested) = attribute.parsed_attribute() else {
            continue;
        };
        for extension in &requested.extensions {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(san) => {
                    found.extend(names::identifiers(&san.general_names)?)
                }
                ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
                    return Err(CsrRefusal::Authority);
                }
                ParsedExtension::ParseError { .. } => {
                    return Err(CsrRefusal::Form(format!(
                        "extension {} does not read",
                        extension.oid
                    )));
                }
                _ => {}
            }
        }
    }
    for common_name in info.subject.iter_common_name() {
        let text = common_name
            .as_str()
            .map_err(|_| CsrRefusal::Name("the common name is not text".to_owned()))?;
        found.insert(named(text)?);
    }
    Ok(found)
}

/// A common name is one of the names: a host name, or an address.
fn named(text: &str) -> Result<Identifier, NameRefusal> {
    Ok(Identifier::ip(text).or_else(|_| Identifier::dns(text))?)
}
