//! Accounts: register, find, read, update, deactivate, and their lists of orders
//! ([RFC 8555 section 7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3)).

use certlocker_core::{
    Account, AccountId, AccountKey, AccountState, Changeset, Direction, NewAccount, Page,
    StoreError, Subject, Versioned,
};

use super::signed::deactivated;
use super::{Gateway, Refused, Registration, Signed, random};
use crate::call::{Answer, Call};
use crate::problem::{Problem, ProblemType, Subproblem};
use crate::wire::{AccountUpdate, NewAccountPayload, WireAccount, WireOrders};

impl Gateway {
    pub(super) async fn new_account(&self, signed: &Signed) -> Result<Answer, Refused> {
        let payload: NewAccountPayload<'_> = signed.json()?;
        let thumbprint = signed.key.thumbprint();
        if let Some(known) = self.store().account_by_key(&thumbprint).await? {
            return self.known_account(&known);
        }
        if payload.only_return_existing {
            return Err(Problem::new(
                ProblemType::AccountDoesNotExist,
                "no account here has this key",
            )
            .into());
        }
        self.check_terms(payload.terms_of_service_agreed)?;
        check_contacts(&payload.contact)?;
        let binding = match payload.external_account_binding {
            Some(inner) => Some(self.bind(inner.get().as_bytes(), signed).await?),
            None if self.0.config.registration == Registration::Credential => {
                return Err(credential_required().into());
            }
            None => None,
        };
        let new = NewAccount {
            client: binding.as_ref().map(|client| *client.value.id()),
            contacts: payload.contact,
            external_binding: payload
                .external_account_binding
                .map(|inner| inner.get().to_owned()),
            key: AccountKey {
                jwk: signed.key.to_canonical_json(),
                thumbprint,
            },
            terms_agreed: payload.terms_of_service_agreed.then_some(signed.now),
        };
        let created = Account::create(new, &mut random, signed.now);
        let mut by = signed.by.clone();
        by.cause.parent = binding
            .as_ref()
            .map(|client| Subject::Client(*client.value.id()));
        let account = created.next().clone();
        let mut changes = Changeset::of(created.by(&by));
        if let Some(bound) = binding.and_then(|client| client.bind(&account, signed.now)) {
            changes = changes.and(bound.by(&by));
        }
        match self.store().commit(changes).await {
            Ok(_) => Ok(self.account_answer(201, &account)),
            Err(StoreError::Conflict) => self.registered_meanwhile(signed).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Two requests with one key, or one single-use credential, came at the same time.
    async fn registered_meanwhile(&self, signed: &Signed) -> Result<Answer, Refused> {
        match self
            .store()
            .account_by_key(&signed.key.thumbprint())
            .await?
        {
            Some(known) => self.known_account(&known),
            None => Err(StoreError::Conflict.into()),
        }
    }

    fn known_account(&self, known: &Versioned<Account>) -> Result<Answer, Refused> {
        match known.value.state() {
            AccountState::Valid => Ok(self.account_answer(200, &known.value)),
            state => Err(deactivated(state).into()),
        }
    }

    fn account_answer(&self, status: u16, account: &Account) -> Answer {
        Answer::json(status, &WireAccount::new(account, self.links()))
            .header("location", self.links().account(account.id()))
    }

    fn check_terms(&self, agreed: bool) -> Result<(), Problem> {
        match &self.0.config.terms_of_service {
            Some(terms) if !agreed => {
                let detail = format!(
                    "the terms of service at {terms} have to be agreed to: send termsOfServiceAgreed"
                );
                let mut problem = Problem::new(ProblemType::UserActionRequired, detail);
                problem.terms = Some(terms.as_str().into());
                Err(problem)
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn account(&self, value: &str, signed: &Signed) -> Result<Answer, Refused> {
        let account = own_account(value, signed)?;
        if signed.is_get() {
            return Ok(self.account_answer(200, &account.value));
        }
        let update: AccountUpdate = signed.json()?;
        if update.status.as_deref() == Some("deactivated") {
            return self.deactivate(account, signed).await;
        }
        match update.contact {
            Some(contacts) if contacts != account.value.contacts() => {
                check_contacts(&contacts)?;
                let change = account.set_contacts(contacts, signed.now).by(&signed.by);
                let after = change.after();
                self.store().commit(change.into()).await?;
                Ok(self.account_answer(200, &after.value))
            }
            _ => Ok(self.account_answer(200, &account.value)),
        }
    }

    /// The account and its open orders end in one commit.
    async fn deactivate(
        &self,
        account: &Versioned<Account>,
        signed: &Signed,
    ) -> Result<Answer, Refused> {
        let change = account.deactivate(signed.now).by(&signed.by);
        let after = change.after();
        let mut changes = Changeset::of(change);
        let mut last = None;
        loop {
            let page = Page::oldest(OPEN_ORDERS).after(last.take());
            let open = self.store().open_orders(account.value.id(), page).await?;
            for order in &open {
                if let Some(ended) = order.account_deactivated(signed.now) {
                    changes = changes.and(ended.by(&signed.by));
                }
            }
            match open.last() {
                Some(order) if open.len() == OPEN_ORDERS => {
                    last = Some(order.value.id().to_string())
                }
                _ => break,
            }
        }
        self.store().commit(changes).await?;
        Ok(self.account_answer(200, &after.value))
    }

    pub(super) async fn orders(
        &self,
        value: &str,
        signed: &Signed,
        call: &Call,
    ) -> Result<Answer, Refused> {
        let account = own_account(value, signed)?;
        signed.expect_get()?;
        let limit = self.0.config.orders_per_page;
        let after = call.parameter("cursor").map(str::to_owned);
        let page = Page {
            after,
            direction: Direction::OldestFirst,
            limit: limit + 1,
        };
        let mut orders = self.store().listed_orders(account.value.id(), page).await?;
        let more = orders.len() > limit;
        orders.truncate(limit);
        let urls = orders
            .iter()
            .map(|order| self.links().order(order.value.id()))
            .collect();
        let answer = Answer::json(200, &WireOrders { orders: urls });
        Ok(match orders.last() {
            Some(last) if more => answer.link(
                &self
                    .links()
                    .orders(account.value.id(), Some(last.value.id())),
                "next",
            ),
            _ => answer,
        })
    }
}

const OPEN_ORDERS: usize = 100;

/// The account of the request, if the URL is its own; for any other the answer is the same,
/// whether it exists or not.
fn own_account<'s>(value: &str, signed: &'s Signed) -> Result<&'s Versioned<Account>, Problem> {
    let account = signed.account()?;
    match value.parse::<AccountId>() {
        Ok(id) if id == *account.value.id() => Ok(account),
        _ => Err(Problem::new(
            ProblemType::Unauthorized,
            "this is not the URL of the account that signed the request",
        )),
    }
}

fn credential_required() -> Problem {
    Problem::new(
        ProblemType::ExternalAccountRequired,
        "an account needs the credential of a scoped client here (external account binding); ask the operator for one",
    )
}

/// RFC 8555 section 7.3: mailto only, one address, no header fields.
fn check_contacts(contacts: &[String]) -> Result<(), Problem> {
    let bad: Vec<Subproblem> = contacts
        .iter()
        .filter_map(|contact| check_contact(contact).err())
        .collect();
    let Some(first) = bad.first() else {
        return Ok(());
    };
    Err(Problem::new(first.kind, first.detail.clone()))
}

fn check_contact(contact: &str) -> Result<(), Subproblem> {
    let shown: String = contact
        .chars()
        .take(100)
        .flat_map(char::escape_default)
        .collect();
    let invalid = |why: &str| {
        Subproblem::new(
            ProblemType::InvalidContact,
            format!("the contact `{shown}` {why}"),
            None,
        )
    };
    let Some((scheme, address)) = contact.split_once(':') else {
        return Err(invalid(
            "is not a URL; `mailto:somebody@example.com` would be",
        ));
    };
    if !scheme.eq_ignore_ascii_case("mailto") {
        let detail =
            format!("the contact `{shown}` has a scheme that is not supported; `mailto` is");
        return Err(Subproblem::new(
            ProblemType::UnsupportedContact,
            detail,
            None,
        ));
    }
    if address.contains('?') {
        return Err(invalid(
            "has header fields, which RFC 8555 section 7.3 forbids",
        ));
    }
    if address.contains(',') {
        return Err(invalid(
            "has more than one address, which RFC 8555 section 7.3 forbids",
        ));
    }
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"<>()[]\\\"".contains(&b))
    };
    match address.rsplit_once('@') {
        Some((local, domain)) if plain(local) && plain(domain) && !local.contains('@') => Ok(()),
        _ => Err(invalid("is not a mail address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_checked_for_mailto_syntax_only() {
        for good in [
            "mailto:a@b.example",
            "MAILTO:first.last+tag@localhost",
            "mailto:a@xn--bcher-kva.example",
        ] {
            assert!(check_contact(good).is_ok(), "{good}");
        }
        for (bad, kind) in [
            ("tel:+12025551212", ProblemType::UnsupportedContact),
            ("https://a.example", ProblemType::UnsupportedContact),
            ("a@b.example", ProblemType::InvalidContact),
            ("mailto:", ProblemType::InvalidContact),
            ("mailto:a", ProblemType::InvalidContact),
            ("mailto:a@b,c@d", ProblemType::InvalidContact),
            ("mailto:a@b?subject=x", ProblemType::InvalidContact),
            ("mailto:a b@c", ProblemType::InvalidContact),
            ("mailto:a@@b", ProblemType::InvalidContact),
        ] {
            assert_eq!(check_contact(bad).unwrap_err().kind, kind, "{bad}");
        }
    }
}
