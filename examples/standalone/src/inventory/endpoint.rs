//! Endpoints: add, change, list, look at, remove.

use std::net::SocketAddr;

use certlocker_core::endpoint::{
    Endpoint, EndpointOrigin, EndpointSpec, Lineage, Standing, explain_endpoint,
};
use certlocker_core::{
    Attribution, Certificate, CertificateId, Changeset, EndpointId, Identifier, OrderId, Page,
    State, StoreError, Timestamp, Versioned,
};
use certlocker_probe::{Fingerprint, Protocol};
use serde::{Deserialize, Serialize};

use super::{Inventory, InventoryError};
use crate::target::{self, Place};

/// What an endpoint is made with, as people write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct NewEndpointRequest {
    /// `HOST`, `HOST:PORT` or `PROTOCOL://HOST:PORT`.
    pub target: String,
    /// Addresses to go to instead of those that the host has.
    #[serde(default)]
    pub connect_to: Vec<SocketAddr>,
    /// SHA-256 of the certificate in the file that the server reads.
    #[serde(default)]
    pub disk: Option<String>,
    /// Whose successors should be there: a certificate by id or serial number, or an order; the newest that
    /// names the host if there is none.
    #[serde(default)]
    pub expect: Option<String>,
    /// How long after a rotation the previous certificate is only waited for to go, in seconds.
    #[serde(default)]
    pub grace: u64,
    /// How long between two looks, in seconds.
    #[serde(default = "usual_interval")]
    pub interval: u64,
    /// What the server is told, where the target is an address.
    #[serde(default)]
    pub name: Option<String>,
    /// What is spoken before TLS.
    #[serde(default)]
    pub protocol: Option<String>,
    /// Whether to look, besides, at what a client is shown that names nothing.
    #[serde(default)]
    pub without_name: bool,
}

/// How often an endpoint is looked at if nobody says, in seconds.
pub const USUAL_INTERVAL: u64 = 600;
const LONGEST_INTERVAL: u64 = 30 * 86_400;
const MOST_ADDRESSES: usize = 32;

fn usual_interval() -> u64 {
    USUAL_INTERVAL
}

impl NewEndpointRequest {
    fn place(&self) -> Result<(Place, Vec<SocketAddr>), InventoryError> {
        let mut place = target::parse(&self.target).map_err(InventoryError::Invalid)?;
        if let Some(protocol) = &self.protocol {
            let protocol = protocol.parse::<Protocol>();
            let invalid = |error: certlocker_probe::UnknownProtocol| {
                InventoryError::Invalid(error.to_string())
            };
            place.protocol = protocol.map_err(invalid)?;
        }
        let mut connect_to = self.connect_to.clone();
        if let Some(name) = &self.name {
            let name = Identifier::dns(name);
            let name = name.map_err(|error| InventoryError::Invalid(error.to_string()))?;
            let Identifier::Ip(address) = place.host else {
                let detail =
                    "--name goes with an address; where the target has a name, say --connect-to";
                return Err(InventoryError::Invalid(detail.to_owned()));
            };
            connect_to.push(SocketAddr::new(address, place.port));
            place.host = name;
        }
        Ok((place, connect_to))
    }

    fn spec(&self) -> Result<EndpointSpec, InventoryError> {
        let (place, connect_to) = self.place()?;
        let refused = |detail: String| Err(InventoryError::Invalid(detail));
        if place.host.is_wildcard() {
            return refused(format!("`{}` stands for many names: name one", self.target));
        }
        if connect_to.len() > MOST_ADDRESSES {
            return refused(format!(
                "an endpoint has at most {MOST_ADDRESSES} addresses"
            ));
        }
        if !(1..=LONGEST_INTERVAL).contains(&self.interval) || self.grace > LONGEST_INTERVAL {
            return refused(format!(
                "intervals are 1 to {LONGEST_INTERVAL} seconds, and so is the grace at most"
            ));
        }
        let disk = self.disk.as_deref().map(|text| {
            let invalid = || format!("`{text}` is no SHA-256 in hexadecimal");
            Fingerprint::parse(text).ok_or_else(|| InventoryError::Invalid(invalid()))
        });
        Ok(EndpointSpec {
            connect_to,
            disk: disk.transpose()?.map(|disk| disk.to_string()),
            grace: self.grace,
            host: place.host,
            interval: self.interval,
            lineage: None,
            port: place.port,
            protocol: place.protocol.to_string(),
            without_name: self.without_name,
        })
    }
}

/// An endpoint, with what was last seen there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in NewEndpointRequest")]
#[non_exhaustive]
pub struct EndpointView {
    pub id: String,
    pub name: String,
    pub protocol: String,
    pub connect_to: Vec<String>,
    /// The names of the certificate that should be there.
    pub expected: Vec<String>,
    /// Whether everything that was last seen is as expected.
    pub agrees: bool,
    /// How bad the worst of it is; nothing before the first look.
    pub level: Option<String>,
    /// One sentence for whoever has to act.
    pub explanation: String,
    pub waiting_for: Option<String>,
    pub places: Vec<PlaceView>,
    pub rotation: Option<RotationView>,
    /// When it is looked at next.
    pub due: String,
    pub disk: Option<String>,
    pub grace: u64,
    pub interval: u64,
}

/// One place of an endpoint, with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words of the endpoint's record")]
#[non_exhaustive]
pub struct PlaceView {
    pub address: Option<String>,
    pub key: Option<String>,
    pub named: bool,
    pub verdict: String,
    pub level: String,
    /// The answer in words.
    pub explanation: String,
    /// Since when it is this.
    pub since: String,
    /// The last look.
    pub seen: String,
    pub leaf_sha256: Option<String>,
    pub valid_until: Option<String>,
}

/// How far the newest certificate came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words of the endpoint's record")]
#[non_exhaustive]
pub struct RotationView {
    pub certificate: String,
    pub expected_from: String,
    pub first_new: Option<String>,
    pub first_new_at: Option<String>,
    pub last_old: Option<String>,
    pub last_old_at: Option<String>,
    pub converged: Option<String>,
}

impl EndpointView {
    fn of(endpoint: &Endpoint, now: Timestamp) -> Self {
        let spec = endpoint.spec();
        let told = explain_endpoint(endpoint, now);
        let expected = spec.lineage.iter().flat_map(|lineage| &lineage.identifiers);
        let places = endpoint.standings().iter().zip(&told.places);
        Self {
            id: endpoint.id().to_string(),
            name: spec.name(),
            protocol: spec.protocol.clone(),
            connect_to: spec.connect_to.iter().map(ToString::to_string).collect(),
            expected: expected.map(Identifier::value).collect(),
            agrees: endpoint.agrees(),
            level: endpoint.level().map(word),
            explanation: told.sentence.clone(),
            waiting_for: told.waiting_for.map(|party| party.as_str().to_owned()),
            places: places.map(|(one, told)| PlaceView::of(one, told)).collect(),
            rotation: endpoint.rotation().map(RotationView::of),
            due: endpoint.due().to_rfc3339_seconds(),
            disk: spec.disk.clone(),
            grace: spec.grace,
            interval: spec.interval,
        }
    }
}

impl PlaceView {
    fn of(standing: &Standing, told: &str) -> Self {
        let sighting = &standing.sighting;
        let valid_until = sighting.lifetime.map(|(_, until)| until);
        Self {
            address: sighting.place.address.map(|address| address.to_string()),
            key: sighting.place.algorithm.clone(),
            named: sighting.place.named,
            verdict: sighting.verdict.name().to_owned(),
            level: word(standing.level()),
            explanation: told.to_owned(),
            since: standing.since.to_rfc3339_seconds(),
            seen: standing.seen.to_rfc3339_seconds(),
            leaf_sha256: sighting.chain.first().cloned(),
            valid_until: valid_until.map(Timestamp::to_rfc3339_seconds),
        }
    }
}

impl RotationView {
    fn of(rotation: &certlocker_core::endpoint::Rotation) -> Self {
        let address = |glimpse: certlocker_core::endpoint::Glimpse| {
            glimpse.address.map(|address| address.to_string())
        };
        Self {
            certificate: rotation.certificate.to_string(),
            expected_from: rotation.expected_from.to_rfc3339_seconds(),
            first_new: rotation.first_new.and_then(address),
            first_new_at: rotation.first_new.map(|new| new.at.to_rfc3339_seconds()),
            last_old: rotation.last_old.and_then(address),
            last_old_at: rotation.last_old.map(|old| old.at.to_rfc3339_seconds()),
            converged: rotation.converged.map(Timestamp::to_rfc3339_seconds),
        }
    }
}

fn word(level: certlocker_core::endpoint::Level) -> String {
    use certlocker_core::endpoint::Level::{Failure, Fine, Notice, Warning};
    let word = match level {
        Fine => "fine",
        Notice => "notice",
        Warning => "warning",
        Failure => "failure",
    };
    word.to_owned()
}

/// How many endpoints or certificates are read at once.
const AT_ONCE: usize = 500;
/// How often a change is decided again because somebody else wrote.
const TRIES: usize = 5;

impl Inventory {
    /// Adds an endpoint, or changes the one at the same place.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn add_endpoint(
        &self,
        request: &NewEndpointRequest,
        by: &Attribution,
    ) -> Result<EndpointView, InventoryError> {
        let mut spec = request.spec()?;
        spec.lineage = Some(match &request.expect {
            Some(expect) => self.lineage_of(expect).await?,
            None => self.lineage_for(&spec.host).await?,
        });
        for _ in 0..TRIES {
            match self.put_endpoint(spec.clone(), by).await {
                Err(InventoryError::Store(StoreError::Conflict)) => {}
                done => return done,
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn put_endpoint(
        &self,
        spec: EndpointSpec,
        by: &Attribution,
    ) -> Result<EndpointView, InventoryError> {
        let now = self.clock.now();
        let transition = match self.store.endpoint_at(&spec).await? {
            Some(there) => match there.change(spec, now) {
                Some(changed) => changed,
                None => return Ok(EndpointView::of(&there.value, now)),
            },
            None => {
                let random = &mut crate::random::fill;
                Endpoint::add(spec, EndpointOrigin::ByHand, random, now)
            }
        };
        let change = transition.by(by);
        let after = change.after();
        self.store.commit(Changeset::of(change)).await?;
        Ok(EndpointView::of(&after.value, now))
    }

    /// The lineage of a certificate, or of what an order led to.
    async fn lineage_of(&self, text: &str) -> Result<Lineage, InventoryError> {
        let text = text.rsplit('/').next().unwrap_or(text);
        if let Ok(id) = text.parse::<CertificateId>() {
            match self.store.certificate(&id).await {
                Ok(found) => return Ok(found.value.lineage()),
                Err(StoreError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let Ok(id) = text.parse::<OrderId>() else {
            let found = self.certificate_by_serial(text).await?;
            return Ok(found.value.lineage());
        };
        let missing = || format!("certificate or order {text}");
        let order = self.store.order(&id).await;
        let order = order.map_err(|error| InventoryError::store(error, missing))?;
        Ok(Lineage {
            account: *order.value.account(),
            identifiers: order.value.identifiers().to_vec(),
        })
    }

    /// The lineage of the newest certificate that names a host.
    async fn lineage_for(&self, host: &Identifier) -> Result<Lineage, InventoryError> {
        let mut page = Page::newest(AT_ONCE);
        loop {
            let part = self.store.certificates(page.clone()).await?;
            let Some(last) = part.last() else { break };
            page = page.after(Some(last.value.id().to_string()));
            let found = part.iter().find(|one| names(&one.value, host));
            if let Some(found) = found {
                return Ok(found.value.lineage());
            }
        }
        Err(InventoryError::Invalid(format!(
            "no certificate in the inventory names {}: order one first, or say with --expect which should be there",
            host.value()
        )))
    }

    /// Endpoints, oldest first.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn endpoints(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<EndpointView>, InventoryError> {
        let found = self
            .store
            .endpoints(Page::oldest(limit).after(after))
            .await?;
        let now = self.clock.now();
        let views = found.iter().map(|one| EndpointView::of(&one.value, now));
        Ok(views.collect())
    }

    /// One endpoint, by id.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn endpoint(&self, id: &str) -> Result<EndpointView, InventoryError> {
        let found = self.find_endpoint(id).await?;
        Ok(EndpointView::of(&found.value, self.clock.now()))
    }

    async fn find_endpoint(&self, id: &str) -> Result<Versioned<Endpoint>, InventoryError> {
        let missing = || InventoryError::NotFound(format!("endpoint {id}"));
        let id: EndpointId = id.parse().map_err(|_| missing())?;
        let found = self.store.endpoint(&id).await;
        found.map_err(|error| InventoryError::store(error, || format!("endpoint {id}")))
    }

    /// Removes an endpoint.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn remove_endpoint(
        &self,
        id: &str,
        by: &Attribution,
    ) -> Result<EndpointView, InventoryError> {
        for _ in 0..TRIES {
            let found = self.find_endpoint(id).await?;
            let now = self.clock.now();
            let removed = Changeset::of(found.remove(now).by(by));
            match self.store.commit(removed).await {
                Err(StoreError::Conflict) => {}
                done => return Ok(done.map(|_| EndpointView::of(&found.value, now))?),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Looks at an endpoint now.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn probe_endpoint(
        &self,
        id: &str,
        by: &Attribution,
    ) -> Result<EndpointView, InventoryError> {
        let id = *self.find_endpoint(id).await?.value.id();
        let seen = self.watching.watch().look(&id, by).await;
        let seen =
            seen.map_err(|error| InventoryError::store(error, || format!("endpoint {id}")))?;
        Ok(EndpointView::of(&seen.value, self.clock.now()))
    }

    /// The certificate of an order with the endpoints where it should be served, and whether it is the
    /// newest of its lineage; nothing if there is no certificate.
    pub(super) async fn serving(
        &self,
        order: &certlocker_core::Order,
    ) -> Result<Option<(Certificate, Vec<Endpoint>, bool)>, InventoryError> {
        let State::Valid(valid) = order.state() else {
            return Ok(None);
        };
        let certificate = self.store.certificate(&valid.certificate).await?.value;
        let lineage = certificate.lineage();
        let newest = self
            .store
            .latest_certificate(&lineage.account, &lineage.identifiers);
        let newest = newest.await?.map(|newest| *newest.value.id());
        let is_newest = newest == Some(*certificate.id());
        let found = self
            .store
            .endpoints_of(&lineage, Page::oldest(AT_ONCE))
            .await?;
        let endpoints = found.into_iter().map(|one| one.value).collect();
        Ok(Some((certificate, endpoints, is_newest)))
    }
}

/// Whether a certificate names a host, by itself or below a wildcard.
pub(super) fn names(certificate: &Certificate, host: &Identifier) -> bool {
    let mut identifiers = certificate.description().identifiers.iter();
    identifiers.any(|san| match (san, host) {
        (san, host) if san == host => true,
        (Identifier::Dns(san), Identifier::Dns(host)) if san.is_wildcard() => {
            let below = host.as_str().split_once('.');
            below.is_some_and(|(_, parent)| parent == san.base().as_str())
        }
        _ => false,
    })
}
