use certlocker_core::{
    Account, AccountKey, Actor, Attribution, Changeset, Client, Component, Fact, Grant, History,
    Identifier, MemoryStore, NewAccount, NewClient, NewOrder, NewToken, Order, OrderId,
    RecordQuery, Scope, SecretId, Thumbprint, Timestamp, Token, TokenScopes, TokenText, Trigger,
    Uses,
};
use pollster::block_on;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + second)
}

fn random(bytes: &mut [u8]) {
    bytes.fill(7);
}

fn request(actor: Actor, id: &str) -> Attribution {
    Attribution::new(actor, Trigger::Request(id.to_owned()))
}

/// A client by command, its account, and an order of it.
fn history() -> (MemoryStore, OrderId) {
    let store = MemoryStore::default();
    let commit = |changes: Changeset| block_on(store.commit(changes)).unwrap();
    let new = NewClient {
        expires: None,
        mac_key: SecretId::first_at(at(0)),
        name: "web".to_owned(),
        proof_reuse: false,
        quirks: Default::default(),
        scope: Scope::default(),
        uses: Uses::Any,
    };
    let by = Attribution::new(Actor::Command("ann".to_owned()), Trigger::Command);
    let client = Client::create(new, &mut random, at(0)).by(&by);
    let client_id = *client.after().value.id();
    commit(client.into());
    let new = NewAccount {
        client: Some(client_id),
        contacts: Vec::new(),
        external_binding: None,
        key: AccountKey {
            jwk: "{}".to_owned(),
            thumbprint: Thumbprint::new([1; 32]),
        },
        terms_agreed: None,
    };
    let anonymous = Actor::Anonymous("192.0.2.0/24".parse().unwrap());
    let account = Account::create(new, &mut random, at(1)).by(&request(anonymous, "r1"));
    let account_id = *account.after().value.id();
    commit(account.into());
    let new = NewOrder {
        account: account_id,
        client: Some(client_id),
        expires: at(900),
        identifiers: vec![Identifier::dns("a.example").unwrap()],
        not_after: None,
        not_before: None,
        profile: None,
        proofs: Vec::new(),
    };
    let by = request(Actor::Account(account_id), "r2").because_of(Subject::Account(account_id));
    let order = Order::create(new, None, &mut random, at(2))
        .unwrap()
        .by(&by);
    let order_id = *order.after().value.id();
    commit(order.into());
    let started = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
    commit(Changeset::fact(&Fact::server_started("1", at(3)), &started));
    (store, order_id)
}

#[test]
fn an_order_leads_back_to_the_command_that_made_its_client() {
    let (store, order) = history();
    let steps = block_on(why(&store, Subject::Order(order))).unwrap();
    let said: Vec<String> = steps.iter().map(|step| sentence(&step.record)).collect();
    assert_eq!(
        steps
            .iter()
            .map(|step| step.record.sequence.get())
            .collect::<Vec<_>>(),
        [3, 2, 1]
    );
    assert!(
        said[0].contains("for a.example was placed by account"),
        "{said:?}"
    );
    assert!(
        said[1].contains("with the credential of client"),
        "{said:?}"
    );
    assert!(said[2].starts_with("client `web`"), "{said:?}");
    let root = trigger_sentence(&steps[2].record);
    assert_eq!(
        root,
        "it was set off by a command that `ann` typed on the machine."
    );
}

#[test]
fn a_client_leads_back_through_the_tokens_to_the_start_of_the_server() {
    let store = MemoryStore::default();
    let commit = |changes: Changeset| block_on(store.commit(changes)).unwrap();
    let new = |reason: &str| NewToken {
        grant: Grant {
            expires: at(900),
            networks: Default::default(),
            scopes: TokenScopes::admin(),
        },
        owner: None,
        reason: reason.to_owned(),
    };
    let text = |number: u8| TokenText::draw(&mut |bytes: &mut [u8]| bytes.fill(number), at(0));
    let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
    let first = Token::root(new("the first"), &text(1), at(0)).by(&by);
    let above = first.after();
    commit(first.into());
    let first = *above.value.id();
    let by = request(Actor::Token(first), "r1").because_of(Subject::Token(first));
    let (counted, child) = above.child(new("for ann"), &text(2), at(1)).unwrap();
    let child_id = *child.next().id();
    commit(Changeset::of(counted.by(&by)).and(child.by(&by)));
    let by = request(Actor::Token(child_id), "r2").because_of(Subject::Token(child_id));
    let new = NewClient {
        expires: None,
        mac_key: SecretId::first_at(at(0)),
        name: "web".to_owned(),
        proof_reuse: false,
        quirks: Default::default(),
        scope: Scope::default(),
        uses: Uses::Any,
    };
    let client = Client::create(new, &mut random, at(2)).by(&by);
    let client_id = *client.after().value.id();
    commit(client.into());
    let steps = block_on(why(&store, Subject::Client(client_id))).unwrap();
    let said: Vec<String> = steps.iter().map(|step| sentence(&step.record)).collect();
    assert!(
        said[0].contains(&format!("made by token:{child_id}")),
        "{said:?}"
    );
    assert!(
        said[1].contains(&format!(
            "(for ann) was made by token:{first}; it may admin until"
        )),
        "{said:?}"
    );
    assert!(
        said[2].contains("(the first) was made by server:startup"),
        "{said:?}"
    );
    assert_eq!(steps.len(), 3);
}

#[test]
fn every_record_leads_to_a_root_trigger() {
    let (store, _) = history();
    for record in block_on(store.find_records(&RecordQuery::oldest(100))).unwrap() {
        for subject in record.event.subjects() {
            let steps = block_on(why(&store, subject)).unwrap();
            assert_eq!(steps.last().unwrap().record.cause.parent, None, "{subject}");
        }
    }
}

#[test]
fn what_the_ledger_does_not_know_has_no_path() {
    let (store, _) = history();
    let steps = block_on(why(&store, Subject::Order(OrderId::first_at(at(9))))).unwrap();
    assert!(steps.is_empty());
}

#[test]
fn a_cause_of_which_there_is_no_record_is_refused() {
    let store = MemoryStore::default();
    let unknown = Subject::Order(OrderId::first_at(at(7)));
    let account = certlocker_core::AccountId::first_at(at(0));
    let by = request(Actor::Account(account), "r").because_of(unknown);
    let fact = Fact::request_refused(account, None, "new-order", "malformed", "x", at(8));
    block_on(store.commit(Changeset::fact(&fact, &by))).unwrap();
    let refused = block_on(why(&store, Subject::Account(account))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("record 1 came about because of {unknown}, of which there is no record")
    );
}

#[test]
fn a_renewal_is_told_from_its_root_trigger_to_its_last_record() {
    let (store, order) = history();
    let told = block_on(renewal(&store, Subject::Order(order)))
        .unwrap()
        .unwrap();
    assert_eq!(
        (told.order, told.certificate, told.replaces),
        (order, None, None)
    );
    assert_eq!(told.records.len(), 1);
    assert_eq!(
        told.way.last().unwrap().record.cause.trigger,
        Trigger::Command
    );
    let unknown = Subject::Order(OrderId::first_at(at(9)));
    assert_eq!(block_on(renewal(&store, unknown)).unwrap(), None);
}
