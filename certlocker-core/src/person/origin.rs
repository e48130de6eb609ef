//! Who vouches for a person.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Event, Fact, PersonId, Timestamp};

/// An issuer of OpenID Connect, and what it calls a person: together they name the same person for
/// ever, which a name or an address does not
/// ([OpenID Connect Core section 5.7](https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability)).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PersonOrigin {
    issuer: String,
    subject: String,
}

/// The longest subject that an issuer may give
/// ([section 2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).
const LONGEST_SUBJECT: usize = 255;
const LONGEST_ISSUER: usize = 2_000;

impl PersonOrigin {
    /// What `issuer` calls `subject`.
    ///
    /// # Errors
    /// [`InvalidOrigin`] for a text that is empty, too long or not printable, and for an issuer with
    /// a blank.
    pub fn new(issuer: &str, subject: &str) -> Result<Self, InvalidOrigin> {
        let fits = |text: &str, longest| (1..=longest).contains(&text.len());
        let issuer_fits =
            fits(issuer, LONGEST_ISSUER) && issuer.chars().all(|c| c.is_ascii_graphic());
        let subject_fits = fits(subject, LONGEST_SUBJECT) && !subject.chars().any(char::is_control);
        if !issuer_fits || !subject_fits {
            return Err(InvalidOrigin);
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        })
    }

    /// The URL of the issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the issuer calls the person.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The fact that the issuer vouched for somebody who was not let in; `why` is a word that does
    /// not change.
    pub fn refused(&self, person: Option<PersonId>, why: &str, now: Timestamp) -> Fact {
        let refused = Event::SignInRefused {
            issuer: self.issuer.clone(),
            person_id: person,
            subject: self.subject.clone(),
            why: why.to_owned(),
        };
        Fact::new(refused, now)
    }
}

/// The issuer, a blank and the subject.
impl fmt::Display for PersonOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.issuer, self.subject)
    }
}

/// Texts that name no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this names nobody: a printable issuer without blanks and a printable subject of at most \
     {LONGEST_SUBJECT} bytes were expected"
)]
#[non_exhaustive]
pub struct InvalidOrigin;
