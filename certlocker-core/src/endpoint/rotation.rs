//! How a new certificate arrives at an endpoint.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::Endpoint;
use super::look::{Expectation, Standing, Verdict};
use crate::{CertificateId, Event, Timestamp};

/// How far the certificate that should be served came at an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "read by whoever shows it")]
pub struct Rotation {
    /// The certificate.
    pub certificate: CertificateId,
    /// When it was seen at every place for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged: Option<Timestamp>,
    /// From when it should have been served.
    pub expected_from: Timestamp,
    /// Where it was seen first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_new: Option<Glimpse>,
    /// Where an earlier one was seen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_old: Option<Glimpse>,
}

/// Something seen at an address at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a record's form is fixed")]
pub struct Glimpse {
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// When.
    pub at: Timestamp,
}

impl Glimpse {
    fn of(endpoint: &Endpoint, wanted: fn(&Verdict) -> bool, at: Timestamp) -> Option<Self> {
        let matches = |standing: &&Standing| wanted(&standing.sighting.verdict);
        let standing = endpoint.standings.iter().find(matches)?;
        Some(Self {
            address: standing.sighting.place.address,
            at,
        })
    }
}

fn is_new(verdict: &Verdict) -> bool {
    *verdict == Verdict::Expected
}

fn is_old(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Previous { .. } | Verdict::WaitingForReload { .. }
    )
}

impl Rotation {
    /// The rotation after a look, whose standings `next` has.
    pub(super) fn after(
        before: Option<&Self>,
        next: &Endpoint,
        expectation: &Option<Expectation>,
        at: Timestamp,
    ) -> Option<Self> {
        let Some(expected) = expectation else {
            return before.cloned();
        };
        let same = before.filter(|before| before.certificate == expected.certificate);
        let mut rotation = same.cloned().unwrap_or(Self {
            certificate: expected.certificate,
            converged: None,
            expected_from: expected.from,
            first_new: None,
            last_old: None,
        });
        rotation.first_new = rotation.first_new.or_else(|| Glimpse::of(next, is_new, at));
        rotation.last_old = Glimpse::of(next, is_old, at).or(rotation.last_old);
        if next.agrees() {
            rotation.converged = rotation.converged.or(Some(at));
        }
        Some(rotation)
    }

    /// That every place serves the new certificate, said once.
    pub(super) fn converged_now(
        before: &Endpoint,
        next: &Endpoint,
        expectation: &Option<Expectation>,
    ) -> Option<Event> {
        let rotation = next.rotation.as_ref()?;
        let earlier = before.rotation.as_ref();
        let known = earlier.is_some_and(|earlier| {
            earlier.certificate == rotation.certificate && earlier.converged.is_some()
        });
        if known || rotation.converged.is_none() {
            return None;
        }
        Some(Event::EndpointConverged {
            certificate_id: rotation.certificate,
            endpoint_id: next.id,
            expected_from: rotation.expected_from,
            first_new: rotation.first_new,
            last_old: rotation.last_old,
            order_id: expectation.as_ref().and_then(|expected| expected.order),
            places: next.standings.len(),
        })
    }
}
