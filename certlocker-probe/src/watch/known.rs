//! What a store says should be served at an endpoint.

use std::time::Duration;

use certlocker_core::endpoint::{EndpointSpec, Expectation, Lineage as Names, Verdict};
use certlocker_core::{Certificate, Der, Identifier, Store, StoreError};

use super::sight;
use crate::{Facts, Generation, Inventory, Item, Lineage, Report};

/// As many certificates before the newest are told from unknown ones at once.
const GENERATIONS: usize = 8;

/// The certificates of a lineage, newest first.
pub(super) struct Known {
    certificates: Vec<Certificate>,
    lineage: Option<Names>,
}

impl Known {
    pub(super) async fn of(store: &dyn Store, spec: &EndpointSpec) -> Result<Self, StoreError> {
        let mut certificates = Vec::new();
        if let Some(lineage) = &spec.lineage {
            let newest = store.latest_certificate(&lineage.account, &lineage.identifiers);
            certificates.extend(newest.await?.map(|newest| newest.value));
        }
        while let Some(before) = certificates.last().and_then(Certificate::replaces)
            && certificates.len() < GENERATIONS
        {
            match store.certificate(before).await {
                Ok(before) => certificates.push(before.value),
                Err(StoreError::NotFound) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            certificates,
            lineage: spec.lineage.clone(),
        })
    }

    /// The certificate that should be there; none if it was revoked.
    fn newest(&self) -> Option<&Certificate> {
        let newest = self.certificates.first();
        newest.filter(|newest| newest.revocation().is_none())
    }

    pub(super) fn expectation(&self) -> Option<Expectation> {
        let newest = self.newest()?;
        Some(Expectation {
            certificate: *newest.id(),
            from: newest.id().created(),
            order: newest.order().copied(),
        })
    }

    /// One item, which is what the endpoint should serve.
    pub(super) fn inventory(&self, spec: &EndpointSpec) -> Inventory {
        let names = self.lineage.iter().flat_map(|lineage| &lineage.identifiers);
        Inventory::new(self.generations().map(|lineage| Item {
            grace: Duration::from_secs(spec.grace),
            lineages: vec![lineage],
            name: sight::ITEM.to_owned(),
            names: names.cloned().collect(),
        }))
    }

    fn generations(&self) -> Option<Lineage> {
        let newest = self.newest()?;
        let facts = Facts::read(&newest.chain().leaf.0).ok()?;
        let first = Generation::of(&facts, newest.id().created());
        let lineage = Lineage::new(facts.key.algorithm()?, first);
        let before = self.certificates.iter().skip(1).filter_map(|certificate| {
            let facts = Facts::read(&certificate.chain().leaf.0).ok()?;
            Some(Generation::of(&facts, certificate.id().created()))
        });
        Some(before.fold(lineage, Lineage::preceded_by))
    }

    pub(super) fn intermediates(&self) -> Vec<Der> {
        let chains = self.certificates.iter().map(Certificate::chain);
        let mut ders: Vec<Der> = chains
            .flat_map(|chain| chain.intermediates.clone())
            .collect();
        ders.sort_by(|one, other| one.0.cmp(&other.0));
        ders.dedup();
        ders
    }

    /// The answer of a report, with what the store knows of a certificate that is not of this lineage.
    pub(super) async fn settle(
        &self,
        store: &dyn Store,
        report: &Report,
    ) -> Result<Verdict, StoreError> {
        let told = sight::verdict(&report.verdict);
        let (Verdict::Unknown, Some(leaf)) = (&told, report.leaf_sha256) else {
            return Ok(told);
        };
        let Some(found) = store.certificate_by_sha256(&leaf.to_string()).await? else {
            return Ok(told);
        };
        let found = found.value;
        if let (Some(lineage), Some(newest)) = (&self.lineage, self.newest())
            && found.lineage() == *lineage
        {
            return Ok(sight::older(newest.id().created()));
        }
        let names = found.description().identifiers.iter();
        let item: Vec<String> = names.map(Identifier::value).collect();
        Ok(Verdict::OtherItem {
            item: item.join(","),
        })
    }
}
