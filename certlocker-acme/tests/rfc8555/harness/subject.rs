//! The server that a scenario looks at: ours in this process, or any other over TLS.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use certlocker_acme::{Clock, Config, ManualClock, Parts, Registration, SystemClock};
use certlocker_core::Outcome;
use serde_json::{Value, json};

use super::account::Account;
use super::tls::Tls;
use super::wire::{Request, Transport, Wire};
use super::{Key, Message, Reply, say};
use crate::support::{BASE, Lab};

/// A server, and what only a server of our own lets a scenario do.
pub struct Subject {
    pub directory: Value,
    pub wire: Arc<Wire>,
    lab: Option<(Lab, Arc<ManualClock>)>,
}

impl Subject {
    /// The subject of this run: `ACME_SUBJECT` if it is set, and otherwise our own.
    pub async fn open() -> Self {
        match std::env::var("ACME_SUBJECT") {
            Ok(directory) => Self::foreign(directory).await,
            Err(_) => Self::ours(|_| {}, |_| {}).await,
        }
    }

    /// Our own, for a scenario that does `what` only our own lets it do; nothing, and a line that
    /// says so, when the run is about another.
    pub async fn lab_only(what: &str) -> Option<Self> {
        Self::configured(what, |_| {}).await
    }

    /// As [`Subject::lab_only`], with another configuration.
    pub async fn configured(what: &str, change: impl FnOnce(&mut Config)) -> Option<Self> {
        Self::assembled(what, |_| {}, change).await
    }

    /// As [`Subject::configured`], with other parts.
    pub async fn assembled(
        what: &str,
        replace: impl FnOnce(&mut Parts),
        change: impl FnOnce(&mut Config),
    ) -> Option<Self> {
        if std::env::var_os("ACME_SUBJECT").is_some() {
            say(&format!("left out: {what}"));
            return None;
        }
        Some(Self::ours(replace, change).await)
    }

    async fn ours(replace: impl FnOnce(&mut Parts), change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::new(ManualClock::new(SystemClock::default().now()));
        let told = Arc::clone(&clock);
        let lab = Lab::assembled(
            |parts| {
                parts.clock = told;
                replace(parts);
            },
            |config| {
                config.registration = Registration::Open;
                // What is answered at once need not be asked for again.
                config.answer_wait = Duration::from_secs(20);
                change(config);
            },
        )
        .await;
        let router = Router::new().nest("/pki/acme", lab.gateway.router());
        let directory = format!("{BASE}/directory");
        Self::read(Transport::Router(router), directory, Some((lab, clock))).await
    }

    async fn foreign(directory: String) -> Self {
        let roots = std::env::var("ACME_SUBJECT_CA").ok();
        let tls = Tls::trusting(roots.as_deref());
        Self::read(Transport::Tls(tls), directory, None).await
    }

    async fn read(
        transport: Transport,
        directory: String,
        lab: Option<(Lab, Arc<ManualClock>)>,
    ) -> Self {
        let wire = Arc::new(Wire::new(transport, directory.clone()));
        let directory = wire.exchange(Request::new("GET", &directory)).await;
        let directory = directory.expect(200).json();
        wire.new_nonce_is_at(directory["newNonce"].as_str().unwrap());
        Self {
            directory,
            wire,
            lab,
        }
    }

    /// Our own server; only scenarios that asked for it come here.
    pub fn lab(&self) -> &Lab {
        &self.lab.as_ref().expect("this is a scenario of the lab").0
    }

    /// Moves the clock of our own server.
    pub fn pass(&self, span: Duration) {
        let (_, clock) = self.lab.as_ref().expect("this is a scenario of the lab");
        clock.advance(span);
    }

    /// Tells what validation of a name will see.
    pub fn script(&self, name: &str, outcome: Outcome) {
        self.lab().validator.answer(name, outcome);
    }

    /// The URL of a resource that the directory names.
    pub fn url(&self, resource: &str) -> String {
        let url = self.directory[resource].as_str();
        url.unwrap_or_else(|| panic!("the directory has no {resource}"))
            .to_owned()
    }

    /// A URL beside those of the directory.
    pub fn beside(&self, path: &str) -> String {
        let directory = self.wire.directory_url();
        let (base, _) = directory.rsplit_once('/').unwrap();
        format!("{base}/{path}")
    }

    pub async fn request(&self, method: &str, url: &str) -> Reply {
        self.wire.exchange(Request::new(method, url)).await
    }

    /// A request of a key that has no account: newAccount, or revokeCert by the certificate's key.
    pub fn message(&self, key: &Key, resource: &str) -> Message {
        Message::with_jwk(&self.wire, key, &self.url(resource))
    }

    /// A newAccount of a new key, right in everything.
    pub fn registration(&self) -> Message {
        self.message(&Key::es256(), "newAccount").payload(&agreed())
    }

    pub async fn register(&self, key: &Key, payload: &Value) -> Reply {
        self.message(key, "newAccount")
            .payload(payload)
            .send()
            .await
    }

    /// A new account with a new key.
    pub async fn account(&self) -> Account {
        self.account_with(Key::es256()).await
    }

    pub async fn account_with(&self, key: Key) -> Account {
        let reply = self.register(&key, &agreed()).await;
        let url = reply.expect(201).location();
        Account::new(self, key, url)
    }
}

/// What every server asks of a new account at most, besides a credential.
pub fn agreed() -> Value {
    json!({"termsOfServiceAgreed": true})
}

/// Asks a new account for itself, with a request that is not as it should be.
pub async fn own_account_with(spoil: impl FnOnce(Message) -> Message) -> Reply {
    let subject = Subject::open().await;
    let account = subject.account().await;
    spoil(account.message(&account.url)).send().await
}

/// A host name that the subject issues for: below `ACME_SUBJECT_DOMAIN`, or else `example`.
pub fn host(label: &str) -> String {
    let domain = std::env::var("ACME_SUBJECT_DOMAIN");
    format!("{label}.{}", domain.as_deref().unwrap_or("example"))
}
