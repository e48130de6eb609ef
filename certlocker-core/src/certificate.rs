//! Certificates in the inventory, with where they came from and what they replace.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::change::{Entry, private};
use crate::endpoint::{Glimpse, Lineage};
use crate::{
    AccountId, Aggregate, CertificateId, Event, Identifier, Kind, OrderId, Random, Timestamp,
    Transition, Versioned,
};

/// A certificate chain in the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    id: CertificateId,
    chain: Chain,
    description: Description,
    origin: Origin,
    replaces: Option<CertificateId>,
    revocation: Option<Revocation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    served: Option<Timestamp>,
}

/// A leaf and the certificates between it and the root, in DER, leaf first, root left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "built by every issuer")]
pub struct Chain {
    /// The certificates between the leaf and the root.
    pub intermediates: Vec<Der>,
    /// The certificate itself.
    pub leaf: Der,
}

/// The DER encoding of something; base64 where it is text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "bytes and nothing else")]
pub struct Der(pub Vec<u8>);

impl Serialize for Der {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Der {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        STANDARD
            .decode(text.as_bytes())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// What a leaf says of itself, read once when it enters the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "built by whoever reads certificates"
)]
pub struct Description {
    /// What it names.
    pub identifiers: Vec<Identifier>,
    /// SHA-256 of its SubjectPublicKeyInfo, in lower-case hexadecimal.
    pub key_sha256: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// Its serial number.
    pub serial: Serial,
    /// SHA-256 of its DER, in lower-case hexadecimal.
    pub sha256: String,
}

/// The serial number of a certificate, written in lower-case hexadecimal ([RFC 5280 section 4.1.2.2]).
/// Zero, which the RFC forbids and some authorities used all the same, is `00`.
///
/// [RFC 5280 section 4.1.2.2]: https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial(Vec<u8>);

impl Serial {
    /// From the octets of an integer; leading zeros do not count.
    pub fn from_octets(octets: &[u8]) -> Self {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        Self(octets[zeros..].to_vec())
    }

    /// The octets of the integer, without leading zeros.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_empty() {
            true => f.write_str("00"),
            false => self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}")),
        }
    }
}

impl FromStr for Serial {
    type Err = InvalidSerial;

    fn from_str(text: &str) -> Result<Self, InvalidSerial> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let octets: Option<Vec<u8>> = digits.chunks(2).map(octet).collect();
        match octets {
            Some(octets) if !octets.is_empty() => Ok(Self::from_octets(&octets)),
            _ => Err(InvalidSerial),
        }
    }
}

fn octet(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let value = char::from(*high).to_digit(16)? * 16 + char::from(*low).to_digit(16)?;
    u8::try_from(value).ok()
}

impl TryFrom<String> for Serial {
    type Error = InvalidSerial;

    fn try_from(text: String) -> Result<Self, InvalidSerial> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.to_string()
    }
}

/// A text that is no serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a serial number: pairs of hexadecimal digits were expected")]
#[non_exhaustive]
pub struct InvalidSerial;

/// How a certificate came into the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// An order was finalized.
    Issued {
        /// Whose order.
        account: AccountId,
        /// The order.
        order: OrderId,
    },
}

/// When a certificate was revoked, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "what a revocation list says, and no more"
)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RevocationReason>,
}

/// The reasons that a subscriber may give ([RFC 5280 section 5.3.1]): those about the key, the
/// subject or the use, and none that only an authority can know.
///
/// [RFC 5280 section 5.3.1]: https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RevocationReason {
    /// No reason given.
    Unspecified,
    /// The private key is known to somebody else.
    KeyCompromise,
    /// The names belong to another organisation now.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// What it was for is no more.
    CessationOfOperation,
}

impl RevocationReason {
    /// Every reason with its CRLReason code.
    pub const ALL: [(Self, u8); 5] = [
        (Self::Unspecified, 0),
        (Self::KeyCompromise, 1),
        (Self::AffiliationChanged, 3),
        (Self::Superseded, 4),
        (Self::CessationOfOperation, 5),
    ];

    /// Its CRLReason code.
    pub fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
        }
    }

    /// The reason with this code, if a subscriber may give it.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, own)| i64::from(*own) == code)
            .map(|(reason, _)| reason)
    }
}

/// A certificate cannot be revoked twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this certificate was revoked at {0}")]
#[non_exhaustive]
pub struct AlreadyRevoked(pub Timestamp);

impl Certificate {
    /// Enters a certificate into the inventory.
    pub fn store(
        chain: Chain,
        description: Description,
        origin: Origin,
        replaces: Option<CertificateId>,
        random: Random<'_>,
        now: Timestamp,
    ) -> Transition<Self> {
        let id = CertificateId::new(now, random);
        let Origin::Issued { order, .. } = &origin;
        let stored = Event::CertificateStored {
            certificate_id: id,
            identifiers: description.identifiers.clone(),
            not_after: description.not_after,
            order_id: Some(*order),
            replaces,
            serial: description.serial.to_string(),
            sha256: description.sha256.clone(),
        };
        Transition::create(
            Self {
                id,
                chain,
                description,
                origin,
                replaces,
                revocation: None,
                served: None,
            },
            vec![stored],
            now,
        )
    }

    /// Its id.
    pub fn id(&self) -> &CertificateId {
        &self.id
    }

    /// The certificates.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// What the leaf says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How it came into the inventory.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The certificate before it, for the same names and account.
    pub fn replaces(&self) -> Option<&CertificateId> {
        self.replaces.as_ref()
    }

    /// When it was revoked, and why.
    pub fn revocation(&self) -> Option<&Revocation> {
        self.revocation.as_ref()
    }

    /// Since when every endpoint is known to have served it, once they did.
    pub fn served(&self) -> Option<Timestamp> {
        self.served
    }

    /// The order that it answers.
    pub fn order(&self) -> Option<&OrderId> {
        let Origin::Issued { order, .. } = &self.origin;
        Some(order)
    }

    /// The certificates that it follows, and that follow it.
    pub fn lineage(&self) -> Lineage {
        let Origin::Issued { account, .. } = &self.origin;
        Lineage {
            account: *account,
            identifiers: self.description.identifiers.clone(),
        }
    }

    /// The account that it was issued to.
    pub fn account(&self) -> Option<&AccountId> {
        let Origin::Issued { account, .. } = &self.origin;
        Some(account)
    }
}

impl Versioned<Certificate> {
    /// Revokes the certificate.
    pub fn revoke(
        &self,
        reason: Option<RevocationReason>,
        now: Timestamp,
    ) -> Result<Transition<Certificate>, AlreadyRevoked> {
        if let Some(earlier) = self.value.revocation {
            return Err(AlreadyRevoked(earlier.at));
        }
        let revocation = Revocation { at: now, reason };
        let revoked = Event::CertificateRevoked {
            certificate_id: self.value.id,
            revocation,
            serial: self.value.description.serial.to_string(),
        };
        Ok(self.step(
            Certificate {
                revocation: Some(revocation),
                ..self.value.clone()
            },
            vec![revoked],
            now,
        ))
    }
}

impl Versioned<Certificate> {
    /// Says that all of its endpoints serve it; nothing if that was said. `endpoints` is how many, and
    /// `last_old` where an earlier one was seen last.
    pub fn serve(
        &self,
        endpoints: usize,
        last_old: Option<Glimpse>,
        now: Timestamp,
    ) -> Option<Transition<Certificate>> {
        let served = Event::CertificateServed {
            certificate_id: self.value.id,
            endpoints,
            last_old,
            order_id: self.value.order().copied(),
        };
        let next = Certificate {
            served: Some(now),
            ..self.value.clone()
        };
        let is_new = self.value.served.is_none();
        is_new.then(|| self.step(next, vec![served], now))
    }
}

impl private::Sealed for Certificate {}

impl Aggregate for Certificate {
    const KIND: Kind = Kind::Certificate;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![
            Entry::unique(Self::BY_SHA256, &self.description.sha256),
            Entry::new(Self::BY_SERIAL, &self.description.serial),
        ];
        entries.extend(self.account().map(|account| {
            Entry::new(
                Self::BY_NAMES,
                crate::order::names_digest(account, &self.description.identifiers),
            )
        }));
        entries.extend(
            self.revocation
                .map(|_| Entry::new(Self::BY_STATE, Self::REVOKED)),
        );
        entries
    }
}

impl Certificate {
    /// The index of certificates by account and names.
    pub(crate) const BY_NAMES: &'static str = "names";
    /// The index of certificates by serial number.
    pub(crate) const BY_SERIAL: &'static str = "serial";
    /// The index of certificates by the digest of the leaf.
    pub(crate) const BY_SHA256: &'static str = "sha256";
    /// The index of certificates by what became of them.
    pub(crate) const BY_STATE: &'static str = "state";
    /// Revoked, in that index.
    pub(crate) const REVOKED: &'static str = "revoked";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_read_with_and_without_colons() {
        assert_eq!("00:0A:ff".parse::<Serial>().unwrap().to_string(), "0aff");
        assert_eq!("0aff".parse::<Serial>().unwrap().octets(), [0x0a, 0xff]);
        for bad in ["", "abc", "zz", "0x0a"] {
            assert!(bad.parse::<Serial>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_serial_number_zero_is_written_as_it_is_read() {
        assert_eq!("00".parse::<Serial>().unwrap().to_string(), "00");
        assert_eq!(Serial::from_octets(&[]).to_string(), "00");
    }

    #[test]
    fn only_reasons_that_a_subscriber_can_know_are_accepted() {
        for code in [0, 1, 3, 4, 5] {
            assert_eq!(
                i64::from(RevocationReason::from_code(code).unwrap().code()),
                code
            );
        }
        for code in [-1, 2, 6, 7, 8, 9, 10, 11, 256] {
            assert_eq!(RevocationReason::from_code(code), None, "{code}");
        }
    }
}
