//! A gateway in the process, with a store in memory and a validator that answers as it is told.
#![allow(
    unreachable_pub,
    dead_code,
    reason = "shared by test programs that each use a part"
)]

pub mod raw;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use certlocker_acme::{
    Armed, Config, Gateway, Links, LocalCa, LocalCaSettings, Parts, ProcessNonces, Registration,
    SystemClock, Validator,
};
use certlocker_core::{
    Attempt, Attribution, Changeset, Identifier, Ledger, MemoryStore, Outcome, Sealed, SealedBytes,
    Secret, SecretError, SecretId, SecretPurpose, SecretRows, SecretStore, Timestamp, Transition,
};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use tower::ServiceExt;

pub const BASE: &str = "https://ca.test/pki/acme";

/// Secrets in the clear, for tests only.
pub struct ClearSecrets(pub MemoryStore);

#[async_trait]
impl SecretStore for ClearSecrets {
    async fn seal(
        &self,
        secret: &Secret,
        purpose: SecretPurpose,
        random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
        now: Timestamp,
    ) -> Result<Transition<Sealed>, SecretError> {
        let id = SecretId::new(now, &mut *random);
        Ok(Sealed::store(id, purpose, clear(secret), now))
    }

    async fn replace(
        &self,
        id: &SecretId,
        secret: &Secret,
        _random: &mut (dyn for<'a> FnMut(&'a mut [u8]) + Send),
        now: Timestamp,
    ) -> Result<Transition<Sealed>, SecretError> {
        Ok(self.0.sealed(id).await?.replace(clear(secret), now))
    }

    async fn open(
        &self,
        id: &SecretId,
        _purpose: SecretPurpose,
        by: &Attribution,
        now: Timestamp,
    ) -> Result<Secret, SecretError> {
        let sealed = self.0.sealed(id).await?;
        self.0
            .commit(Changeset::fact(&sealed.opened(now), by))
            .await?;
        Ok(Secret::new(sealed.value.blob().to_vec()))
    }
}

fn clear(secret: &Secret) -> SealedBytes {
    SealedBytes {
        blob: secret.expose().to_vec(),
        key_id: "none".to_owned(),
    }
}

/// Answers what it was told for an identifier, and otherwise that it is proven.
#[derive(Clone, Default)]
pub struct Scripted(Arc<Mutex<HashMap<Identifier, Outcome>>>);

impl Scripted {
    pub fn answer(&self, name: &str, outcome: Outcome) {
        self.0
            .lock()
            .unwrap()
            .insert(Identifier::dns(name).unwrap(), outcome);
    }
}

#[async_trait]
impl Validator for Scripted {
    async fn attempt(&self, challenge: &Armed) -> Attempt {
        let outcome = self
            .0
            .lock()
            .unwrap()
            .get(&challenge.identifier)
            .cloned()
            .unwrap_or(Outcome::Proved);
        Attempt {
            elapsed_ms: 1,
            hops: Vec::new(),
            outcome,
            started: challenge.started,
        }
    }
}

/// A gateway and what it stands on.
pub struct Lab {
    pub ca: LocalCa,
    pub gateway: Gateway,
    pub store: MemoryStore,
    pub validator: Scripted,
}

impl Lab {
    pub async fn open() -> Self {
        Self::with(|config| config.registration = Registration::Open).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::assembled(|_| {}, change).await
    }

    /// With parts of one's own, besides the configuration.
    pub async fn assembled(
        replace: impl FnOnce(&mut Parts),
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let store = MemoryStore::default();
        let secrets = Arc::new(ClearSecrets(store.clone()));
        let links = Links::new(BASE);
        let settings = LocalCaSettings {
            organization: "Test".to_owned(),
            revocation_list: Some(links.revocation_list()),
            validity: Duration::from_secs(90 * 86_400),
        };
        let now = certlocker_acme::Clock::now(&SystemClock::default());
        let ca = LocalCa::open_or_create(&store, secrets.as_ref(), settings, now)
            .await
            .unwrap();
        let validator = Scripted::default();
        let mut parts = Parts {
            clock: Arc::new(SystemClock::default()),
            issuer: Arc::new(ca.clone()),
            nonces: Arc::new(ProcessNonces::new().unwrap()),
            revocation_lists: Some(Arc::new(ca.clone())),
            secrets,
            store: Arc::new(store.clone()),
            validator: Arc::new(validator.clone()),
        };
        replace(&mut parts);
        let mut config = Config::new(links);
        change(&mut config);
        Self {
            ca,
            gateway: Gateway::new(parts, config),
            store,
            validator,
        }
    }

    pub fn client(&self) -> Box<dyn HttpClient> {
        self.client_with(&[])
    }

    /// One whose requests have these headers as well.
    pub fn client_with(&self, headers: &[(&'static str, &'static str)]) -> Box<dyn HttpClient> {
        let router = Router::new().nest("/pki/acme", self.gateway.router());
        Box::new(InProcess(router, headers.to_vec()))
    }
}

/// instant-acme's requests, handed to a router without a socket.
struct InProcess(Router, Vec<(&'static str, &'static str)>);

impl HttpClient for InProcess {
    fn request(
        &self,
        mut request: http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let router = self.0.clone();
        for (name, value) in &self.1 {
            let value = http::HeaderValue::from_static(value);
            request.headers_mut().append(*name, value);
        }
        Box::pin(async move {
            let response = router.oneshot(request.map(Body::new)).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            Ok(BytesResponse {
                parts,
                body: Box::new(body),
            })
        })
    }
}
