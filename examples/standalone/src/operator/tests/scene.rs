//! A plane on a store in memory, and what it answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, Response, header};
use certlocker_acme::{Links, SystemClock};
use certlocker_core::{
    Actor, Attribution, Changeset, Component, Event, FileKey, Grant, MemoryStore, NewToken,
    RecordQuery, SealedSecrets, Store, Timestamp, Token, TokenScope, TokenScopes, TokenText,
    Trigger,
};
use http_body_util::BodyExt;
use tower_service::Service;

use crate::audit::AuditHome;
use crate::home::Home;
use crate::inventory::Inventory;
use crate::operator::{Parts, router};
use crate::probing::Watching;

pub(super) const PREFIX: &str = "/api";
pub(super) const PEER: &str = "192.0.2.7:4711";

pub(super) struct Scene {
    pub(super) inventory: Inventory,
    router: axum::Router,
    _directory: tempfile::TempDir,
}

impl Scene {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::prepare(&directory.path().join("data")).unwrap();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let key = FileKey::open_or_create(home.path().join("key"), &mut crate::random::fill);
        let inventory = Inventory {
            audit: AuditHome::of(&home),
            clock: Arc::new(SystemClock::default()),
            links: Links::new("https://a.example"),
            secrets: Arc::new(SealedSecrets::new(Arc::clone(&store), key.unwrap())),
            watching: Watching::over(&store, &home),
            store,
        };
        Self {
            router: router(parts(&inventory), PREFIX),
            inventory,
            _directory: directory,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inventory.clock.now()
    }

    /// A token with these scopes and networks that counts for an hour.
    pub(super) async fn token(&self, scopes: &[TokenScope], networks: &[&str]) -> TokenText {
        let grant = Grant {
            expires: self.now().after(Duration::from_secs(3_600)),
            networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
            scopes: TokenScopes(scopes.iter().cloned().collect()),
        };
        let (text, reason) = (self.text(), "a test".to_owned());
        let made = Token::root(
            NewToken {
                grant,
                owner: None,
                reason,
            },
            &text,
            self.now(),
        );
        let made = Changeset::of(made.by(&startup()));
        self.inventory.store.commit(made).await.unwrap();
        text
    }

    pub(super) fn text(&self) -> TokenText {
        TokenText::draw(&mut crate::random::fill, self.now())
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer: SocketAddr = PEER.parse().unwrap();
        let request = request.extension(ConnectInfo(peer));
        let request = request.body(Body::from(body.to_owned())).unwrap();
        Answer::of(self.router.clone().call(request).await.unwrap()).await
    }

    pub(super) async fn with(
        &self,
        token: &TokenText,
        method: Method,
        path: &str,
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {}", token.expose());
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.call(method, path, &headers, body).await
    }

    /// The events about a token, or of all, once what is written beside answers is written.
    pub(super) async fn events(&self, code: &str, count: usize) -> Vec<(Actor, Event)> {
        let mut query = RecordQuery::oldest(100);
        query.code = Some(code.to_owned());
        loop {
            let found = self.inventory.store.find_records(&query).await.unwrap();
            if found.len() >= count {
                return found
                    .into_iter()
                    .map(|record| (record.actor, record.event))
                    .collect();
            }
            tokio::task::yield_now().await;
        }
    }
}

fn parts(inventory: &Inventory) -> Parts {
    Parts {
        inventory: inventory.clone(),
        #[cfg(feature = "oidc")]
        oidc: None,
    }
}

pub(super) fn startup() -> Attribution {
    Attribution::new(Actor::Server(Component::Startup), Trigger::Startup)
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) challenge: String,
    pub(super) location: String,
    pub(super) cookie: String,
    pub(super) body: String,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let text = |name| {
            let value = response.headers().get(name);
            value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let (challenge, location) = (text(header::WWW_AUTHENTICATE), text(header::LOCATION));
        let (status, cookie) = (response.status().as_u16(), text(header::SET_COOKIE));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Self {
            status,
            challenge,
            location,
            cookie,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
