//! Who did something, and what made them do it.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::{
    AccessId, AccountId, AuthorityId, CertificateId, ClientId, CredentialId, GroupId, HostId,
    ImportPlanId, OrderId, PersonId, SecretId, SshCertificateId, TokenId,
};

/// Everything about a change but the change itself: its actor and its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "built wherever something is changed"
)]
pub struct Attribution {
    /// Who did it.
    pub actor: Actor,
    /// What made them do it.
    pub cause: Cause,
    /// The trace it belongs to, if the caller sent one.
    pub traceparent: Option<Traceparent>,
}

impl Attribution {
    /// An attribution without a parent or a trace.
    pub fn new(actor: Actor, trigger: Trigger) -> Self {
        Self {
            actor,
            cause: Cause {
                parent: None,
                trigger,
            },
            traceparent: None,
        }
    }

    /// The same, as a consequence of `parent`.
    pub fn because_of(mut self, parent: Subject) -> Self {
        self.cause.parent = Some(parent);
        self
    }
}

/// Who did something. The text form is `kind:name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Actor {
    /// The holder of an ACME account's key.
    Account(AccountId),
    /// Somebody unknown, from this network.
    Anonymous(IpNet),
    /// A person at the command line of the machine, by user name.
    Command(String),
    /// A person who signed in.
    Person(PersonId),
    /// A part of the server itself.
    Server(Component),
    /// The holder of an API token.
    Token(TokenId),
}

impl Actor {
    /// Somebody unknown, as far as a request tells: the network, not the address; every network if
    /// nothing tells.
    pub fn anonymous(peer: Option<IpAddr>) -> Self {
        Self::Anonymous(peer.map_or_else(|| IpNet::V4(Ipv4Net::default()), network_of))
    }
}

/// The network that stands for an address where many addresses are one sender.
pub fn network_of(peer: IpAddr) -> IpNet {
    let network = match peer {
        IpAddr::V4(address) => Ipv4Net::new(address, 24).map(IpNet::V4),
        IpAddr::V6(address) => Ipv6Net::new(address, 48).map(IpNet::V6),
    };
    network.map_or_else(|_| peer.into(), |network| network.trunc())
}

/// A part of the server that acts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Component {
    /// Ends what nobody finished in time, and removes what has served its time.
    Caretaker,
    /// Turns finalized orders into certificates.
    Issuer,
    /// Prepares the server to run.
    Startup,
    /// Looks at challenges.
    Validator,
}

impl Component {
    const ALL: [Self; 4] = [
        Self::Caretaker,
        Self::Issuer,
        Self::Startup,
        Self::Validator,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Caretaker => "caretaker",
            Self::Issuer => "issuer",
            Self::Startup => "startup",
            Self::Validator => "validator",
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account:{id}"),
            Self::Anonymous(network) => write!(f, "anonymous:{network}"),
            Self::Command(user) => write!(f, "command:{user}"),
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Server(component) => write!(f, "server:{}", component.as_str()),
            Self::Token(id) => write!(f, "token:{id}"),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

impl TryFrom<String> for Actor {
    type Error = InvalidAttribution;

    fn try_from(text: String) -> Result<Self, InvalidAttribution> {
        let invalid = || InvalidAttribution(text.clone());
        let (kind, name) = text.split_once(':').ok_or_else(invalid)?;
        match kind {
            "account" => name.parse().map(Self::Account).map_err(|_| invalid()),
            "anonymous" => name.parse().map(Self::Anonymous).map_err(|_| invalid()),
            "command" => Ok(Self::Command(name.to_owned())),
            "person" => name.parse().map(Self::Person).map_err(|_| invalid()),
            "server" => Component::ALL
                .into_iter()
                .find(|component| component.as_str() == name)
                .map(Self::Server)
                .ok_or_else(invalid),
            "token" => name.parse().map(Self::Token).map_err(|_| invalid()),
            _ => Err(invalid()),
        }
    }
}

/// Why something was done: the trigger, and what it is a consequence of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "a record's form is fixed")]
pub struct Cause {
    /// The thing whose history led here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Subject>,
    /// What set it off.
    pub trigger: Trigger,
}

/// What set a change off. The text form is the kind, and `:` and an id for a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Trigger {
    /// A command typed on the machine.
    Command,
    /// A due time that came: a deadline, a retry, a schedule.
    Due,
    /// A protocol or API request, by its id.
    Request(String),
    /// The start of the server.
    Startup,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("command"),
            Self::Due => f.write_str("due"),
            Self::Request(id) => write!(f, "request:{id}"),
            Self::Startup => f.write_str("startup"),
        }
    }
}

impl From<Trigger> for String {
    fn from(trigger: Trigger) -> Self {
        trigger.to_string()
    }
}

impl TryFrom<String> for Trigger {
    type Error = InvalidAttribution;

    fn try_from(text: String) -> Result<Self, InvalidAttribution> {
        match (text.as_str(), text.split_once(':')) {
            ("command", _) => Ok(Self::Command),
            ("due", _) => Ok(Self::Due),
            ("startup", _) => Ok(Self::Startup),
            (_, Some(("request", id))) => Ok(Self::Request(id.to_owned())),
            _ => Err(InvalidAttribution(text)),
        }
    }
}

/// Something that has a history: records are found by their subjects. The text form is `kind:id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Subject {
    /// An entry that says who may use a host.
    Access(AccessId),
    /// An ACME account.
    Account(AccountId),
    /// A certificate authority of our own.
    Authority(AuthorityId),
    /// A certificate.
    Certificate(CertificateId),
    /// A scoped client.
    Client(ClientId),
    /// What imports show to a cloud, or a key of hosts.
    Credential(CredentialId),
    /// A group of hosts.
    Group(GroupId),
    /// A host.
    Host(HostId),
    /// A plan of an import.
    ImportPlan(ImportPlanId),
    /// An order.
    Order(OrderId),
    /// A person who signs in.
    Person(PersonId),
    /// The sealed bytes of a secret: the newest record about them says which are the current ones.
    Sealed(SecretId),
    /// A sealed secret.
    Secret(SecretId),
    /// An SSH certificate; the text form of this is its key id.
    SshCertificate(SshCertificateId),
    /// An API token.
    Token(TokenId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Access(id) => write!(f, "access:{id}"),
            Self::Account(id) => write!(f, "account:{id}"),
            Self::Authority(id) => write!(f, "authority:{id}"),
            Self::Certificate(id) => write!(f, "certificate:{id}"),
            Self::Client(id) => write!(f, "client:{id}"),
            Self::Credential(id) => write!(f, "credential:{id}"),
            Self::Group(id) => write!(f, "group:{id}"),
            Self::Host(id) => write!(f, "host:{id}"),
            Self::ImportPlan(id) => write!(f, "import:{id}"),
            Self::Order(id) => write!(f, "order:{id}"),
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Sealed(id) => write!(f, "sealed:{id}"),
            Self::Secret(id) => write!(f, "secret:{id}"),
            Self::SshCertificate(id) => write!(f, "ssh-certificate:{id}"),
            Self::Token(id) => write!(f, "token:{id}"),
        }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

impl TryFrom<String> for Subject {
    type Error = InvalidAttribution;

    fn try_from(text: String) -> Result<Self, InvalidAttribution> {
        let parsed = match text.split_once(':') {
            Some(("access", id)) => id.parse().map(Self::Access),
            Some(("account", id)) => id.parse().map(Self::Account),
            Some(("authority", id)) => id.parse().map(Self::Authority),
            Some(("certificate", id)) => id.parse().map(Self::Certificate),
            Some(("client", id)) => id.parse().map(Self::Client),
            Some(("credential", id)) => id.parse().map(Self::Credential),
            Some(("group", id)) => id.parse().map(Self::Group),
            Some(("host", id)) => id.parse().map(Self::Host),
            Some(("import", id)) => id.parse().map(Self::ImportPlan),
            Some(("order", id)) => id.parse().map(Self::Order),
            Some(("person", id)) => id.parse().map(Self::Person),
            Some(("sealed", id)) => id.parse().map(Self::Sealed),
            Some(("secret", id)) => id.parse().map(Self::Secret),
            Some(("ssh-certificate", id)) => id.parse().map(Self::SshCertificate),
            Some(("token", id)) => id.parse().map(Self::Token),
            _ => return Err(InvalidAttribution(text)),
        };
        parsed.map_err(|_| InvalidAttribution(text))
    }
}

/// A `traceparent` header of version 00 ([W3C Trace Context](https://www.w3.org/TR/trace-context/)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Traceparent(String);

impl From<Traceparent> for String {
    fn from(traceparent: Traceparent) -> Self {
        traceparent.0
    }
}

impl TryFrom<String> for Traceparent {
    type Error = InvalidAttribution;

    fn try_from(text: String) -> Result<Self, InvalidAttribution> {
        let lower_hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let parts: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let nonzero = |part: &str| part.bytes().any(|b| b != b'0');
        if lengths == [2, 32, 16, 2]
            && parts[0] == "00"
            && parts.iter().all(|part| lower_hex(part))
            && nonzero(parts[1])
            && nonzero(parts[2])
        {
            return Ok(Self(text));
        }
        Err(InvalidAttribution(text))
    }
}

/// A text that is no actor, trigger, subject or traceparent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no actor, trigger, subject, origin or traceparent")]
pub struct InvalidAttribution(String);

impl InvalidAttribution {
    pub(crate) fn of(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01J00000000000000000000000";

    fn same<T: TryFrom<String> + Into<String>>(text: &str) -> bool {
        T::try_from(text.to_owned()).is_ok_and(|value| value.into() == text)
    }

    #[test]
    fn text_and_back_is_the_same_value() {
        for kind in [
            "access",
            "account",
            "authority",
            "certificate",
            "client",
            "group",
            "host",
            "import",
            "order",
            "person",
            "sealed",
            "secret",
            "ssh-certificate",
            "token",
        ] {
            assert!(same::<Subject>(&format!("{kind}:{ID}")), "{kind}");
        }
        for actor in [
            &format!("account:{ID}"),
            "anonymous:192.0.2.0/24",
            "command:root",
            &format!("person:{ID}"),
            "server:validator",
            &format!("token:{ID}"),
        ] {
            assert!(same::<Actor>(actor), "{actor}");
        }
        for trigger in ["command", "due", "request:7f", "startup"] {
            assert!(same::<Trigger>(trigger), "{trigger}");
        }
    }

    #[test]
    fn somebody_unknown_is_a_network() {
        for (peer, text) in [
            (Some("192.0.2.7"), "anonymous:192.0.2.0/24"),
            (Some("2001:db8:1:2::3"), "anonymous:2001:db8:1::/48"),
            (None, "anonymous:0.0.0.0/0"),
        ] {
            let peer = peer.map(|text| text.parse().unwrap());
            assert_eq!(Actor::anonymous(peer).to_string(), text);
        }
    }

    #[test]
    fn unknown_kinds_are_refused() {
        assert!(!same::<Subject>("order:x") && !same::<Subject>("host:1") && !same::<Subject>(""));
        assert!(!same::<Actor>("server:nobody") && !same::<Actor>("x"));
        assert!(!same::<Trigger>("whim"));
    }

    #[test]
    fn only_a_whole_traceparent_is_accepted() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(same::<Traceparent>(good));
        for bad in [
            &good[1..],
            &good.to_uppercase(),
            &good.replace("00-", "01-"),
            "00-0-0-0",
            "",
        ] {
            assert!(!same::<Traceparent>(bad), "{bad}");
        }
    }
}
