//! From bytes to a verified request: parse, nonce, URL, key, signature, in that order.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certlocker_core::{
    Account, AccountState, Actor, Attribution, Changeset, Client, ClientRefusal, Fact, OrderId,
    Quirk, StoreError, Subject, Thumbprint, Timestamp, Versioned,
};
use serde::Deserialize;

use super::refusals::order_of;
use super::{Gateway, Refused, attribution, store_problem};
use crate::call::{Answer, Call};
use crate::jose::{FlattenedJws, Jwk, KeyId, Quirks};
use crate::object;
use crate::problem::{Problem, ProblemType, admissible, json_error};
use crate::route::Operation;

/// A request whose signature was verified.
#[derive(Debug)]
pub(super) struct Signed {
    /// The account, when the key was named by its URL.
    pub(super) account: Option<Versioned<Account>>,
    /// Who sent it, and why, for records.
    pub(super) by: Attribution,
    /// The scoped client of the account.
    pub(super) client: Option<Client>,
    /// The key that signed.
    pub(super) key: Arc<Jwk>,
    /// The time of the request.
    pub(super) now: Timestamp,
    /// What was signed; empty for POST-as-GET.
    pub(super) payload: Vec<u8>,
    /// Mistakes that were seen and admitted.
    pub(super) quirks: Mutex<BTreeSet<Quirk>>,
    /// The URL that was signed.
    pub(super) url: String,
}

impl Signed {
    /// Whether this is POST-as-GET ([RFC 8555 section 6.3](https://www.rfc-editor.org/rfc/rfc8555#section-6.3)).
    pub(super) fn is_get(&self) -> bool {
        self.payload.is_empty()
    }

    /// `answer`, if this is POST-as-GET.
    pub(super) fn as_get(&self, answer: Answer) -> Result<Answer, Refused> {
        self.expect_get()?;
        Ok(answer)
    }

    /// Refuses anything but POST-as-GET.
    pub(super) fn expect_get(&self) -> Result<(), Problem> {
        if self.is_get() {
            return Ok(());
        }
        Err(Problem::malformed(
            "this resource is read with POST-as-GET: the payload has to be the empty string",
        ))
    }

    /// The payload as JSON.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        if self.is_get() {
            return Err(Problem::malformed(
                "a JSON object was expected as payload, and it is empty",
            ));
        }
        object::from_slice(&self.payload).map_err(|error| {
            let detail = format!("the payload does not read: {}", json_error(&error));
            Problem::malformed(detail)
        })
    }

    /// The account; only newAccount and revokeCert come without one.
    pub(super) fn account(&self) -> Result<&Versioned<Account>, Problem> {
        self.account.as_ref().ok_or_else(|| {
            Problem::malformed("this request has to be signed with an account: `kid`, not `jwk`")
        })
    }

    /// Passes over a mistake that was seen, if the account's scoped client may make it, and notes
    /// that; otherwise refuses it with `detail`.
    pub(super) fn admit(&self, quirk: Quirk, detail: &str) -> Result<(), Problem> {
        let client = self.client.as_ref();
        if !client.is_some_and(|client| client.admits(quirk)) {
            return Err(Problem::malformed(admissible(detail, quirk)));
        }
        self.admitted().insert(quirk);
        Ok(())
    }

    fn admitted(&self) -> MutexGuard<'_, BTreeSet<Quirk>> {
        self.quirks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway {
    pub(super) async fn signed(
        &self,
        operation: Operation,
        values: &[&str],
        call: &Call,
    ) -> Result<Answer, Problem> {
        let signed = match self.verify(operation, call).await {
            Ok(signed) => signed,
            Err(problem) => {
                self.note_anonymous(&problem, call);
                return Err(problem);
            }
        };
        if let Err(problem) = self.0.limiters.check_requests(&signed) {
            self.note_excess(&problem, &signed, call);
            return Err(problem);
        }
        let answer = self.perform(operation, values, &signed, call).await;
        self.note_quirks(&signed, order_of(operation, values)).await;
        match answer {
            Ok(answer) => Ok(answer),
            Err(refused) => Err(self
                .record_refusal(operation, values, &signed, call, refused)
                .await),
        }
    }

    async fn verify(&self, operation: Operation, call: &Call) -> Result<Signed, Problem> {
        self.0.limiters.check_network(call)?;
        check_media_type(call.content_type.as_deref())?;
        let jws = FlattenedJws::parse(&call.body)?;
        let header = jws.header();
        self.redeem(header.nonce()).await?;
        self.check_url(header.url(), call)?;
        let (account, key) = match header.key() {
            KeyId::Jwk(jwk) if allows_jwk(operation) => (None, Arc::new(Jwk::clone(jwk))),
            KeyId::Kid(kid) if allows_kid(operation) => {
                let account = self.account_of(kid).await?;
                let key = self.0.keys.of(&account.value)?;
                (Some(account), key)
            }
            KeyId::Jwk(_) => {
                return Err(Problem::malformed(
                    "this request has to be signed with an account: `kid`, not `jwk`",
                ));
            }
            KeyId::Kid(_) => {
                return Err(Problem::malformed(
                    "newAccount has to carry the key itself: `jwk`, not `kid`",
                ));
            }
        };
        let client = self.client_of(account.as_ref()).await?;
        let short = client
            .as_ref()
            .is_some_and(|client| client.admits(Quirk::ShortSignature));
        let verified = jws.verify(
            &key,
            Quirks {
                short_ecdsa_signature: short,
            },
        )?;
        check_account(account.as_ref())?;
        let quirks = verified.short_signature.then_some(Quirk::ShortSignature);
        let by = match &account {
            Some(account) => attribution(Actor::Account(*account.value.id()), call)
                .because_of(Subject::Account(*account.value.id())),
            None => attribution(super::refusals::anonymous(call), call),
        };
        let url = header.url().to_owned();
        Ok(Signed {
            account,
            by,
            client,
            key,
            now: self.now(),
            payload: jws.into_payload(),
            quirks: Mutex::new(quirks.into_iter().collect()),
            url,
        })
    }

    async fn redeem(&self, nonce: Option<&str>) -> Result<(), Problem> {
        let Some(nonce) = nonce else {
            return Err(Problem::new(
                ProblemType::BadNonce,
                "the protected header has no `nonce`",
            ));
        };
        let redeemed = self.0.parts.nonces.redeem(nonce).await;
        if redeemed.map_err(|error| store_problem(&error))? {
            return Ok(());
        }
        Err(Problem::new(
            ProblemType::BadNonce,
            "this nonce was not issued here, is too old, or was used before; use the one in this answer",
        ))
    }

    /// RFC 8555 section 6.4: a difference is a request for somebody else, or a proxy that rewrites.
    fn check_url(&self, signed: &str, call: &Call) -> Result<(), Problem> {
        let own = self.links().url(&call.path_and_query);
        if signed == own {
            return Ok(());
        }
        let signed: String = signed
            .chars()
            .take(400)
            .flat_map(char::escape_default)
            .collect();
        let detail =
            format!("the client signed a request for `{signed}`, and it arrived at `{own}`");
        Err(Problem::new(ProblemType::Unauthorized, detail))
    }

    async fn account_of(&self, kid: &str) -> Result<Versioned<Account>, Problem> {
        let unknown = || {
            Problem::new(
                ProblemType::AccountDoesNotExist,
                "the `kid` is not the URL of an account here",
            )
        };
        let id = self.links().account_id(kid).ok_or_else(unknown)?;
        self.store()
            .account(&id)
            .await
            .map_err(|error| match error {
                StoreError::NotFound => unknown(),
                other => store_problem(&other),
            })
    }

    async fn client_of(
        &self,
        account: Option<&Versioned<Account>>,
    ) -> Result<Option<Client>, Problem> {
        let Some(id) = account.and_then(|account| account.value.client()) else {
            return Ok(None);
        };
        match self.store().client(id).await {
            Ok(client) => Ok(Some(client.value)),
            Err(error) => Err(store_problem(&error)),
        }
    }

    async fn note_quirks(&self, signed: &Signed, order: Option<OrderId>) {
        let Some(account) = &signed.account else {
            return;
        };
        let admitted = signed.admitted().clone();
        for quirk in admitted {
            let fact = Fact::quirk_admitted(*account.value.id(), order, quirk, signed.now);
            if let Err(error) = self
                .store()
                .commit(Changeset::fact(&fact, &signed.by))
                .await
            {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a quirk was not recorded"
                );
            }
        }
    }
}

/// RFC 8555 section 6.2; parameters such as a charset mean nothing here.
fn check_media_type(content_type: Option<&str>) -> Result<(), Problem> {
    let essence = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if essence.eq_ignore_ascii_case("application/jose+json") {
        return Ok(());
    }
    let seen: String = essence
        .chars()
        .take(80)
        .flat_map(char::escape_default)
        .collect();
    let detail = format!("the Content-Type has to be application/jose+json, and it is `{seen}`");
    Err(Problem::malformed(detail).with_status(415))
}

fn allows_jwk(operation: Operation) -> bool {
    matches!(operation, Operation::NewAccount | Operation::RevokeCert)
}

fn allows_kid(operation: Operation) -> bool {
    operation != Operation::NewAccount
}

fn check_account(account: Option<&Versioned<Account>>) -> Result<(), Problem> {
    match account.map(|account| account.value.state()) {
        None | Some(AccountState::Valid) => Ok(()),
        Some(state) => Err(deactivated(state)),
    }
}

/// RFC 8555 section 7.3.6.
pub(super) fn deactivated(state: AccountState) -> Problem {
    let detail = match state {
        AccountState::Deactivated(at) => format!(
            "this account was deactivated at {}",
            at.to_rfc3339_seconds()
        ),
        _ => "this account may not act".to_owned(),
    };
    Problem::new(ProblemType::Unauthorized, detail).with_status(401)
}

impl From<ClientRefusal> for Problem {
    fn from(refusal: ClientRefusal) -> Self {
        Self::new(ProblemType::Unauthorized, refusal.to_string())
    }
}

/// Account keys that were parsed before, by thumbprint: a key never changes under its thumbprint.
#[derive(Debug, Default)]
pub(super) struct KeyCache(Mutex<HashMap<Thumbprint, Arc<Jwk>>>);

impl KeyCache {
    const LARGEST: usize = 4096;

    fn of(&self, account: &Account) -> Result<Arc<Jwk>, Problem> {
        let stored = account.key();
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(&stored.thumbprint) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(Jwk::parse(stored.jwk.as_bytes())?);
        if keys.len() >= Self::LARGEST {
            keys.clear();
        }
        keys.insert(stored.thumbprint, Arc::clone(&key));
        Ok(key)
    }
}
