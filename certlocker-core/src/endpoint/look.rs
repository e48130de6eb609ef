//! One look at an endpoint: what was seen at each place, and what became different.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Endpoint, Rotation};
use crate::{CertificateId, Event, OrderId, Timestamp, Transition, Versioned};

/// A look at every place of an endpoint.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "built by whoever looks")]
pub struct Look {
    /// When it ended.
    pub at: Timestamp,
    /// What should have been there, if anything is known to.
    pub expectation: Option<Expectation>,
    /// What was.
    pub sightings: Vec<Sighting>,
}

/// The certificate that should be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "built by whoever looks")]
pub struct Expectation {
    /// The certificate.
    pub certificate: CertificateId,
    /// From when it should be served.
    pub from: Timestamp,
    /// The order that it answers.
    pub order: Option<OrderId>,
}

/// One place of an endpoint, which has one answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a record's form is fixed")]
pub struct Place {
    /// Where; nothing if the host has no address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// The kind of key that was asked for, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Whether the server was told the host's name.
    pub named: bool,
}

/// What was seen at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "built by whoever looks")]
pub struct Sighting {
    /// SHA-256 of each certificate of the chain, in lower-case hexadecimal, leaf first.
    pub chain: Vec<String>,
    /// How bad the worst of all that can be said of it is.
    pub level: Level,
    /// From when and until when the leaf is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<(Timestamp, Timestamp)>,
    /// The place.
    pub place: Place,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
    /// The answer.
    pub verdict: Verdict,
}

/// How long a look took, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a record's form is fixed")]
pub struct Timings {
    /// From the connection to the certificate.
    pub certificate_us: u64,
    /// Until the connection was made.
    pub connect_us: u64,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "consumers map each level")]
pub enum Level {
    /// As it should be.
    Fine,
    /// Worth to know.
    Notice,
    /// Somebody should look into it.
    Warning,
    /// Not as it should be.
    Failure,
}

/// The answer for one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The certificate that should be served is.
    Expected,
    /// One that is to be served later is.
    Ahead,
    /// The previous one is served, within the time that this is waited for.
    WaitingForReload {
        /// From when it should have been another one.
        since: Timestamp,
        /// Until when this is no fault.
        until: Timestamp,
    },
    /// A previous one is still served.
    Previous {
        /// Why, as far as is known.
        cause: StaleCause,
        /// From when it should have been another one.
        since: Timestamp,
    },
    /// The certificate of something else is served.
    OtherItem {
        /// The names that it is for.
        item: String,
    },
    /// A certificate is served that is not in the inventory.
    Unknown,
    /// Something is served that is no certificate.
    Unusable,
    /// The endpoint answered, and no certificate came.
    NoCertificate {
        /// Why not.
        why: String,
    },
    /// The endpoint did not answer.
    Unreachable {
        /// How far the look came, and why no further.
        why: String,
    },
}

/// Why a previous certificate is still served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StaleCause {
    /// The file that the server reads does not have the new one either.
    NotDeployed,
    /// The file that the server reads has the new one; the server was not told.
    NotReloaded,
    /// What the file has is not known.
    Unknown,
}

impl StaleCause {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotDeployed => "not deployed",
            Self::NotReloaded => "not reloaded",
            Self::Unknown => "unknown",
        }
    }
}

impl Verdict {
    /// The names of all answers.
    pub const NAMES: [&str; 9] = [
        "expected",
        "ahead",
        "waiting_for_reload",
        "previous",
        "other_item",
        "unknown",
        "unusable",
        "no_certificate",
        "unreachable",
    ];

    /// Its name, by which answers are counted.
    pub fn name(&self) -> &'static str {
        let place = match self {
            Self::Expected => 0,
            Self::Ahead => 1,
            Self::WaitingForReload { .. } => 2,
            Self::Previous { .. } => 3,
            Self::OtherItem { .. } => 4,
            Self::Unknown => 5,
            Self::Unusable => 6,
            Self::NoCertificate { .. } => 7,
            Self::Unreachable { .. } => 8,
        };
        Self::NAMES[place]
    }

    /// How bad it is, for itself alone.
    pub fn level(&self) -> Level {
        match self {
            Self::Expected => Level::Fine,
            Self::Ahead | Self::WaitingForReload { .. } => Level::Notice,
            _ => Level::Failure,
        }
    }

    /// Whether this is the same answer: why nobody answered may be told differently each time.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::NoCertificate { .. }, Self::NoCertificate { .. })
            | (Self::Unreachable { .. }, Self::Unreachable { .. }) => true,
            (one, other) => one == other,
        }
    }

    fn bounded(self) -> Self {
        match self {
            Self::OtherItem { item } => Self::OtherItem { item: shown(&item) },
            Self::NoCertificate { why } => Self::NoCertificate { why: shown(&why) },
            Self::Unreachable { why } => Self::Unreachable { why: shown(&why) },
            other => other,
        }
    }
}

/// What was last seen at a place, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "read by whoever shows it")]
pub struct Standing {
    /// The last look.
    pub seen: Timestamp,
    /// What it saw.
    pub sighting: Sighting,
    /// Since when it sees the same.
    pub since: Timestamp,
}

impl Standing {
    /// How bad it is.
    pub fn level(&self) -> Level {
        self.sighting.level.max(self.sighting.verdict.level())
    }

    fn differs(&self, next: &Sighting) -> bool {
        let now = &self.sighting;
        !now.verdict.is_same(&next.verdict)
            || now.chain.first() != next.chain.first()
            || now.level != next.level
    }
}

/// As many places of one endpoint are kept; what a name server says has no bound.
const MOST_PLACES: usize = 64;
/// As many certificates of a chain are named.
const MOST_CERTIFICATES: usize = 10;
/// What somebody else wrote is cut after so many characters.
const LONGEST: usize = 200;
/// The first look after something was not as expected comes this much later; each further one that sees
/// the same, twice as long after the one before.
const FIRST_AGAIN: Duration = Duration::from_secs(5);
const MOST_DOUBLINGS: u32 = 16;

impl Versioned<Endpoint> {
    /// The endpoint after a look. Whatever is seen for the first time is an event; a look that sees
    /// nothing new makes no record. `jitter` spreads looks: any number will do.
    pub fn looked(&self, look: Look, jitter: u16) -> Transition<Endpoint> {
        let endpoint = &self.value;
        let sightings = look.sightings.into_iter().take(MOST_PLACES);
        let sightings: Vec<Sighting> = sightings.map(Sighting::bounded).collect();
        let mut events = Vec::new();
        let standings = sightings
            .into_iter()
            .map(|sighting| self.stand(sighting, look.at, look.expectation, &mut events))
            .collect();
        let mut next = Endpoint {
            standings,
            ..endpoint.clone()
        };
        events.extend(endpoint.places_gone(&next));
        next.rotation = Rotation::after(
            endpoint.rotation.as_ref(),
            &next,
            &look.expectation,
            look.at,
        );
        events.extend(Rotation::converged_now(endpoint, &next, &look.expectation));
        next.restless = match next.agrees() {
            true => 0,
            false if events.is_empty() => endpoint.restless.saturating_add(1),
            false => 1,
        };
        next.due = look.at.after(next.pause(jitter));
        self.step(next, events, look.at)
    }

    fn stand(
        &self,
        sighting: Sighting,
        at: Timestamp,
        expectation: Option<Expectation>,
        events: &mut Vec<Event>,
    ) -> Standing {
        let standings = &self.value.standings;
        let before = standings
            .iter()
            .find(|standing| standing.sighting.place == sighting.place);
        let since = match before {
            Some(before) if !before.differs(&sighting) => before.since,
            _ => {
                events.push(self.value.seen(&sighting, before, expectation));
                at
            }
        };
        Standing {
            seen: at,
            sighting,
            since,
        }
    }
}

impl Endpoint {
    fn seen(
        &self,
        sighting: &Sighting,
        before: Option<&Standing>,
        expectation: Option<Expectation>,
    ) -> Event {
        let before = before.map(|before| before.sighting.verdict.clone());
        let certificate_id = expectation.map(|expected| expected.certificate);
        let (endpoint_id, place) = (self.id, self.spec.place());
        let sighting = Box::new(sighting.clone());
        match sighting.level.max(sighting.verdict.level()) {
            Level::Failure => Event::EndpointMismatch {
                before,
                certificate_id,
                endpoint_id,
                place,
                sighting,
            },
            Level::Fine | Level::Notice | Level::Warning => Event::EndpointSeen {
                before,
                certificate_id,
                endpoint_id,
                place,
                sighting,
            },
        }
    }

    fn places_gone(&self, next: &Self) -> Option<Event> {
        let stays = |place: &Place| {
            let places = next.standings.iter();
            places
                .map(|now| &now.sighting.place)
                .any(|now| now == place)
        };
        let gone: Vec<Place> = self
            .standings
            .iter()
            .map(|standing| standing.sighting.place.clone())
            .filter(|place| !stays(place))
            .collect();
        (!gone.is_empty()).then_some(Event::EndpointPlacesGone {
            endpoint_id: self.id,
            places: gone,
        })
    }

    /// Until the next look: between 90 and 110 % of what it would be for all alike.
    fn pause(&self, jitter: u16) -> Duration {
        let interval = Duration::from_secs(self.spec.interval.max(1));
        let pause = match self.restless.checked_sub(1) {
            None => interval,
            Some(again) => {
                let longer = FIRST_AGAIN.saturating_mul(1 << again.min(MOST_DOUBLINGS));
                longer.min(interval)
            }
        };
        pause.saturating_mul(900 + u32::from(jitter % 201)) / 1000
    }
}

impl Sighting {
    /// Without what no record may hold: whatever is no fingerprint, and text without an end.
    fn bounded(mut self) -> Self {
        self.chain.truncate(MOST_CERTIFICATES);
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        self.chain
            .retain(|one| one.len() == 64 && one.bytes().all(hexadecimal));
        self.place.algorithm = self.place.algorithm.as_deref().map(shown);
        self.verdict = self.verdict.bounded();
        self
    }
}

/// Printable ASCII, and not more of it than fits.
fn shown(text: &str) -> String {
    let printable = |character| match character {
        ' '..='~' => character,
        _ => '?',
    };
    text.chars().take(LONGEST).map(printable).collect()
}
