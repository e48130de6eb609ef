//! Whether a certificate names what clients call the endpoint.

use certlocker_core::{Der, Identifier};
use rustls_pki_types::{CertificateDer, ServerName};
use serde::Serialize;
use webpki::EndEntityCert;

use crate::Facts;
use crate::roots::end_entity;

/// Whether the leaf names what it is asked for. A common name never counts ([RFC 9525 section 6.3]).
///
/// [RFC 9525 section 6.3]: https://www.rfc-editor.org/rfc/rfc9525#section-6.3
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum NameVerdict {
    /// Only the common name is right, and clients do not look at it.
    CommonNameOnly,
    /// It names it.
    Covers,
    /// It does not name it.
    Differs {
        /// Some of what it does name.
        names: Vec<Identifier>,
        /// Names in it that no client accepts, with their fault.
        unusable: Vec<String>,
    },
    /// The verifier cannot read the certificate, so no client of its kind gets as far as the name.
    NotJudged {
        /// Why.
        why: String,
    },
}

const MOST_SHOWN: usize = 10;

impl NameVerdict {
    pub(crate) fn of(leaf: &Der, facts: &Facts, name: &Identifier) -> Self {
        let der = CertificateDer::from(leaf.0.as_slice());
        let certificate = match end_entity(&der) {
            Ok(certificate) => certificate,
            Err(error) => {
                return Self::NotJudged {
                    why: error.to_string(),
                };
            }
        };
        if certifies(&certificate, name) {
            return Self::Covers;
        }
        let value = name.value();
        if facts.names.is_empty()
            && facts
                .common_names
                .iter()
                .any(|common| common.eq_ignore_ascii_case(&value))
        {
            return Self::CommonNameOnly;
        }
        Self::Differs {
            names: facts.names.iter().take(MOST_SHOWN).cloned().collect(),
            unusable: facts
                .unusable_names
                .iter()
                .take(MOST_SHOWN)
                .cloned()
                .collect(),
        }
    }
}

fn certifies(certificate: &EndEntityCert<'_>, name: &Identifier) -> bool {
    match name {
        // What is to be proven for every name below is proven for one of them.
        Identifier::Dns(name) if name.is_wildcard() => {
            let some = format!("certlocker-probe.{}", name.base());
            ServerName::try_from(some)
                .is_ok_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok())
        }
        Identifier::Dns(name) => ServerName::try_from(name.as_str())
            .is_ok_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok()),
        Identifier::Ip(address) => certificate
            .verify_is_valid_for_subject_name(&ServerName::from(*address))
            .is_ok(),
    }
}

/// Whether a name in a certificate stands for another one: itself, or one label in place of its `*`.
pub(crate) fn covers(san: &Identifier, name: &Identifier) -> bool {
    match (san, name) {
        (Identifier::Dns(san), Identifier::Dns(name))
            if san.is_wildcard() && !name.is_wildcard() =>
        {
            name.as_str()
                .split_once('.')
                .is_some_and(|(_, parent)| parent == san.base().as_str())
        }
        _ => san == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Authority, Leaf};

    fn judge(leaf: &Leaf<'_>, name: &str) -> NameVerdict {
        let issued = Authority::root("root").issue(leaf);
        let name = Identifier::ip(name)
            .or_else(|_| Identifier::dns(name))
            .unwrap();
        NameVerdict::of(&issued.der, &Facts::read(&issued.der.0).unwrap(), &name)
    }

    #[test]
    fn names_addresses_and_one_label_under_a_wildcard_are_covered() {
        let leaf = Leaf::named(&[
            "a.example",
            "*.b.example",
            "xn--bcher-kva.example",
            "192.0.2.1",
            "2001:db8::1",
        ]);
        for name in [
            "a.example",
            "A.example",
            "x.b.example",
            "*.b.example",
            "xn--bcher-kva.example",
            "192.0.2.1",
            "2001:db8::1",
        ] {
            assert_eq!(judge(&leaf, name), NameVerdict::Covers, "{name}");
        }
        for name in [
            "b.example",
            "x.y.b.example",
            "c.example",
            "*.a.example",
            "192.0.2.2",
            "::1",
        ] {
            assert!(
                matches!(judge(&leaf, name), NameVerdict::Differs { .. }),
                "{name}"
            );
        }
    }

    #[test]
    fn the_common_name_is_never_enough() {
        let leaf = Leaf {
            common_name: Some("a.example"),
            ..Leaf::named(&[])
        };
        assert_eq!(judge(&leaf, "a.example"), NameVerdict::CommonNameOnly);
        let other = Leaf {
            common_name: Some("a.example"),
            ..Leaf::named(&["b.example"])
        };
        assert!(matches!(
            judge(&other, "a.example"),
            NameVerdict::Differs { .. }
        ));
    }

    #[test]
    fn an_address_that_is_written_as_a_name_covers_no_address() {
        let issued = Authority::root("root").issue(&Leaf::named(&["a.example"]));
        let facts = Facts {
            unusable_names: vec!["`192.0.2.1` ends in digits".to_owned()],
            ..Facts::read(&issued.der.0).unwrap()
        };
        let verdict = NameVerdict::of(&issued.der, &facts, &Identifier::ip("192.0.2.1").unwrap());
        let NameVerdict::Differs { unusable, .. } = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(unusable.len(), 1);
    }

    #[test]
    fn a_certificate_that_the_verifier_cannot_read_is_not_judged() {
        let issued = Authority::root("root").issue(&Leaf::named(&["a.example"]));
        let facts = Facts::read(&issued.der.0).unwrap();
        let verdict = NameVerdict::of(
            &Der(vec![0x30, 0]),
            &facts,
            &Identifier::dns("a.example").unwrap(),
        );
        assert!(matches!(verdict, NameVerdict::NotJudged { .. }));
    }
}
