//! The names in a subject alternative name extension.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use certlocker_core::{Identifier, InvalidIdentifier};
use x509_parser::extensions::GeneralName;

/// Why a name is none that a certificate here could have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameRefusal {
    #[error("an iPAddress has {0} octets, and 4 or 16 were expected")]
    AddressLength(usize),
    #[error(transparent)]
    Invalid(#[from] InvalidIdentifier),
    #[error("a name is of type {0}, and dNSName and iPAddress are accepted")]
    Kind(&'static str),
}

pub(super) fn identifiers(names: &[GeneralName<'_>]) -> Result<BTreeSet<Identifier>, NameRefusal> {
    names.iter().map(identifier).collect()
}

pub(super) fn identifier(name: &GeneralName<'_>) -> Result<Identifier, NameRefusal> {
    match name {
        GeneralName::DNSName(name) => Ok(Identifier::dns(name)?),
        GeneralName::IPAddress(octets) => address(octets).map(Identifier::Ip),
        GeneralName::RFC822Name(_) => Err(NameRefusal::Kind("rfc822Name")),
        GeneralName::URI(_) => Err(NameRefusal::Kind("uniformResourceIdentifier")),
        GeneralName::DirectoryName(_) => Err(NameRefusal::Kind("directoryName")),
        GeneralName::OtherName(..) => Err(NameRefusal::Kind("otherName")),
        GeneralName::RegisteredID(_) => Err(NameRefusal::Kind("registeredID")),
        _ => Err(NameRefusal::Kind("another kind")),
    }
}

fn address(octets: &[u8]) -> Result<IpAddr, NameRefusal> {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return Ok(Ipv4Addr::from(four).into());
    }
    let sixteen =
        <[u8; 16]>::try_from(octets).map_err(|_| NameRefusal::AddressLength(octets.len()))?;
    Ok(Ipv6Addr::from(sixteen).into())
}
