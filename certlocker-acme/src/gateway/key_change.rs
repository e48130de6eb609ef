//! Another key for an account ([RFC 8555 section 7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5)).

use certlocker_core::{Account, AccountKey, StoreError, Thumbprint};

use super::{Gateway, Refused, Signed};
use crate::call::Answer;
use crate::jose::{Jwk, KeyChange};
use crate::problem::Problem;
use crate::wire::WireAccount;

impl Gateway {
    pub(super) async fn change_key(&self, signed: &Signed) -> Result<Answer, Refused> {
        let account = signed.account()?;
        let change = KeyChange::parse(&signed.payload, &signed.url).map_err(Problem::from)?;
        if change.account() != self.links().account(account.value.id()) {
            return Err(Problem::malformed(
                "`account` in the inner JWS is not the account that signed the outer one",
            )
            .into());
        }
        if *change.old_key() != *signed.key {
            return Err(Problem::malformed(
                "`oldKey` in the inner JWS is not the key that signed the outer one",
            )
            .into());
        }
        let key = account_key(change.new_key());
        if let Some(holder) = self.store().account_by_key(&key.thumbprint).await? {
            return Err(self.key_in_use(&holder.value).into());
        }
        let change = account.change_key(key.clone(), signed.now).by(&signed.by);
        let after = change.after();
        match self.store().commit(change.into()).await {
            Ok(_) => {
                let answer = Answer::json(200, &WireAccount::new(&after.value, self.links()));
                Ok(answer.header("location", self.links().account(after.value.id())))
            }
            Err(StoreError::Conflict) => Err(self.lost_race(&key.thumbprint).await?.into()),
            Err(error) => Err(error.into()),
        }
    }

    async fn lost_race(&self, key: &Thumbprint) -> Result<Problem, Refused> {
        match self.store().account_by_key(key).await? {
            Some(holder) => Ok(self.key_in_use(&holder.value)),
            None => Err(StoreError::Conflict.into()),
        }
    }

    fn key_in_use(&self, holder: &Account) -> Problem {
        let mut problem =
            Problem::malformed("the new key is the key of another account").with_status(409);
        problem.location = Some(self.links().account(holder.id()).into());
        problem
    }
}

fn account_key(key: &Jwk) -> AccountKey {
    AccountKey {
        jwk: key.to_canonical_json(),
        thumbprint: key.thumbprint(),
    }
}
