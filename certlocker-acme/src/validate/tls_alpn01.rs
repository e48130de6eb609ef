//! tls-alpn-01: a handshake that asks for `acme-tls/1`, and the certificate that it shows
//! ([RFC 8737]).
//!
//! [RFC 8737]: https://www.rfc-editor.org/rfc/rfc8737

use std::net::IpAddr;

use certlocker_core::{Failure, FailureKind, Identifier, Outcome};
use rustls::pki_types::{DnsName, ServerName};
use tokio_rustls::TlsConnector;

use super::dial::{Host, Network};
use super::printable::printable;
use super::tls;
use super::tls_alpn_certificate::{describe, judge_certificate};
use super::trail::{Step, Trail, wrong};
use crate::Armed;

/// The only protocol that is offered.
pub(super) const ACME_TLS: &[u8] = b"acme-tls/1";

/// Proves `challenge`, or says why not. The handshake is all there is: nothing is sent after it.
pub(super) async fn prove(
    network: &Network,
    connector: &TlsConnector,
    challenge: &Armed,
    trail: &mut Trail,
) -> Step<()> {
    let name = server_name(&challenge.identifier)?;
    let port = network.config.tls_port;
    trail.open(format!("{}:{port}", name.to_str()));
    let host = Host::from(&challenge.identifier);
    let connection = network.dial(&host, port, trail).await?;
    trail.doing(
        FailureKind::Connection,
        format!("the TLS handshake with {}", connection.1),
    );
    let limit = network.config.timeouts.read;
    let stream = tls::handshake(connector, name, connection, limit).await?;
    let session = stream.get_ref().1;
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    trail.hop().first_bytes = leaf.map(|leaf| describe(leaf));
    judge_protocol(session.alpn_protocol())?;
    let leaf = leaf.map_or(&[][..], |leaf| leaf.as_ref());
    judge_certificate(leaf, &challenge.identifier, &challenge.key_authorization)
        .map_err(Outcome::Wrong)
}

fn judge_protocol(chosen: Option<&[u8]>) -> Step<()> {
    if chosen == Some(ACME_TLS) {
        return Ok(());
    }
    let observed = chosen.map_or_else(|| "none".to_owned(), |name| printable(name, 80));
    let detail = "the server took the handshake without choosing the ALPN protocol acme-tls/1: \
                  what answers there is not set up for tls-alpn-01";
    let failure = Failure::new(FailureKind::Tls, detail);
    Err(Outcome::Wrong(failure.compared("acme-tls/1", observed)))
}

/// The name itself, or the reverse name of an address ([RFC 8738 section 6]).
///
/// [RFC 8738 section 6]: https://www.rfc-editor.org/rfc/rfc8738#section-6
fn server_name(identifier: &Identifier) -> Step<ServerName<'static>> {
    let name = match identifier {
        Identifier::Dns(name) => name.base().as_str().to_owned(),
        Identifier::Ip(address) => reverse_name(*address),
    };
    let name = DnsName::try_from(name);
    name.map(ServerName::DnsName).map_err(|_| {
        let detail = format!("{identifier} does not fit into a TLS server name");
        wrong(FailureKind::RejectedIdentifier, detail)
    })
}

fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().rev();
            let labels = nibbles.map(|byte| format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
            labels.collect::<String>() + "ip6.arpa"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_name_of_an_address_is_its_reverse_name() {
        for (identifier, expected) in [
            ("dns:a.example", "a.example"),
            ("ip:192.0.2.1", "1.2.0.192.in-addr.arpa"),
            (
                "ip:2001:db8::1",
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            ),
        ] {
            let identifier = Identifier::try_from(identifier.to_owned()).unwrap();
            assert_eq!(server_name(&identifier).unwrap().to_str(), expected);
        }
    }
}
