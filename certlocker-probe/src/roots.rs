//! Sets of certificates that are trusted, and what they answer.

use std::collections::HashSet;
use std::fmt;

use certlocker_core::{Der, Timestamp};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use serde::Serialize;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::{Fingerprint, excerpt};

/// A set of certificates that are trusted to issue others.
#[derive(Clone, Default)]
pub struct Roots {
    anchors: Vec<TrustAnchor<'static>>,
    /// Certificates that are trusted as they are: a server may present one itself.
    certificates: HashSet<Fingerprint>,
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({} anchors)", self.anchors.len())
    }
}

impl Roots {
    /// Trusts these certificates; those that cannot be trusted, because they cannot be read, are left out.
    pub fn new<'a>(certificates: impl IntoIterator<Item = &'a Der>) -> Self {
        let mut roots = Self::default();
        for der in certificates {
            if let Ok(anchor) = anchor_from_trusted_cert(&CertificateDer::from(der.0.as_slice())) {
                roots.anchors.push(anchor.to_owned());
            }
            roots.certificates.insert(Fingerprint::of(&der.0));
        }
        roots
    }

    /// What Mozilla trusts to identify servers, as of the crate that has it compiled in.
    #[cfg(feature = "mozilla-roots")]
    pub fn mozilla() -> Self {
        Self {
            anchors: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            certificates: HashSet::new(),
        }
    }

    /// What this machine trusts, or the files and folders that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    ///
    /// # Errors
    /// What went wrong if nothing was found at all.
    #[cfg(feature = "platform-roots")]
    pub fn platform() -> Result<Self, String> {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            return Err(why.join("; "));
        }
        let certificates: Vec<Der> = found.certs.iter().map(|der| Der(der.to_vec())).collect();
        Ok(Self::new(&certificates))
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// Whether an anchor has this name, given as DER.
    pub(crate) fn has_subject(&self, name_der: &[u8]) -> bool {
        // The subject of an anchor comes without the header of its SEQUENCE.
        self.anchors.iter().any(|anchor| {
            name_der.ends_with(anchor.subject.as_ref())
                && name_der.len() <= anchor.subject.len() + 4
        })
    }

    pub(crate) fn has_certificate(&self, sha256: &Fingerprint) -> bool {
        self.certificates.contains(sha256)
    }

    /// Whether these trust the leaf, through these intermediates and at this time.
    pub(crate) fn answer(&self, leaf: &Der, served: &[Der], known: &[Der], at: Timestamp) -> Trust {
        if self.has_certificate(&Fingerprint::of(&leaf.0)) {
            return Trust::Trusted;
        }
        let anchors = &self.anchors;
        match (verify(leaf, served, anchors, at), known) {
            (Ok(_), _) => Trust::Trusted,
            (Err(error), []) => Trust::Refused {
                why: error.to_string(),
            },
            (Err(error), known) => match verify(leaf, &[served, known].concat(), anchors, at) {
                Ok(_) => Trust::WithKnownIntermediates,
                Err(_) => Trust::Refused {
                    why: error.to_string(),
                },
            },
        }
    }
}

/// What one set of roots says of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum Trust {
    /// There was no such set to ask.
    NotAsked,
    /// The chain does not lead to one of them.
    Refused {
        /// Why, in the words of the verifier.
        why: String,
    },
    /// The chain leads to one of them as it was sent.
    Trusted,
    /// The chain leads to one of them once intermediates are added that the server did not send.
    WithKnownIntermediates,
}

/// Why a path was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoPath {
    /// The leaf is longer than the verifier reads, though others may read it.
    TooLong,
    Webpki(webpki::Error),
}

/// The verifier takes lengths of two octets at most, after the header of four.
const LONGEST: usize = 4 + 0xffff;

/// The leaf as the verifier reads it.
pub(crate) fn end_entity<'a>(leaf: &'a CertificateDer<'a>) -> Result<EndEntityCert<'a>, NoPath> {
    match leaf.len() <= LONGEST {
        true => EndEntityCert::try_from(leaf).map_err(NoPath::Webpki),
        false => Err(NoPath::TooLong),
    }
}

impl fmt::Display for NoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use webpki::Error;
        let error = match self {
            Self::TooLong => {
                return write!(
                    f,
                    "it is longer than the {LONGEST} octets that the verifier reads"
                );
            }
            Self::Webpki(error) => error,
        };
        match error {
            Error::CaUsedAsEndEntity => f.write_str("the leaf is a certificate of an authority"),
            Error::CertExpired { .. } => f.write_str("a certificate on the way is over"),
            Error::CertNotValidYet { .. } => f.write_str("a certificate on the way has not begun"),
            Error::InvalidSignatureForPublicKey => f.write_str("a signature is wrong"),
            Error::UnknownIssuer => f.write_str("it leads to no authority that is trusted"),
            other => f.write_str(&excerpt::text(&other.to_string())),
        }
    }
}

/// The intermediates, as DER, by which a leaf leads to one of the anchors.
pub(crate) fn verify(
    leaf: &Der,
    intermediates: &[Der],
    anchors: &[TrustAnchor<'static>],
    at: Timestamp,
) -> Result<Vec<Der>, NoPath> {
    let leaf = CertificateDer::from(leaf.0.as_slice());
    let leaf = end_entity(&leaf)?;
    let intermediates: Vec<CertificateDer<'_>> = intermediates
        .iter()
        .map(|der| CertificateDer::from(der.0.as_slice()))
        .collect();
    let path = leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        anchors,
        &intermediates,
        UnixTime::since_unix_epoch(at.since(Timestamp::from_micros(0))),
        KeyUsage::server_auth(),
        None,
        None,
    );
    let path = path.map_err(NoPath::Webpki)?;
    Ok(path
        .intermediate_certificates()
        .map(|used| Der(used.der().to_vec()))
        .collect())
}

/// The sets whose answers are wanted.
#[derive(Clone, Debug, Default)]
#[allow(
    clippy::exhaustive_structs,
    reason = "three answers are what is promised"
)]
pub struct TrustStores {
    /// The authorities of the inventory.
    pub inventory: Option<Roots>,
    /// What Mozilla trusts.
    pub mozilla: Option<Roots>,
    /// What the machine trusts that looks.
    pub platform: Option<Roots>,
}

impl TrustStores {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Roots> {
        [&self.inventory, &self.mozilla, &self.platform]
            .into_iter()
            .flatten()
    }
}

/// What each set of roots says of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "three answers are what is promised"
)]
pub struct TrustAnswers {
    /// The authorities of the inventory.
    pub inventory: Trust,
    /// What Mozilla trusts.
    pub mozilla: Trust,
    /// What the machine trusts that looks.
    pub platform: Trust,
}

impl TrustAnswers {
    pub(crate) fn of(stores: &TrustStores, chain: &[Der], known: &[Der], at: Timestamp) -> Self {
        let ask = |roots: &Option<Roots>| match (roots, chain.split_first()) {
            (Some(roots), Some((leaf, served))) => roots.answer(leaf, served, known, at),
            _ => Trust::NotAsked,
        };
        Self {
            inventory: ask(&stores.inventory),
            mozilla: ask(&stores.mozilla),
            platform: ask(&stores.platform),
        }
    }

    /// Whether a set that was asked trusts the chain as it was sent; `None` if none was asked.
    pub fn trusted_by_any(&self) -> Option<bool> {
        let answers = [&self.inventory, &self.mozilla, &self.platform];
        let mut asked = answers
            .into_iter()
            .filter(|answer| **answer != Trust::NotAsked)
            .peekable();
        asked.peek()?;
        Some(asked.any(|answer| *answer == Trust::Trusted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Authority, Leaf, day};

    #[test]
    fn each_set_of_roots_gives_an_answer_of_its_own() {
        let (own, other) = (Authority::root("own"), Authority::root("other"));
        let intermediate = own.intermediate("intermediate", 500);
        let leaf = intermediate.issue(&Leaf::named(&["a.example"]));
        let stores = TrustStores {
            inventory: Some(Roots::new([&own.der])),
            mozilla: None,
            platform: Some(Roots::new([&other.der])),
        };
        let answers = TrustAnswers::of(&stores, &[leaf.der, intermediate.der], &[], day(50));
        assert_eq!(answers.inventory, Trust::Trusted);
        assert_eq!(answers.mozilla, Trust::NotAsked);
        assert!(matches!(answers.platform, Trust::Refused { .. }));
        assert_eq!(answers.trusted_by_any(), Some(true));
    }

    #[test]
    fn an_intermediate_that_was_not_sent_is_told_from_one_that_was() {
        let root = Authority::root("root");
        let intermediate = root.intermediate("intermediate", 500);
        let leaf = intermediate.issue(&Leaf::named(&["a.example"]));
        let stores = TrustStores {
            inventory: Some(Roots::new([&root.der])),
            ..TrustStores::default()
        };
        let answers = TrustAnswers::of(&stores, &[leaf.der], &[intermediate.der], day(50));
        assert_eq!(answers.inventory, Trust::WithKnownIntermediates);
        assert_eq!(answers.trusted_by_any(), Some(false));
    }

    #[test]
    fn a_certificate_that_is_trusted_itself_needs_no_path() {
        let own = Authority::root("own");
        let roots = Roots::new([&own.der]);
        assert_eq!(roots.answer(&own.der, &[], &[], day(50)), Trust::Trusted);
    }

    #[cfg(feature = "mozilla-roots")]
    #[test]
    fn mozilla_trusts_many_authorities_and_not_ours() {
        let own = Authority::root("own");
        let mozilla = Roots::mozilla();
        assert!(mozilla.anchors().len() > 50);
        let leaf = own.issue(&Leaf::named(&["a.example"]));
        assert!(matches!(
            mozilla.answer(&leaf.der, &[], &[], day(50)),
            Trust::Refused { .. }
        ));
    }
}
