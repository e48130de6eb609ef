//! Asking name servers directly: UDP then TCP, no cache, no hosts file, no search list.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use hickory_net::NetError;
use hickory_net::proto::op::{
    DnsRequest, DnsRequestOptions, DnsResponse, Message, Query, ResponseCode,
};
use hickory_net::proto::rr::{Name, RData, RecordType};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::udp::UdpClientStream;
use hickory_net::xfer::{DnsRequestSender, FirstAnswer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::InvalidConfig;
use super::resolve::{Answer, DnsResolver, LookupError, LookupFault};

/// More aliases than any honest delegation of `_acme-challenge` has.
const MOST_ALIASES: usize = 10;
const DNS_PORT: u16 = 53;
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// A stub resolver: recursion is the work of the name servers that it asks, one after another
/// until one of them knows.
#[derive(Clone, Debug)]
pub struct NameServers {
    servers: Vec<SocketAddr>,
    timeout: Duration,
}

impl NameServers {
    /// Asks `server` only, and waits up to `timeout` for each answer.
    pub fn single(server: SocketAddr, timeout: Duration) -> Self {
        Self {
            servers: vec![server],
            timeout,
        }
    }

    /// Asks the name servers of `/etc/resolv.conf`, as they stand there now.
    ///
    /// Without that file it is the local host that answers, as resolv.conf(5) has it.
    pub fn of_system(timeout: Duration) -> Result<Self, InvalidConfig> {
        let text = match std::fs::read_to_string(RESOLV_CONF) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|source| InvalidConfig::Resolver {
                path: RESOLV_CONF,
                source,
            })?,
        };
        Ok(Self::from_resolv_conf(&text, timeout))
    }

    /// Asks the name servers that a file in the form of resolv.conf(5) lists.
    pub fn from_resolv_conf(text: &str, timeout: Duration) -> Self {
        let servers = name_servers(text);
        Self { servers, timeout }
    }

    /// Whom it asks, in this order.
    pub fn addresses_asked(&self) -> &[SocketAddr] {
        &self.servers
    }

    async fn look_up(&self, name: &str, kind: RecordType) -> Result<Answer<RData>, LookupError> {
        let name = absolute(name)?;
        let mut last = None;
        for &server in &self.servers {
            let question = Question {
                kind,
                server,
                timeout: self.timeout,
            };
            match question.follow(name.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => {
                    let settled = !is_trouble(&fault);
                    last = Some(LookupError {
                        fault,
                        server: Some(server),
                    });
                    if settled {
                        break;
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| LookupError {
            fault: LookupFault::Transport("no name server is configured".to_owned()),
            server: None,
        }))
    }
}

#[async_trait]
impl DnsResolver for NameServers {
    async fn addresses(&self, name: &str) -> Result<Answer<IpAddr>, LookupError> {
        let (v6, v4) = tokio::join!(
            self.look_up(name, RecordType::AAAA),
            self.look_up(name, RecordType::A),
        );
        either(v6, v4).map(|answer| answer.filter_map(address))
    }

    async fn txt(&self, name: &str) -> Result<Answer<Vec<u8>>, LookupError> {
        let answer = self.look_up(name, RecordType::TXT).await?;
        Ok(answer.filter_map(text))
    }
}

impl<T> Answer<T> {
    fn filter_map<U>(self, pick: fn(&T) -> Option<U>) -> Answer<U> {
        Answer {
            aliases: self.aliases,
            records: self.records.iter().filter_map(pick).collect(),
            server: self.server,
        }
    }
}

/// What was found of two look-ups; of two failures the one that says more than "no such record".
fn either(
    first: Result<Answer<RData>, LookupError>,
    second: Result<Answer<RData>, LookupError>,
) -> Result<Answer<RData>, LookupError> {
    match (first, second) {
        (Ok(mut first), Ok(second)) => {
            first.records.extend(second.records);
            Ok(first)
        }
        (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
        (Err(first), Err(second)) if first.fault == LookupFault::NoData => Err(second),
        (Err(first), Err(_)) => Err(first),
    }
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(a.0.into()),
        RData::AAAA(aaaa) => Some(aaaa.0.into()),
        _ => None,
    }
}

fn text(data: &RData) -> Option<Vec<u8>> {
    match data {
        RData::TXT(txt) => Some(txt.txt_data.concat()),
        _ => None,
    }
}

fn absolute(name: &str) -> Result<Name, LookupError> {
    let parsed = Name::from_ascii(name).map(|mut name| {
        name.set_fqdn(true);
        name
    });
    parsed.map_err(|error| LookupError {
        fault: LookupFault::NotAName(error.to_string()),
        server: None,
    })
}

fn is_trouble(fault: &LookupFault) -> bool {
    matches!(
        fault,
        LookupFault::Code(_) | LookupFault::Timeout | LookupFault::Transport(_)
    )
}

/// The `nameserver` lines of resolv.conf(5).
fn name_servers(text: &str) -> Vec<SocketAddr> {
    let servers: Vec<_> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next())?
        })
        .filter_map(|address| address.parse().ok())
        .map(|address: IpAddr| SocketAddr::new(address, DNS_PORT))
        .collect();
    if servers.is_empty() {
        return vec![(Ipv4Addr::LOCALHOST, DNS_PORT).into()];
    }
    servers
}

/// A type of record, asked of one name server.
struct Question {
    kind: RecordType,
    server: SocketAddr,
    timeout: Duration,
}

impl Question {
    /// Asks for `name`, and again for what it is an alias of as long as the answers end there.
    async fn follow(&self, name: Name) -> Result<Answer<RData>, LookupFault> {
        let mut aliases = vec![];
        let mut name = name;
        loop {
            let message = self.ask(&name).await?;
            let walked = aliases.len();
            name = walk(&message, name, &mut aliases)?;
            let records = records(&message, &name, self.kind);
            if !records.is_empty() {
                return Ok(Answer {
                    aliases: aliases.iter().map(readable).collect(),
                    records,
                    server: Some(self.server),
                });
            }
            if message.metadata.response_code == ResponseCode::NXDomain {
                return Err(LookupFault::NoSuchName);
            }
            if aliases.len() == walked {
                return Err(LookupFault::NoData);
            }
        }
    }

    async fn ask(&self, name: &Name) -> Result<Message, LookupFault> {
        let query = Query::query(name.clone(), self.kind);
        let mut options = DnsRequestOptions::default();
        let mut message = self.exchange(query.clone(), options).await?;
        // Servers from before EDNS answer so (RFC 6891 section 7).
        if matches!(
            message.metadata.response_code,
            ResponseCode::FormErr | ResponseCode::NotImp
        ) {
            options.use_edns = false;
            message = self.exchange(query, options).await?;
        }
        match message.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => Ok(message),
            code => Err(LookupFault::Code(mnemonic(code))),
        }
    }

    async fn exchange(
        &self,
        query: Query,
        options: DnsRequestOptions,
    ) -> Result<Message, LookupFault> {
        let request = DnsRequest::from_query(query, options);
        let answer = self.over_udp(request.clone()).await.map_err(fault)?;
        if !answer.metadata.truncation {
            return Ok(answer.into_message());
        }
        match timeout(self.timeout, over_tcp(self.server, &request)).await {
            Ok(answer) => answer.map_err(|error| LookupFault::Transport(error.to_string())),
            Err(_) => Err(LookupFault::Timeout),
        }
    }

    async fn over_udp(&self, request: DnsRequest) -> Result<DnsResponse, NetError> {
        let mut stream = UdpClientStream::builder(self.server, TokioRuntimeProvider::new())
            .with_timeout(Some(self.timeout))
            .build();
        stream.send_message(request).first_answer().await
    }
}

/// One question over a connection of its own ([RFC 7766]), which the server may close right after
/// its answer: hickory's connection for many questions loses an answer then.
///
/// [RFC 7766]: https://www.rfc-editor.org/rfc/rfc7766
async fn over_tcp(server: SocketAddr, request: &DnsRequest) -> io::Result<Message> {
    let question = request.to_vec().map_err(io::Error::other)?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(server).await?;
    let framed = [&length.to_be_bytes(), question.as_slice()].concat();
    stream.write_all(&framed).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    let answer = Message::from_vec(&answer).map_err(io::Error::other)?;
    if answer.metadata.id != request.metadata.id || answer.queries != request.queries {
        return Err(io::Error::other("the answer is to another question"));
    }
    Ok(answer)
}

fn mnemonic(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => other.to_string(),
    }
}

fn fault(error: NetError) -> LookupFault {
    match error {
        NetError::Timeout => LookupFault::Timeout,
        error => LookupFault::Transport(error.to_string()),
    }
}

/// Follows the aliases inside one answer, and returns the name where they end.
fn walk(message: &Message, name: Name, aliases: &mut Vec<Name>) -> Result<Name, LookupFault> {
    let mut name = name;
    while let Some(target) = alias(message, &name) {
        if aliases.len() == MOST_ALIASES {
            return Err(LookupFault::TooManyAliases(readable(&name)));
        }
        aliases.push(target.clone());
        name = target;
    }
    Ok(name)
}

fn alias(message: &Message, name: &Name) -> Option<Name> {
    message
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == *name => Some(target.0.clone()),
            _ => None,
        })
}

fn records(message: &Message, name: &Name, kind: RecordType) -> Vec<RData> {
    let matching = message
        .answers
        .iter()
        .filter(|record| record.name == *name && record.record_type() == kind);
    matching.map(|record| record.data.clone()).collect()
}

fn readable(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_from_resolv_conf() {
        for (text, expected) in [
            ("", &["127.0.0.1:53"][..]),
            (
                "search a.example\n# nameserver 192.0.2.9\n",
                &["127.0.0.1:53"],
            ),
            (
                "nameserver 192.0.2.1\n nameserver\t2001:db8::1  # second\nnameserver x\n",
                &["192.0.2.1:53", "[2001:db8::1]:53"],
            ),
        ] {
            let expected: Vec<SocketAddr> = expected.iter().map(|a| a.parse().unwrap()).collect();
            assert_eq!(name_servers(text), expected, "{text}");
        }
    }
}
