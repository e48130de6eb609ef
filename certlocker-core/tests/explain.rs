//! What an operator is told about an order, sentence by sentence.

use std::time::Duration;

use certlocker_core::{
    Account, AccountKey, Actor, Attempt, Attribution, Certificate, CertificateRequest, Chain,
    ChallengeRef, Changeset, Component, Der, Description, Explanation, Fact, Failure, FailureKind,
    Hop, Identifier, Ledger, MemoryStore, Method, NewAccount, NewOrder, Order, OrderId, Origin,
    Outcome, Party, Retry, Seen, Sequence, Serial, Stage, StepStatus, Subject, Thumbprint,
    Timestamp, Transition, Trigger, Versioned, explain, explain_absent,
};
use pollster::block_on;

const RETRY: Retry = Retry {
    first: Duration::from_secs(1),
    window: Duration::from_secs(3),
};
const MINUTE: Duration = Duration::from_secs(60);

/// An order of one account, moved on step by step while time passes.
struct Story {
    account: Account,
    now: Timestamp,
    order: Versioned<Order>,
    store: MemoryStore,
}

fn by() -> Attribution {
    Attribution::new(Actor::Server(Component::Validator), Trigger::Due)
}

fn random(bytes: &mut [u8]) {
    bytes.fill(7);
}

impl Story {
    /// An order placed at 2026-12-01T12:00:00Z, to be completed within seven days.
    fn of(names: &[&str]) -> Self {
        let now = Timestamp::parse("2026-12-01T12:00:00Z").unwrap();
        let store = MemoryStore::default();
        let new = NewAccount {
            client: None,
            contacts: Vec::new(),
            external_binding: None,
            key: AccountKey {
                jwk: "{}".to_owned(),
                thumbprint: Thumbprint::new([1; 32]),
            },
            terms_agreed: None,
        };
        let account = Account::create(new, &mut random, now).by(&by());
        let value = account.after().value;
        block_on(store.commit(account.into())).unwrap();
        let new = NewOrder {
            account: *value.id(),
            client: None,
            expires: now.after(7 * 24 * 60 * MINUTE),
            identifiers: names
                .iter()
                .map(|name| Identifier::dns(name).unwrap())
                .collect(),
            not_after: None,
            not_before: None,
            profile: None,
            proofs: Vec::new(),
        };
        let order = Order::create(new, None, &mut random, now)
            .unwrap()
            .by(&by());
        let after = order.after();
        block_on(store.commit(order.into())).unwrap();
        Self {
            account: value,
            now,
            order: after,
            store,
        }
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }

    fn commit(&mut self, transition: Transition<Order>) {
        let change = transition.by(&by());
        self.order = change.after();
        block_on(self.store.commit(change.into())).unwrap();
    }

    fn arm(&mut self, authorization: usize, method: Method) {
        let armed = self
            .order
            .arm(
                ChallengeRef {
                    authorization,
                    method,
                },
                &RETRY,
                self.now,
            )
            .unwrap();
        self.commit(armed);
    }

    fn look(&mut self, authorization: usize, method: Method, hop: Hop, outcome: Outcome) {
        let attempt = Attempt {
            elapsed_ms: 12,
            hops: vec![hop],
            outcome,
            started: self.now,
        };
        let seen = Seen {
            attempt,
            challenge: ChallengeRef {
                authorization,
                method,
            },
        };
        let until = self.now.after(30 * 24 * 60 * MINUTE);
        let attempted = self.order.attempted(vec![seen], &RETRY, until, self.now);
        self.commit(attempted);
    }

    fn prove(&mut self, authorization: usize) {
        self.arm(authorization, Method::Http01);
        self.look(
            authorization,
            Method::Http01,
            Hop::default(),
            Outcome::Proved,
        );
    }

    fn finalize(&mut self) {
        let request = CertificateRequest {
            der: Der(vec![1]),
            key_sha256: "ab".to_owned(),
        };
        let processing = self.order.finalize(request, self.now).unwrap();
        self.commit(processing);
    }

    fn issue(&mut self) {
        let description = Description {
            identifiers: self.order.value.identifiers().to_vec(),
            key_sha256: "ab".to_owned(),
            not_before: self.now,
            not_after: self.now.after(90 * 24 * 60 * MINUTE),
            serial: Serial::from_octets(&[0x5e]),
            sha256: "cd".to_owned(),
        };
        let origin = Origin::Issued {
            account: *self.account.id(),
            order: *self.order.value.id(),
        };
        let chain = Chain {
            leaf: Der(vec![1]),
            intermediates: Vec::new(),
        };
        let stored = Certificate::store(chain, description, origin, None, &mut random, self.now);
        let valid = self
            .order
            .issued(stored.next(), self.now)
            .unwrap()
            .by(&by());
        self.order = valid.after();
        block_on(
            self.store
                .commit(Changeset::of(stored.by(&by())).and(valid)),
        )
        .unwrap();
    }

    fn explain(&self) -> Explanation {
        let subject = Subject::Order(*self.order.value.id());
        let records = block_on(self.store.records(Some(&subject), Sequence::START, 1_000)).unwrap();
        explain(&self.order.value, &records, self.now)
    }
}

fn told(story: &Story, stage: Stage, party: impl Into<Option<Party>>, sentence: &str) {
    let explanation = story.explain();
    assert_eq!(explanation.verdict, sentence);
    assert_eq!(
        (explanation.stage, explanation.waiting_for),
        (stage, party.into())
    );
}

fn nginx() -> Hop {
    Hop {
        dialled: Some("203.0.113.7:80".parse().unwrap()),
        first_bytes: Some("<html>".to_owned()),
        resolved: vec!["203.0.113.7".parse().unwrap()],
        server: Some("nginx/1.22.1".to_owned()),
        status: Some(404),
        target: "http://a.example/.well-known/acme-challenge/t".to_owned(),
    }
}

#[test]
fn an_order_that_nobody_touched() {
    let mut story = Story::of(&["a.example"]);
    story.wait(90 * MINUTE);
    told(
        &story,
        Stage::Challenge,
        Party::Client,
        "The client has not answered a challenge for a.example: 0 of 1 identifiers are proven. The client answers, or the order \
         expires at 2026-12-08T12:00:00Z (in 6 d 22 h).",
    );
    assert_eq!(story.explain().next.unwrap().what, "the order expires");
}

#[test]
fn an_answer_that_came_from_another_server() {
    let mut story = Story::of(&["a.example"]);
    story.arm(0, Method::Http01);
    let failure = Failure::new(
        FailureKind::IncorrectResponse,
        "the status is 404 instead of 200",
    )
    .compared("the key authorization", "<html>");
    story.look(0, Method::Http01, nginx(), Outcome::Wrong(failure));
    told(
        &story,
        Stage::Validation,
        Party::Client,
        "Stopped at 2026-12-01T12:00:00Z: http-01 for a.example failed: the status is 404 instead of 200 (the answer came from \
         nginx/1.22.1 at 203.0.113.7:80). The client puts its answer where a.example is served from, then the client places \
         another order.",
    );
    let explanation = story.explain();
    assert_eq!(
        explanation.expected.as_deref(),
        Some("the key authorization")
    );
    assert_eq!(explanation.observed.as_deref(), Some("<html>"));
    assert_eq!(explanation.code, Some("CLA023E"));
    assert_eq!(explanation.rail[4].status, StepStatus::Failed);
}

#[test]
fn a_refused_connection_between_attempts_and_after_the_last() {
    let mut story = Story::of(&["a.example"]);
    let refused = || {
        let hop = Hop {
            dialled: Some("203.0.113.7:80".parse().unwrap()),
            target: "http://a.example/".to_owned(),
            ..Hop::default()
        };
        let failure = Failure::new(
            FailureKind::Connection,
            "203.0.113.7:80 refused the connection",
        );
        (hop, Outcome::NoAnswer(failure))
    };
    story.arm(0, Method::Http01);
    let (hop, outcome) = refused();
    story.look(0, Method::Http01, hop, outcome);
    told(
        &story,
        Stage::Validation,
        Party::Client,
        "Attempt 1 at http-01 for a.example found no answer: 203.0.113.7:80 refused the connection. Whoever runs a.example opens \
         203.0.113.7:80 to this server; the server looks again at 2026-12-01T12:00:01Z (in 1 s).",
    );
    for _ in 0..2 {
        story.wait(Duration::from_secs(2));
        let (hop, outcome) = refused();
        story.look(0, Method::Http01, hop, outcome);
    }
    told(
        &story,
        Stage::Validation,
        Party::Client,
        "Stopped at 2026-12-01T12:00:02Z: http-01 for a.example failed after 2 attempts: 203.0.113.7:80 refused the connection. \
         Whoever runs a.example opens 203.0.113.7:80 to this server, then the client places another order.",
    );
}

#[test]
fn one_name_of_three_that_does_not_exist() {
    let mut story = Story::of(&["a.example", "b.example", "c.example"]);
    story.prove(0);
    story.prove(1);
    story.arm(2, Method::Dns01);
    let failure = || Failure::new(FailureKind::Dns, "_acme-challenge.c.example TXT: NXDOMAIN");
    story.look(
        2,
        Method::Dns01,
        Hop::default(),
        Outcome::NoAnswer(failure()),
    );
    story.wait(Duration::from_secs(3));
    story.look(
        2,
        Method::Dns01,
        Hop::default(),
        Outcome::NoAnswer(failure()),
    );
    told(
        &story,
        Stage::Validation,
        Party::DnsOwner,
        "Stopped at 2026-12-01T12:00:03Z (1 of 3 identifiers): dns-01 for c.example failed after 2 attempts: \
         _acme-challenge.c.example TXT: NXDOMAIN. Whoever runs the DNS zone of c.example mends its records, then the client \
         places another order.",
    );
}

#[test]
fn an_order_that_is_ready_and_never_finalized() {
    let mut story = Story::of(&["a.example"]);
    story.prove(0);
    story.wait(2 * 60 * MINUTE);
    told(
        &story,
        Stage::Finalize,
        Party::Client,
        "Every identifier has been proven since 2026-12-01T12:00:00Z (2 h ago), and the client has not sent its certificate \
         request. It does, or the order expires at 2026-12-08T12:00:00Z (in 6 d 22 h).",
    );
}

#[test]
fn a_wrong_certificate_request() {
    let mut story = Story::of(&["a.example"]);
    story.prove(0);
    let failure = Failure::new(
        FailureKind::BadCsr,
        "the request and the order name different things: the order lacks dns:b.example",
    );
    let refused = Fact::finalize_refused(*story.order.value.id(), failure, story.now);
    block_on(story.store.commit(Changeset::fact(&refused, &by()))).unwrap();
    story.wait(MINUTE);
    told(
        &story,
        Stage::Finalize,
        Party::Client,
        "The certificate request was refused at 2026-12-01T12:00:00Z (1 min ago): the request and the order name different things: \
         the order lacks dns:b.example. The client sends another before 2026-12-08T12:00:00Z (in 6 d 23 h).",
    );
    assert_eq!(story.explain().code, Some("CLA050E"));
}

#[test]
fn an_order_outside_the_scope_of_its_client() {
    let story = Story::of(&["a.example"]);
    let failure = Failure::new(
        FailureKind::RejectedIdentifier,
        "client `web` may order dns:*.web.example, and dns:mail.example is outside",
    );
    let names = vec![Identifier::dns("mail.example").unwrap()];
    let id = OrderId::new(story.now, &mut |bytes| bytes.fill(9));
    let refused = Fact::order_refused(id, *story.account.id(), None, names, failure, story.now);
    block_on(story.store.commit(Changeset::fact(&refused, &by()))).unwrap();
    let subject = Subject::Order(id);
    let records = block_on(story.store.records(Some(&subject), Sequence::START, 100)).unwrap();
    let explanation = explain_absent(&records).unwrap();
    assert_eq!(
        explanation.verdict,
        "Refused before it began: an order for mail.example at 2026-12-01T12:00:00Z: client `web` may order dns:*.web.example, and \
         dns:mail.example is outside. The operator widens the client's scope, or the client asks for less.",
    );
    assert_eq!(explanation.waiting_for, Some(Party::Operator));
}

#[test]
fn an_order_of_a_client_that_asks_too_often() {
    let story = Story::of(&["a.example"]);
    let detail = "there were more orders of this account than 3 in 3600s";
    let failure = Failure::new(FailureKind::Unauthorized, detail);
    let names = vec![Identifier::dns("a.example").unwrap()];
    let id = OrderId::new(story.now, &mut |bytes| bytes.fill(9));
    let refused = Fact::order_refused(id, *story.account.id(), None, names, failure, story.now);
    block_on(story.store.commit(Changeset::fact(&refused, &by()))).unwrap();
    let about = Subject::Order(id);
    let records = block_on(story.store.records(Some(&about), Sequence::START, 100)).unwrap();
    assert_eq!(
        explain_absent(&records).unwrap().verdict,
        "Refused before it began: an order for a.example at 2026-12-01T12:00:00Z: there were more orders of this account than 3 in \
         3600s. The client comes again when it may, or the operator changes what it may do.",
    );
}

#[test]
fn an_order_that_expired_at_each_stage() {
    let week = 7 * 24 * 60 * MINUTE;
    for (proven, sentence, stage) in [
        (0, "it had placed the order", Stage::Order),
        (1, "1 of 2 identifiers were proven", Stage::Validation),
        (2, "every identifier was proven", Stage::Finalize),
    ] {
        let mut story = Story::of(&["a.example", "b.example"]);
        (0..proven).for_each(|place| story.prove(place));
        story.wait(week);
        let expired = story.order.expire(story.now).unwrap();
        story.commit(expired);
        let sentence = format!(
            "Expired at 2026-12-08T12:00:00Z: the client never came back after {sentence}. It places another order."
        );
        told(&story, stage, Party::Client, &sentence);
    }
}

#[test]
fn an_issuer_that_does_not_answer_and_then_refuses() {
    let mut story = Story::of(&["a.example"]);
    story.prove(0);
    story.finalize();
    told(
        &story,
        Stage::Issue,
        Party::Issuer,
        "The issuer has had the certificate request since 2026-12-01T12:00:00Z (less than a second ago).",
    );
    let silent = Failure::new(
        FailureKind::ServerInternal,
        "the upstream directory does not answer",
    );
    let delayed = story
        .order
        .issue_delayed(silent, 5 * MINUTE, 60 * MINUTE, story.now)
        .unwrap();
    story.commit(delayed);
    told(
        &story,
        Stage::Issue,
        Party::Issuer,
        "The issuer gave no answer once since 2026-12-01T12:00:00Z (less than a second ago): the upstream directory does not \
         answer. The server asks again at 2026-12-01T12:05:00Z (in 5 min).",
    );
    let refusal = Failure::new(
        FailureKind::Caa,
        "CAA at a.example allows only other.example",
    );
    let refused = story.order.issue_refused(refusal, story.now).unwrap();
    story.commit(refused);
    told(
        &story,
        Stage::Issue,
        Party::DnsOwner,
        "The issuer refused to sign at 2026-12-01T12:00:00Z: CAA at a.example allows only other.example. The client places another order.",
    );
}

#[test]
fn a_certificate_before_and_after_its_download() {
    let mut story = Story::of(&["a.example", "b.example"]);
    story.prove(0);
    story.prove(1);
    story.finalize();
    story.issue();
    story.wait(MINUTE);
    told(
        &story,
        Stage::Download,
        Party::Client,
        "The certificate for a.example, b.example was issued at 2026-12-01T12:00:00Z (1 min ago), and the client has not fetched it.",
    );
    let downloaded = story.order.downloaded(story.now).unwrap();
    story.commit(downloaded);
    told(
        &story,
        Stage::Download,
        None,
        "Done: the certificate for a.example, b.example was issued at 2026-12-01T12:00:00Z (1 min ago) and fetched 1 min later.",
    );
    assert!(
        story.explain().rail[..8]
            .iter()
            .all(|step| step.status == StepStatus::Done && step.done.is_some())
    );
    assert_eq!(story.explain().rail[8].status, StepStatus::NotChecked);
}

#[test]
fn an_authorization_given_back_and_an_account_closed() {
    let mut story = Story::of(&["a.example"]);
    let given_back = story.order.deactivate_authorization(0, story.now).unwrap();
    story.commit(given_back);
    told(
        &story,
        Stage::Authorizations,
        Party::Client,
        "The client gave back its authorization for a.example at 2026-12-01T12:00:00Z, which ended the order. The client places another.",
    );
    let mut story = Story::of(&["a.example"]);
    let ended = story.order.account_deactivated(story.now).unwrap();
    story.commit(ended);
    told(
        &story,
        Stage::Order,
        Party::Client,
        "The account was deactivated by its holder at 2026-12-01T12:00:00Z, and its open orders ended with it.",
    );
}

#[test]
fn an_order_that_was_removed_long_after_its_end() {
    let mut story = Story::of(&["a.example"]);
    story.prove(0);
    story.finalize();
    story.issue();
    story.wait(100 * 24 * 60 * MINUTE);
    let removal = story.order.remove(story.now, story.now).unwrap();
    block_on(story.store.commit(removal.by(&by()).into())).unwrap();
    let subject = Subject::Order(*story.order.value.id());
    let records = block_on(story.store.records(Some(&subject), Sequence::START, 100)).unwrap();
    assert_eq!(
        explain_absent(&records).unwrap().verdict,
        "Removed at 2027-03-11T12:00:00Z, long after its end: the certificate with serial number 5e was issued at \
         2026-12-01T12:00:00Z. Its history stays.",
    );
}
