//! A person's own password, as they choose it.

use certlocker_core::{Attribution, Changeset, Person, SignInFailure, Versioned};
use zeroize::Zeroizing;

use super::sign_in::{SignInError, is_right, refused};
use super::{Inventory, InventoryError};
use crate::credential;

/// What is shorter can be guessed from its hash.
const SHORTEST: usize = 12;
/// What is longer is no password.
const LONGEST: usize = 1_024;

impl Inventory {
    /// Gives a person the password that they chose, if they know the one until now, and ends their
    /// sessions. A wrong one counts as an attempt to sign in that failed.
    pub(crate) async fn change_password(
        &self,
        person: Versioned<Person>,
        old: Zeroizing<String>,
        new: &str,
        by: &Attribution,
    ) -> Result<(), SignInError> {
        person.value.may_try(self.clock.now()).map_err(refused)?;
        if !is_right(old, Some(&person.value)).await {
            return self.fail(person, SignInFailure::Password, by).await;
        }
        let invalid = |why: String| SignInError::from(InventoryError::Invalid(why));
        if !(SHORTEST..=LONGEST).contains(&new.len()) {
            let why = format!("a password has {SHORTEST} to {LONGEST} bytes");
            return Err(invalid(why));
        }
        let now = self.clock.now();
        let hash = credential::hash(new).map_err(|error| invalid(error.to_string()))?;
        let Some(changed) = person.change_password(hash, now) else {
            return Err(invalid(
                "an issuer vouches for you, without a password".to_owned(),
            ));
        };
        let changes = Changeset::of(changed.by(by));
        let changes = self.without_sessions(&person.value, changes, now).await?;
        self.store.commit(changes).await?;
        Ok(())
    }
}
