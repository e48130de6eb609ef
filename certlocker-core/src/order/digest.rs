//! What makes two requests the same.

use sha2::{Digest, Sha256};

use crate::secret::hexadecimal;
use crate::{AccountId, Identifier, Timestamp};

/// The names of a certificate of an account, whatever their order.
pub(crate) fn names_digest(account: &AccountId, identifiers: &[Identifier]) -> String {
    hexadecimal(&names(account, identifiers).finalize())
}

/// An order request of an account, whatever the order of its names.
pub(super) fn request_digest(
    account: &AccountId,
    identifiers: &[Identifier],
    dates: [Option<Timestamp>; 2],
    profile: Option<&str>,
) -> String {
    let mut digest = names(account, identifiers);
    for part in dates.map(|date| date.map(|at| at.to_string())) {
        digest.update(part.as_deref().unwrap_or("-"));
        digest.update("\n");
    }
    digest.update(profile.unwrap_or(""));
    hexadecimal(&digest.finalize())
}

fn names(account: &AccountId, identifiers: &[Identifier]) -> Sha256 {
    let mut sorted: Vec<&Identifier> = identifiers.iter().collect();
    sorted.sort();
    sorted.dedup();
    let mut digest = Sha256::new_with_prefix(account.to_string());
    for identifier in sorted {
        digest.update("\n");
        digest.update(identifier.to_string());
    }
    digest.update("\n\n");
    digest
}

/// Where the proof that an account controls an identifier is found.
pub(crate) fn proof_key(account: &AccountId, ordered: &Identifier) -> String {
    format!("{account} {ordered}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetition_of_names_do_not_matter_and_everything_else_does() {
        let account = AccountId::first_at(Timestamp::from_seconds(1));
        let [a, b] = ["a.example", "b.example"].map(|name| Identifier::dns(name).unwrap());
        let same =
            |names: &[Identifier], dates, profile| request_digest(&account, names, dates, profile);
        let base = same(&[a.clone(), b.clone()], [None, None], None);
        assert_eq!(
            base,
            same(&[b.clone(), a.clone(), b.clone()], [None, None], None)
        );
        let later = Some(Timestamp::from_seconds(5));
        for other in [
            same(std::slice::from_ref(&a), [None, None], None),
            same(&[a.clone(), b.clone()], [later, None], None),
            same(&[a.clone(), b.clone()], [None, later], None),
            same(&[a, b], [None, None], Some("short")),
        ] {
            assert_ne!(base, other);
        }
    }
}
