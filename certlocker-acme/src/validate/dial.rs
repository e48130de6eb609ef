//! From a host to a TCP connection: resolve once, keep what may be dialled, dial exactly that.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use certlocker_core::{FailureKind, Identifier};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address_policy::AddressPolicy;
use super::config::Config;
use super::resolve::DnsResolver;
use super::trail::{Step, Trail, no_answer, wrong};

/// How many addresses of each family are tried: with all of them silent, the first address of the
/// other family still gets its turn within the attempt.
const TRIES_PER_FAMILY: usize = 2;

/// A record keeps no more of what a name resolves to, however much its owner lets it.
const ADDRESSES_NOTED: usize = 16;

/// What stands before the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    Address(IpAddr),
}

impl From<&Identifier> for Host {
    fn from(identifier: &Identifier) -> Self {
        match identifier {
            Identifier::Dns(name) => Self::Name(name.base().as_str().to_owned()),
            Identifier::Ip(address) => Self::Address(*address),
        }
    }
}

/// As it stands in a URL ([RFC 8738 section 5](https://www.rfc-editor.org/rfc/rfc8738#section-5)).
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// The network as validation may use it.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) config: Config,
    pub(super) policy: AddressPolicy,
    pub(super) resolver: Arc<dyn DnsResolver>,
}

impl Network {
    /// Connects to `host`, looking its name up exactly once, so that the address that was judged is
    /// the one that is dialled.
    pub(super) async fn dial(
        &self,
        host: &Host,
        port: u16,
        trail: &mut Trail,
    ) -> Step<(TcpStream, SocketAddr)> {
        let addresses = self.resolve(host, trail).await?;
        trail.resolved(addresses.iter().copied().take(ADDRESSES_NOTED).collect());
        let admitted = self.admit(host, &addresses)?;
        let mut troubles = Vec::new();
        for address in dialling_order(&admitted) {
            let address = SocketAddr::new(address, port);
            trail.dialling(address);
            match self.connect(address).await {
                Ok(stream) => return Ok((stream, address)),
                Err(trouble) => troubles.push(format!("{address}: {trouble}")),
            }
        }
        let detail = format!("no connection to {host}: {}", troubles.join("; "));
        Err(no_answer(FailureKind::Connection, detail))
    }

    async fn resolve(&self, host: &Host, trail: &mut Trail) -> Step<Vec<IpAddr>> {
        let name = match host {
            Host::Address(address) => return Ok(vec![*address]),
            Host::Name(name) => name,
        };
        trail.doing(
            FailureKind::Dns,
            format!("looking up the addresses of {name}"),
        );
        match self.resolver.addresses(name).await {
            Ok(answer) => Ok(answer.records),
            Err(error) => {
                let detail = format!("no address of {name} was found: {error}");
                Err(no_answer(FailureKind::Dns, detail))
            }
        }
    }

    fn admit(&self, host: &Host, addresses: &[IpAddr]) -> Step<Vec<IpAddr>> {
        let mut admitted = Vec::new();
        let mut refused = Vec::new();
        for &address in addresses {
            match self.policy.refusal(address) {
                None => admitted.push(address),
                Some(reason) => refused.push(format!("{address} ({reason})")),
            }
        }
        if admitted.is_empty() {
            return Err(refusal(host, &refused));
        }
        Ok(admitted)
    }

    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, String> {
        let limit = self.config.timeouts.connect;
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(connected) => connected.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no connection within {limit:?}")),
        }
    }
}

/// More than this many refused addresses say no more than the first.
const REFUSALS_SHOWN: usize = 4;

fn refusal(host: &Host, refused: &[String]) -> certlocker_core::Outcome {
    let kind = match host {
        Host::Name(_) => FailureKind::Dns,
        Host::Address(_) => FailureKind::Connection,
    };
    let shown = refused[..refused.len().min(REFUSALS_SHOWN)].join(", ");
    let detail = format!(
        "{host} has no address that may be dialled, only {shown}: an operator admits such \
         addresses with --allow-validation-to CIDR"
    );
    wrong(kind, detail)
}

/// IPv6 first, then IPv4, a few of each.
fn dialling_order(addresses: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
    let v6 = addresses.iter().copied().filter(IpAddr::is_ipv6);
    let v4 = addresses.iter().copied().filter(IpAddr::is_ipv4);
    v6.take(TRIES_PER_FAMILY).chain(v4.take(TRIES_PER_FAMILY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_addresses_of_each_family_are_tried_and_ipv6_goes_first() {
        let addresses = [
            "1.1.1.1", "2600::1", "1.1.1.2", "2600::2", "1.1.1.3", "2600::3",
        ]
        .map(|a| a.parse().unwrap());
        let order: Vec<_> = dialling_order(&addresses).map(|a| a.to_string()).collect();
        assert_eq!(order, ["2600::1", "2600::2", "1.1.1.1", "1.1.1.2"]);
    }

    #[test]
    fn a_host_is_written_as_in_a_url_and_without_its_wildcard() {
        for (identifier, expected) in [
            ("dns:*.a.example", "a.example"),
            ("ip:192.0.2.1", "192.0.2.1"),
            ("ip:2001:db8::1", "[2001:db8::1]"),
        ] {
            let identifier = Identifier::try_from(identifier.to_owned()).unwrap();
            assert_eq!(Host::from(&identifier).to_string(), expected);
        }
    }
}
