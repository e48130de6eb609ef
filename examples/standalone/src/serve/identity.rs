//! The listeners' own certificate, from the local authority.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use certlocker_acme::LocalCa;
use certlocker_core::{Identifier, Timestamp};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::ServeError;
use crate::config::BaseUrl;
use crate::tls::Identity;

/// What the certificate names: the names that are configured, this machine by its usual names, and
/// the addresses that are listened on.
pub(super) fn names(
    configured: [&BaseUrl; 2],
    listening: impl Iterator<Item = SocketAddr>,
) -> Vec<Identifier> {
    let loopback = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let addresses = listening
        .map(|address| address.ip())
        .filter(|address| !address.is_unspecified());
    let addresses = loopback.into_iter().chain(addresses).map(Identifier::Ip);
    let localhost = Identifier::dns("localhost").into_iter();
    let configured = configured.into_iter().map(|url| url.host().clone());
    let mut names = Vec::new();
    for name in configured.chain(localhost).chain(addresses) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

pub(super) fn issue(
    ca: &LocalCa,
    names: &[Identifier],
    now: Timestamp,
) -> Result<Identity, ServeError> {
    let (chain, key) = ca.server_identity(names, now)?;
    let certificates = std::iter::once(chain.leaf).chain(chain.intermediates);
    Ok(Identity {
        chain: certificates
            .map(|der| CertificateDer::from(der.0))
            .collect(),
        key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.expose().to_vec())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_there_once_and_the_public_one_first() {
        let public = BaseUrl::of_listener("127.0.0.1:8443".parse().unwrap());
        let listening =
            ["127.0.0.1:8443", "0.0.0.0:8444", "192.0.2.1:8443"].map(|text| text.parse().unwrap());
        let operator: BaseUrl = BaseUrl::of_listener("192.0.2.1:8444".parse().unwrap());
        let names: Vec<String> = names([&public, &operator], listening.into_iter())
            .iter()
            .map(Identifier::to_string)
            .collect();
        assert_eq!(
            names,
            ["ip:127.0.0.1", "ip:192.0.2.1", "dns:localhost", "ip:::1"]
        );
    }
}
