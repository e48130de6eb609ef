//! What the database says should be served.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use certlocker_core::{Certificate, CertificateId, Der, Identifier, Page, Store};
use certlocker_probe::{Algorithm, Facts, Generation, Inventory, Item, Judge, Lineage, Roots};

use crate::home::Home;
use crate::inventory::InventoryError;
use crate::probing::own_roots;

/// A judge that knows every certificate in the store, the intermediates of all, and whom to trust.
pub(super) async fn judge(
    store: &dyn Store,
    home: &Home,
    grace: u64,
) -> Result<Judge, InventoryError> {
    let certificates = all(store).await?;
    let known: BTreeSet<Vec<u8>> = certificates
        .iter()
        .flat_map(|certificate| {
            certificate
                .chain()
                .intermediates
                .iter()
                .map(|der| der.0.clone())
        })
        .collect();
    let mut judge = Judge::new(Inventory::new(items(
        &certificates,
        Duration::from_secs(grace),
    )));
    judge.known_intermediates = known.into_iter().map(Der).collect();
    judge.stores.inventory = own_roots(home);
    judge.stores.mozilla = Some(Roots::mozilla());
    judge.stores.platform = Roots::platform().ok();
    Ok(judge)
}

const AT_ONCE: usize = 1000;

async fn all(store: &dyn Store) -> Result<Vec<Certificate>, InventoryError> {
    let mut all: Vec<Certificate> = Vec::new();
    loop {
        let after = all.last().map(|last| last.id().to_string());
        let page = store
            .certificates(Page::newest(AT_ONCE).after(after))
            .await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page.into_iter().map(|certificate| certificate.value));
    }
}

/// One item for each set of names, with a lineage for each certificate that nothing replaces.
fn items(certificates: &[Certificate], grace: Duration) -> Vec<Item> {
    let by_id: BTreeMap<&CertificateId, &Certificate> = certificates
        .iter()
        .map(|certificate| (certificate.id(), certificate))
        .collect();
    let replaced: BTreeSet<&CertificateId> = certificates
        .iter()
        .filter_map(Certificate::replaces)
        .collect();
    let mut items: BTreeMap<Vec<Identifier>, Item> = BTreeMap::new();
    for newest in certificates
        .iter()
        .filter(|certificate| !replaced.contains(certificate.id()))
    {
        let Some(lineage) = lineage(newest, &by_id) else {
            continue;
        };
        let mut names = newest.description().identifiers.clone();
        names.sort();
        let item = items.entry(names.clone()).or_insert_with(|| Item {
            grace,
            lineages: Vec::new(),
            name: names
                .iter()
                .map(Identifier::value)
                .collect::<Vec<_>>()
                .join(","),
            names,
        });
        item.lineages.push(lineage);
    }
    items.into_values().collect()
}

/// A certificate that was revoked is expected nowhere, nor is one whose key fits no TLS signature.
fn lineage(
    newest: &Certificate,
    by_id: &BTreeMap<&CertificateId, &Certificate>,
) -> Option<Lineage> {
    if newest.revocation().is_some() {
        return None;
    }
    let (algorithm, generation) = generation(newest)?;
    let mut lineage = Lineage::new(algorithm, generation);
    let earlier = |certificate: &Certificate| by_id.get(certificate.replaces()?).copied();
    let mut before = earlier(newest);
    while let Some(certificate) = before {
        if let Some((_, generation)) = generation_of_any_kind(certificate) {
            lineage = lineage.preceded_by(generation);
        }
        before = earlier(certificate);
    }
    Some(lineage)
}

fn generation(certificate: &Certificate) -> Option<(Algorithm, Generation)> {
    let (algorithm, generation) = generation_of_any_kind(certificate)?;
    Some((algorithm?, generation))
}

fn generation_of_any_kind(certificate: &Certificate) -> Option<(Option<Algorithm>, Generation)> {
    let facts = Facts::read(&certificate.chain().leaf.0).ok()?;
    Some((
        facts.key.algorithm(),
        Generation::of(&facts, certificate.id().created()),
    ))
}
