//! Endpoints: where certificates should be served, and what was seen there.

mod explain;
mod look;
mod rotation;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::change::{DUE, Entry, private};
use crate::host::FieldChange;
use crate::{
    AccountId, Aggregate, CertificateId, EndpointId, Event, HostId, Identifier, Kind, Random,
    Timestamp, Transition, Versioned,
};

pub use explain::{EndpointExplanation, explain_endpoint};
pub use look::{Expectation, Level, Look, Place, Sighting, StaleCause, Standing, Timings, Verdict};
pub use rotation::{Glimpse, Rotation};

/// A place where a certificate should be served, with what was last seen there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    id: EndpointId,
    due: Timestamp,
    origin: EndpointOrigin,
    /// How many looks in turn found something that was not as expected.
    restless: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotation: Option<Rotation>,
    spec: EndpointSpec,
    standings: Vec<Standing>,
}

/// What an endpoint is: all that may change about one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every field is a decision of the caller"
)]
pub struct EndpointSpec {
    /// Addresses to go to instead of those that the host has.
    #[serde(default)]
    pub connect_to: Vec<SocketAddr>,
    /// SHA-256 of the certificate in the file that the server reads, in lower-case hexadecimal, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
    /// How long after a rotation the previous certificate is only waited for to go, in seconds.
    pub grace: u64,
    /// What clients call it.
    pub host: Identifier,
    /// How long between two looks while all is as expected, in seconds.
    pub interval: u64,
    /// Whose certificate should be there; without one, any of the inventory that names the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
    /// The port.
    pub port: u16,
    /// The name of what is spoken before TLS.
    pub protocol: String,
    /// Whether to look, besides, at what a client is shown that names nothing.
    #[serde(default)]
    pub without_name: bool,
}

/// Certificates that follow each other: those of one account for the same names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "an account and names")]
pub struct Lineage {
    /// Whose.
    pub account: AccountId,
    /// For which names.
    pub identifiers: Vec<Identifier>,
}

impl Lineage {
    pub(crate) fn digest(&self) -> String {
        crate::order::names_digest(&self.account, &self.identifiers)
    }
}

/// How an endpoint came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndpointOrigin {
    /// Somebody named it.
    ByHand,
    /// It follows from what a certificate names.
    Derived {
        /// The certificate.
        certificate: CertificateId,
        /// The host that has the name, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<HostId>,
    },
}

impl EndpointSpec {
    /// Where it is, as one text: two endpoints are not at one place.
    pub fn place(&self) -> String {
        let mut addresses: Vec<String> = self.connect_to.iter().map(ToString::to_string).collect();
        addresses.sort();
        let via = match addresses.is_empty() {
            true => String::new(),
            false => format!("@{}", addresses.join(",")),
        };
        format!("{}://{}{via}", self.protocol, self.name())
    }

    /// Its host and port, as they are written; an IPv6 address in brackets.
    pub fn name(&self) -> String {
        match &self.host {
            Identifier::Ip(address) => SocketAddr::new(*address, self.port).to_string(),
            Identifier::Dns(name) => format!("{}:{}", name.as_str(), self.port),
        }
    }

    fn changes(&self, next: &Self) -> Vec<FieldChange> {
        let names = |spec: &Self| {
            let names = spec.lineage.iter().flat_map(|lineage| &lineage.identifiers);
            names.map(Identifier::value).collect::<Vec<_>>().join(",")
        };
        let pair = |field, before: String, after: String| {
            FieldChange::of(field, Some(before), Some(after))
        };
        let changes = [
            FieldChange::of("disk", self.disk.clone(), next.disk.clone()),
            pair("expected", names(self), names(next)),
            pair("grace", self.grace.to_string(), next.grace.to_string()),
            pair(
                "interval",
                self.interval.to_string(),
                next.interval.to_string(),
            ),
            pair("place", self.place(), next.place()),
            pair(
                "without_name",
                self.without_name.to_string(),
                next.without_name.to_string(),
            ),
        ];
        changes.into_iter().flatten().collect()
    }
}

impl Endpoint {
    /// Adds an endpoint, which is looked at as soon as may be.
    pub fn add(
        spec: EndpointSpec,
        origin: EndpointOrigin,
        random: Random<'_>,
        now: Timestamp,
    ) -> Transition<Self> {
        let endpoint = Self {
            id: EndpointId::new(now, random),
            due: now,
            origin,
            restless: 0,
            rotation: None,
            spec,
            standings: Vec::new(),
        };
        let expected = endpoint.spec.lineage.iter();
        let added = Event::EndpointAdded {
            endpoint_id: endpoint.id,
            expected: expected
                .flat_map(|lineage| lineage.identifiers.clone())
                .collect(),
            grace: endpoint.spec.grace,
            interval: endpoint.spec.interval,
            origin,
            place: endpoint.spec.place(),
        };
        Transition::create(endpoint, vec![added], now)
    }

    /// Its id.
    pub fn id(&self) -> &EndpointId {
        &self.id
    }

    /// When it is looked at next.
    pub fn due(&self) -> Timestamp {
        self.due
    }

    /// How it came to be known.
    pub fn origin(&self) -> EndpointOrigin {
        self.origin
    }

    /// What it is.
    pub fn spec(&self) -> &EndpointSpec {
        &self.spec
    }

    /// What was last seen, one for each place.
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// How far the newest certificate came here.
    pub fn rotation(&self) -> Option<&Rotation> {
        self.rotation.as_ref()
    }

    /// Whether everything that was last seen is as expected; false before the first look.
    pub fn agrees(&self) -> bool {
        let expected = |standing: &Standing| standing.sighting.verdict == Verdict::Expected;
        !self.standings.is_empty() && self.standings.iter().all(expected)
    }

    /// Whether all of it serves this certificate, as far as was seen.
    pub fn serves(&self, certificate: &CertificateId) -> bool {
        let newest = self
            .rotation
            .as_ref()
            .is_some_and(|rotation| rotation.certificate == *certificate);
        newest && self.agrees()
    }

    /// The worst of what was last seen.
    pub fn level(&self) -> Option<Level> {
        let levels = self.standings.iter().map(Standing::level);
        levels.max()
    }
}

impl Versioned<Endpoint> {
    /// Changes an endpoint; what was seen stays only where the place is the same. Nothing if nothing is
    /// different.
    pub fn change(&self, spec: EndpointSpec, now: Timestamp) -> Option<Transition<Endpoint>> {
        let endpoint = &self.value;
        if endpoint.spec == spec {
            return None;
        }
        let changed = Event::EndpointChanged {
            changes: endpoint.spec.changes(&spec),
            endpoint_id: endpoint.id,
        };
        let same_place = endpoint.spec.place() == spec.place();
        let next = Endpoint {
            due: now,
            standings: match same_place {
                true => endpoint.standings.clone(),
                false => Vec::new(),
            },
            spec,
            ..endpoint.clone()
        };
        Some(self.step(next, vec![changed], now))
    }

    /// Removes an endpoint; its history stays.
    pub fn remove(&self, now: Timestamp) -> Transition<Endpoint> {
        let removed = Event::EndpointRemoved {
            endpoint_id: self.value.id,
            place: self.value.spec.place(),
        };
        self.removal(vec![removed], now)
    }
}

impl private::Sealed for Endpoint {}

impl Aggregate for Endpoint {
    const KIND: Kind = Kind::Endpoint;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn entries(&self) -> Vec<Entry> {
        let lineage = self.spec.lineage.as_ref();
        let lineage = lineage.map(|lineage| Entry::new(Self::BY_LINEAGE, lineage.digest()));
        let mut entries = vec![
            Entry::new(DUE, self.due),
            Entry::unique(Self::BY_PLACE, self.spec.place()),
        ];
        entries.extend(lineage);
        entries
    }
}

impl Endpoint {
    /// The index of endpoints by whose certificate should be there.
    pub(crate) const BY_LINEAGE: &'static str = "lineage";
    /// The index of endpoints by where they are.
    pub(crate) const BY_PLACE: &'static str = "place";
}
