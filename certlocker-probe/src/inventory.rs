//! What is expected to be served, and what a certificate that is served is in view of it.

use std::collections::HashMap;
use std::time::Duration;

use certlocker_core::{Identifier, Timestamp};
use serde::Serialize;

use crate::{Algorithm, Facts, Fingerprint};

/// Certificates that follow each other for one purpose and one kind of key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Lineage {
    /// The kind of key of all of them.
    pub algorithm: Algorithm,
    expected: usize,
    generations: Vec<Generation>,
}

/// One certificate of a lineage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "built from whatever inventory there is"
)]
pub struct Generation {
    /// From when it was to be served.
    pub expected_from: Timestamp,
    /// The SHA-256 of the issuer's name in DER.
    pub issuer_sha256: Fingerprint,
    /// The SHA-256 of its SubjectPublicKeyInfo.
    pub key_sha256: Fingerprint,
    /// The SHA-256 of the certificate.
    pub sha256: Fingerprint,
}

impl Generation {
    /// The certificate that says this of itself.
    pub fn of(facts: &Facts, expected_from: Timestamp) -> Self {
        Self {
            expected_from,
            issuer_sha256: Fingerprint::of(&facts.issuer_der),
            key_sha256: facts.key_sha256,
            sha256: facts.sha256,
        }
    }
}

impl Lineage {
    /// A lineage of which this certificate is to be served.
    pub fn new(algorithm: Algorithm, expected: Generation) -> Self {
        Self {
            algorithm,
            expected: 0,
            generations: vec![expected],
        }
    }

    /// Adds the certificate that was served before all of those that are known.
    #[must_use]
    pub fn preceded_by(mut self, generation: Generation) -> Self {
        self.generations.insert(0, generation);
        self.expected += 1;
        self
    }

    /// Adds a certificate that is to be served later than all of those that are known.
    #[must_use]
    pub fn succeeded_by(mut self, generation: Generation) -> Self {
        self.generations.push(generation);
        self
    }

    /// The certificate that is to be served.
    pub fn expected(&self) -> &Generation {
        &self.generations[self.expected]
    }
}

/// Something that has a certificate: a site, a mail server, a database.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "built from whatever inventory there is"
)]
pub struct Item {
    /// How long after a rotation the previous certificate is only waited for to go.
    pub grace: Duration,
    /// Its lineages, one for each kind of key that it is served with.
    pub lineages: Vec<Lineage>,
    /// What it is called.
    pub name: String,
    /// What clients call it, and its certificate has to name.
    pub names: Vec<Identifier>,
}

/// Everything that is expected anywhere.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    by_certificate: HashMap<Fingerprint, Vec<Place>>,
    by_key: HashMap<Fingerprint, Vec<Place>>,
    items: Vec<Item>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    generation: usize,
    item: usize,
    lineage: usize,
}

/// What a certificate is in view of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum Identity {
    /// What is to be served.
    Expected,
    /// What was to be served before.
    Predecessor {
        /// By how many certificates it is behind.
        behind: usize,
        /// Until when this is waited for and no fault.
        grace_until: Timestamp,
        /// From when another one was to be served.
        since: Timestamp,
    },
    /// What is to be served later.
    Successor {
        /// By how many certificates it is ahead.
        ahead: usize,
    },
    /// The certificate of another item.
    OtherItem {
        /// Which.
        item: String,
    },
    /// Not in the inventory.
    Unknown {
        /// What is known about it nevertheless.
        likeness: Likeness,
    },
}

/// What a certificate that is not in the inventory has in common with one that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Likeness {
    /// The same key as a certificate of this item: it was issued again.
    Key {
        /// The item.
        item: String,
    },
    /// The same issuer, and it names what the item is called: it was renewed elsewhere.
    Lineage,
    /// Nothing.
    Nothing,
}

impl Inventory {
    /// An inventory of these items.
    pub fn new(items: impl IntoIterator<Item = Item>) -> Self {
        let mut inventory = Self::default();
        items.into_iter().for_each(|item| inventory.add(item));
        inventory
    }

    fn add(&mut self, item: Item) {
        for (lineage, of) in item.lineages.iter().enumerate() {
            for (generation, certificate) in of.generations.iter().enumerate() {
                let place = Place {
                    generation,
                    item: self.items.len(),
                    lineage,
                };
                self.by_certificate
                    .entry(certificate.sha256)
                    .or_default()
                    .push(place);
                self.by_key
                    .entry(certificate.key_sha256)
                    .or_default()
                    .push(place);
            }
        }
        self.items.push(item);
    }

    /// The items.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The item of this name.
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }

    /// The item that clients call this, or that has a wildcard for it.
    pub fn item_for(&self, name: &Identifier) -> Option<&Item> {
        let own = self.items.iter().find(|item| item.names.contains(name));
        own.or_else(|| {
            let covers =
                |item: &&Item| item.names.iter().any(|san| crate::names::covers(san, name));
            self.items.iter().find(covers)
        })
    }

    /// Whether this is the certificate that the item is to serve; all that is asked as long as
    /// everything is as it should be.
    pub fn is_expected(&self, item: &str, sha256: &Fingerprint) -> bool {
        self.places(sha256)
            .any(|place| self.items[place.item].name == item && self.lead(place) == 0)
    }

    /// What this certificate is where the item should be.
    pub fn identify(&self, item: &str, facts: &Facts) -> Identity {
        self.known(item, &facts.sha256)
            .unwrap_or_else(|| Identity::Unknown {
                likeness: self.likeness(item, facts),
            })
    }

    /// What a certificate is of which no more is known than its SHA-256.
    pub fn identify_fingerprint(&self, item: &str, sha256: &Fingerprint) -> Identity {
        let likeness = Likeness::Nothing;
        self.known(item, sha256)
            .unwrap_or(Identity::Unknown { likeness })
    }

    fn known(&self, item: &str, sha256: &Fingerprint) -> Option<Identity> {
        let own = self
            .places(sha256)
            .find(|place| self.items[place.item].name == item);
        if let Some(place) = own {
            return Some(self.among_own(place));
        }
        let other = self.places(sha256).next()?;
        Some(Identity::OtherItem {
            item: self.items[other.item].name.clone(),
        })
    }

    fn places(&self, sha256: &Fingerprint) -> impl Iterator<Item = Place> {
        self.by_certificate
            .get(sha256)
            .into_iter()
            .flatten()
            .copied()
    }

    fn among_own(&self, place: Place) -> Identity {
        let item = &self.items[place.item];
        let lineage = &item.lineages[place.lineage];
        match self.lead(place) {
            0 => Identity::Expected,
            ahead @ 1.. => Identity::Successor {
                ahead: ahead.unsigned_abs(),
            },
            behind => {
                let since = lineage.generations[place.generation + 1].expected_from;
                let newest = lineage.expected().expected_from;
                Identity::Predecessor {
                    behind: behind.unsigned_abs(),
                    grace_until: newest.after(item.grace),
                    since,
                }
            }
        }
    }

    fn lead(&self, place: Place) -> isize {
        let expected = self.items[place.item].lineages[place.lineage].expected;
        place.generation.cast_signed() - expected.cast_signed()
    }

    fn likeness(&self, name: &str, facts: &Facts) -> Likeness {
        let places = || self.by_key.get(&facts.key_sha256).into_iter().flatten();
        let own = places().find(|place| self.items[place.item].name == name);
        if let Some(place) = own.or_else(|| places().next()) {
            return Likeness::Key {
                item: self.items[place.item].name.clone(),
            };
        }
        let issuer = Fingerprint::of(&facts.issuer_der);
        let renewed = self.item(name).is_some_and(|item| {
            let known = item
                .lineages
                .iter()
                .flat_map(|lineage| &lineage.generations);
            let covers = |name: &Identifier| {
                facts
                    .names
                    .iter()
                    .any(|san| crate::names::covers(san, name))
            };
            known
                .into_iter()
                .any(|generation| generation.issuer_sha256 == issuer)
                && item.names.iter().all(covers)
        });
        match renewed {
            true => Likeness::Lineage,
            false => Likeness::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
