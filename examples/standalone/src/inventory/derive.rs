//! Endpoints that follow from what certificates name and which hosts there are: first as a plan.

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::endpoint::{Endpoint, EndpointOrigin, EndpointSpec, Lineage};
use certlocker_core::host::Host;
use certlocker_core::{
    Attribution, Certificate, CertificateId, Changeset, HostId, Identifier, Page, StoreError,
    Timestamp,
};
use certlocker_probe::{Fingerprint, Protocol};
use serde::{Deserialize, Serialize};

use super::endpoint::names;
use super::{Inventory, InventoryError, USUAL_INTERVAL};

/// The port where a name is looked for.
const PORT: u16 = 443;
const AT_ONCE: usize = 500;

/// What would be added, and by what it is told from another plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EndpointPlan {
    /// SHA-256 of the lines; the plan is applied only while it is still this.
    pub fingerprint: String,
    /// The endpoints that would be added.
    pub lines: Vec<EndpointPlanLine>,
}

/// An endpoint that would be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EndpointPlanLine {
    /// The certificate that it follows from.
    pub certificate: String,
    /// The names of the certificate.
    pub expected: Vec<String>,
    /// The host that has the name, if it is known.
    pub host: Option<String>,
    /// The endpoint.
    pub place: String,
}

/// The plan that is to be applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "the body of a request")]
pub struct ApplyEndpointPlan {
    /// Its fingerprint.
    pub fingerprint: String,
}

struct Derived {
    certificate: CertificateId,
    host: Option<(HostId, String)>,
    spec: EndpointSpec,
}

impl Inventory {
    /// The endpoints that follow from current certificates and hosts, and are not there.
    ///
    /// # Errors
    /// [`InventoryError::Store`].
    pub async fn endpoint_plan(&self) -> Result<EndpointPlan, InventoryError> {
        Ok(plan(&self.derived().await?))
    }

    /// Adds what a plan says, if it is still what would be planned.
    ///
    /// # Errors
    /// [`InventoryError::Refused`] if something changed since; [`InventoryError::Store`].
    pub async fn apply_endpoint_plan(
        &self,
        request: &ApplyEndpointPlan,
        by: &Attribution,
    ) -> Result<EndpointPlan, InventoryError> {
        let derived = self.derived().await?;
        let plan = plan(&derived);
        if plan.fingerprint != request.fingerprint {
            let detail = "certificates, hosts or endpoints changed since this plan was made: read the new one";
            return Err(InventoryError::Refused(detail.to_owned()));
        }
        let now = self.clock.now();
        for one in derived {
            let origin = EndpointOrigin::Derived {
                certificate: one.certificate,
                host: one.host.map(|(id, _)| id),
            };
            let added = Endpoint::add(one.spec, origin, &mut crate::random::fill, now);
            match self.store.commit(Changeset::of(added.by(by))).await {
                // Somebody else added it meanwhile.
                Ok(_) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(plan)
    }

    async fn derived(&self) -> Result<Vec<Derived>, InventoryError> {
        let (certificates, hosts) = (
            self.current_certificates().await?,
            self.named_hosts().await?,
        );
        let mut derived = BTreeMap::new();
        for certificate in &certificates {
            for (host, by) in places(certificate, &hosts) {
                let spec = spec(host, certificate.lineage());
                if self.store.endpoint_at(&spec).await?.is_none() {
                    derived.entry(spec.place()).or_insert_with(|| Derived {
                        certificate: *certificate.id(),
                        host: by.map(|host| (*host.id(), host.name().to_owned())),
                        spec,
                    });
                }
            }
        }
        Ok(derived.into_values().collect())
    }

    /// The newest certificate of each lineage that may be served now, newest first.
    async fn current_certificates(&self) -> Result<Vec<Certificate>, InventoryError> {
        let (mut seen, mut current) = (BTreeSet::new(), Vec::new());
        let (mut page, now) = (Page::newest(AT_ONCE), self.clock.now());
        loop {
            let part = self.store.certificates(page.clone()).await?;
            let Some(last) = part.last() else {
                return Ok(current);
            };
            page = page.after(Some(last.value.id().to_string()));
            for certificate in part.into_iter().map(|one| one.value) {
                let Lineage {
                    account,
                    mut identifiers,
                } = certificate.lineage();
                identifiers.sort();
                if seen.insert((account, identifiers)) && is_served(&certificate, now) {
                    current.push(certificate);
                }
            }
        }
    }

    async fn named_hosts(&self) -> Result<Vec<(Identifier, Host)>, InventoryError> {
        let (mut hosts, mut page) = (Vec::new(), Page::oldest(AT_ONCE));
        loop {
            let part = self.store.hosts(page.clone()).await?;
            let Some(last) = part.last() else {
                return Ok(hosts);
            };
            page = page.after(Some(last.value.id().to_string()));
            let here = part.into_iter().map(|one| one.value);
            let here = here.filter(|host| host.gone().is_none());
            hosts.extend(here.filter_map(|host| Some((Identifier::dns(host.name()).ok()?, host))));
        }
    }
}

fn is_served(certificate: &Certificate, now: Timestamp) -> bool {
    certificate.revocation().is_none() && now < certificate.description().not_after
}

/// What a certificate names, and the hosts below its wildcards.
fn places<'h>(
    certificate: &Certificate,
    hosts: &'h [(Identifier, Host)],
) -> Vec<(Identifier, Option<&'h Host>)> {
    let named = certificate.description().identifiers.iter();
    let named = named.filter(|name| !name.is_wildcard()).cloned();
    let mut places: BTreeMap<Identifier, Option<&Host>> = named.map(|name| (name, None)).collect();
    let below = hosts.iter().filter(|(name, _)| names(certificate, name));
    places.extend(below.map(|(name, host)| (name.clone(), Some(host))));
    places.into_iter().collect()
}

fn spec(host: Identifier, lineage: Lineage) -> EndpointSpec {
    EndpointSpec {
        connect_to: Vec::new(),
        disk: None,
        grace: 0,
        host,
        interval: USUAL_INTERVAL,
        lineage: Some(lineage),
        port: PORT,
        protocol: Protocol::on_port(PORT).to_string(),
        without_name: false,
    }
}

fn plan(derived: &[Derived]) -> EndpointPlan {
    let line = |one: &Derived| EndpointPlanLine {
        certificate: one.certificate.to_string(),
        expected: one
            .spec
            .lineage
            .iter()
            .flat_map(|lineage| &lineage.identifiers)
            .map(Identifier::value)
            .collect(),
        host: one.host.as_ref().map(|(_, name)| name.clone()),
        place: one.spec.place(),
    };
    let lines: Vec<EndpointPlanLine> = derived.iter().map(line).collect();
    let text = serde_json::to_vec(&lines).unwrap_or_default();
    EndpointPlan {
        fingerprint: Fingerprint::of(&text).to_string(),
        lines,
    }
}
