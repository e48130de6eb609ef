//! Names of things: sortable by creation, unguessable, safe in a URL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::Timestamp;

/// A source of random bytes, handed in by the caller: core draws none of its own.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

/// A text that is not one of our ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an id: 26 characters of upper-case Crockford base 32 were expected")]
#[non_exhaustive]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// Written as a ULID: its text sorts by the time of creation, and has one form only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// A new id for something created at `now`.
            pub fn new(now: Timestamp, random: Random<'_>) -> Self {
                Self(ulid(now, random))
            }

            /// The smallest id of this kind that could have been made at `at`, for use as a bound.
            pub fn first_at(at: Timestamp) -> Self {
                Self(Ulid::from_parts(millis(at), 0))
            }

            /// When the id was made, to the millisecond.
            pub fn created(&self) -> Timestamp {
                let millis = i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX);
                Timestamp::from_micros(millis.saturating_mul(1_000))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    )+};
}

ids! {
    /// The id of an [`Access`](crate::host::Access) entry.
    AccessId;
    /// The id of an [`Account`](crate::Account).
    AccountId;
    /// The id of an [`Authority`](crate::Authority).
    AuthorityId;
    /// The id of a [`Certificate`](crate::Certificate).
    CertificateId;
    /// The id of a [`Client`](crate::Client), which is also its EAB key identifier.
    ClientId;
    /// The id of a [`Credential`](crate::import::Credential).
    CredentialId;
    /// The id of a [`Group`](crate::host::Group) of hosts.
    GroupId;
    /// The id of a [`Host`](crate::host::Host).
    HostId;
    /// The id of a [`Plan`](crate::import::Plan) of an import.
    ImportPlanId;
    /// The id of an [`Order`](crate::Order).
    OrderId;
    /// The id of a [`Person`](crate::Person).
    PersonId;
    /// The id of a sealed secret.
    SecretId;
    /// The id of an SSH certificate, which it carries as its key id.
    SshCertificateId;
    /// The id of a [`Token`](crate::Token), which is also part of its text.
    TokenId;
}

fn ulid(now: Timestamp, random: Random<'_>) -> Ulid {
    let mut bytes = [0; 16];
    random(&mut bytes);
    Ulid::from_parts(millis(now), u128::from_be_bytes(bytes))
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros() / 1_000).unwrap_or(0)
}

/// Lower case and look-alike letters decode too, and would make one thing answer at many URLs.
fn parse(text: &str) -> Result<Ulid, InvalidId> {
    let id = Ulid::from_string(text).map_err(|_| InvalidId)?;
    if id.to_string() == text {
        Ok(id)
    } else {
        Err(InvalidId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting() -> impl FnMut(&mut [u8]) {
        let mut next = 0;
        move |bytes| {
            for byte in bytes {
                next += 1;
                *byte = next;
            }
        }
    }

    #[test]
    fn ids_sort_by_the_time_of_creation_and_tell_it() {
        let mut random = counting();
        let (early, late) = (
            Timestamp::from_seconds(1_000),
            Timestamp::from_seconds(1_001),
        );
        let (first, second) = (
            OrderId::new(early, &mut random),
            OrderId::new(late, &mut random),
        );
        assert!(first.to_string() < second.to_string());
        assert!(OrderId::first_at(late) <= second && first < OrderId::first_at(late));
        assert_eq!(second.created(), late);
    }

    #[test]
    fn one_id_has_one_text() {
        let id = OrderId::new(Timestamp::from_seconds(1_000), &mut counting()).to_string();
        assert_eq!(id.parse::<OrderId>().unwrap().to_string(), id);
        for other in [
            id.to_lowercase(),
            format!("{id} "),
            id[1..].to_owned(),
            format!("O{}", &id[1..]),
            String::new(),
            "Z".repeat(26),
        ] {
            assert!(other.parse::<OrderId>().is_err(), "{other}");
        }
    }
}
