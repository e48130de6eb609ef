//! The places that are looked at one by one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use certlocker_core::{DnsName, Identifier, Timestamp};
use rustls::client::ResolvesClientCert;
use serde::Serialize;

use crate::{
    Algorithm, Captured, Fingerprint, Inventory, Judgement, Level, Protocol, ProxyHeader, Verdict,
};

/// Where a certificate should be served.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Addresses to go to instead of those that the host has.
    pub connect_to: Vec<SocketAddr>,
    /// What clients call it; of a wildcard, the name that it stands under is asked for, and the wildcard judged.
    pub host: Identifier,
    /// What a server is shown that asks for a certificate of the client.
    pub identity: Option<Arc<dyn ResolvesClientCert>>,
    /// The item of the inventory whose certificate should be there.
    pub item: String,
    /// What the file has that the server reads, if that is known.
    pub on_disk: Option<Fingerprint>,
    /// The port.
    pub port: u16,
    /// What is spoken before TLS.
    pub protocol: Protocol,
    /// The header of a proxy that the server waits for.
    pub proxy_header: Option<ProxyHeader>,
    /// Whether to look, besides, at what a client is shown that names nothing.
    pub without_name: bool,
}

impl Target {
    /// A port of a host, with the protocol that is usual there, for the item of the same name.
    pub fn new(host: Identifier, port: u16) -> Self {
        Self {
            connect_to: Vec::new(),
            item: host.value(),
            host,
            identity: None,
            on_disk: None,
            port,
            protocol: Protocol::on_port(port),
            proxy_header: None,
            without_name: false,
        }
    }

    /// The name that the server is told; an address is no name (RFC 6066 section 3).
    pub(crate) fn server_name(&self) -> Option<DnsName> {
        match &self.host {
            Identifier::Dns(name) => Some(name.base()),
            Identifier::Ip(_) => None,
        }
    }

    /// The places to look at, given the addresses of the host: one for each kind of key that the item
    /// has, and one more each without a name if that is wanted.
    pub fn cells(&self, addresses: &[SocketAddr], inventory: &Inventory) -> Vec<Cell> {
        let lineages = inventory
            .item(&self.item)
            .map(|item| &item.lineages[..])
            .unwrap_or_default();
        let mut algorithms: Vec<Option<Algorithm>> = lineages
            .iter()
            .map(|lineage| Some(lineage.algorithm))
            .collect();
        algorithms.sort();
        algorithms.dedup();
        if algorithms.is_empty() {
            algorithms.push(None);
        }
        let named = self.server_name().is_some();
        let names: &[bool] = if named && self.without_name {
            &[true, false]
        } else {
            &[named]
        };
        let mut cells = Vec::new();
        for address in addresses {
            for algorithm in &algorithms {
                cells.extend(names.iter().map(|named| Cell {
                    address: *address,
                    algorithm: *algorithm,
                    host: self.host.clone(),
                    item: self.item.clone(),
                    named: *named,
                    protocol: self.protocol,
                }));
            }
        }
        cells
    }
}

/// One place, which has one answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Cell {
    /// Where.
    pub address: SocketAddr,
    /// The kind of key that is asked for; any, if there is none.
    pub algorithm: Option<Algorithm>,
    /// What clients call it.
    pub host: Identifier,
    /// The item whose certificate should be there.
    pub item: String,
    /// Whether the server is told the host's name.
    pub named: bool,
    /// What is spoken before TLS.
    pub protocol: Protocol,
}

/// How long the phases of a connection took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Timings {
    /// Until the connection was made, in microseconds.
    pub connect_us: u64,
    /// From there to the certificate, in microseconds.
    pub certificate_us: u64,
}

impl Timings {
    /// From how long each took.
    pub fn new(connect: Duration, certificate: Duration) -> Self {
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self {
            connect_us: micros(connect),
            certificate_us: micros(certificate),
        }
    }
}

/// The answer for one place, with the evidence.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// When.
    pub at: Timestamp,
    /// What was captured, if anything was.
    pub captured: Option<Captured>,
    /// The place; `None` if the host has no address.
    pub cell: Option<Cell>,
    /// Whether the server would go back to an earlier certificate if it were started again: its file
    /// is behind what it serves.
    pub disk_behind_memory: bool,
    /// What clients call it.
    pub host: Identifier,
    /// The item whose certificate should be there.
    pub item: String,
    /// All that can be said of what was captured.
    pub judgement: Option<Judgement>,
    /// The SHA-256 of the leaf.
    pub leaf_sha256: Option<Fingerprint>,
    /// How bad the worst of it is.
    pub level: Level,
    /// The port.
    pub port: u16,
    /// How long it took.
    pub timings: Option<Timings>,
    /// The answer.
    #[serde(flatten)]
    pub verdict: Verdict,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Authority, Leaf, day};
    use crate::{Facts, Generation, Item, Lineage};

    fn inventory(algorithms: &[Algorithm]) -> Inventory {
        let leaf = Authority::root("root").issue(&Leaf::named(&["a.example"]));
        let generation = Generation::of(&Facts::read(&leaf.der.0).unwrap(), day(0));
        let lineages = algorithms
            .iter()
            .map(|algorithm| Lineage::new(*algorithm, generation.clone()));
        Inventory::new([Item {
            grace: Duration::ZERO,
            lineages: lineages.collect(),
            name: "a.example".to_owned(),
            names: Vec::new(),
        }])
    }

    #[test]
    fn each_address_and_kind_of_key_is_a_place_of_its_own() {
        let mut target = Target::new(Identifier::dns("a.example").unwrap(), 443);
        target.without_name = true;
        let addresses =
            ["192.0.2.1:443", "[2001:db8::1]:443"].map(|address| address.parse().unwrap());
        let both = inventory(&[Algorithm::Rsa, Algorithm::Ecdsa]);
        assert_eq!(target.cells(&addresses, &both).len(), 2 * 2 * 2);
        target.without_name = false;
        assert_eq!(target.cells(&addresses, &both).len(), 2 * 2);
        let unknown = target.cells(&addresses, &Inventory::default());
        assert_eq!(
            unknown
                .iter()
                .map(|cell| cell.algorithm)
                .collect::<Vec<_>>(),
            [None, None]
        );
    }

    #[test]
    fn an_address_is_never_told_as_a_name() {
        let mut target = Target::new(Identifier::ip("192.0.2.1").unwrap(), 443);
        target.without_name = true;
        let cells = target.cells(&["192.0.2.1:443".parse().unwrap()], &Inventory::default());
        assert_eq!(
            cells.iter().map(|cell| cell.named).collect::<Vec<_>>(),
            [false]
        );
    }
}
