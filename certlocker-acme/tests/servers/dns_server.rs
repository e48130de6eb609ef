//! A name server over UDP and TCP that answers as a test says.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::Background;

/// What the server says to a question.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These records, each under its own name.
    Records(Vec<(String, RData)>),
    /// Nothing over UDP but that TCP would have more; these records there.
    Truncated(Vec<(String, RData)>),
    /// An error, or NXDOMAIN.
    Code(ResponseCode),
    /// An error to a question with EDNS, these records to one without.
    OnlyWithoutEdns(Vec<(String, RData)>),
    /// No answer at all.
    Silence,
}

/// Where a question came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

type Asked = Arc<Mutex<Vec<(Transport, String)>>>;

/// Answers what it has a reply for, nothing (NODATA) for another type of a name it knows, and
/// NXDOMAIN for other names.
#[derive(Debug)]
pub(crate) struct DnsServer {
    pub(crate) address: SocketAddr,
    asked: Asked,
    _running: [Background; 2],
}

/// What a server knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone(HashMap<(String, RecordType), Reply>);

impl Zone {
    pub(crate) fn reply(mut self, name: &str, kind: RecordType, reply: Reply) -> Self {
        self.0.insert((name.to_owned(), kind), reply);
        self
    }

    /// TXT records at `name`, each of one string.
    pub(crate) fn txt(self, name: &str, values: &[&str]) -> Self {
        let records = values.iter().map(|value| (name.to_owned(), txt(&[value])));
        let records = Reply::Records(records.collect());
        self.reply(name, RecordType::TXT, records)
    }

    /// The A or AAAA record of `name`.
    pub(crate) fn address(self, name: &str, address: &str) -> Self {
        let (kind, data) = match address.parse().unwrap() {
            std::net::IpAddr::V4(v4) => (RecordType::A, RData::A(A(v4))),
            std::net::IpAddr::V6(v6) => (RecordType::AAAA, RData::AAAA(AAAA(v6))),
        };
        self.reply(name, kind, Reply::Records(vec![(name.to_owned(), data)]))
    }
}

/// A TXT record of these strings.
pub(crate) fn txt(strings: &[&str]) -> RData {
    RData::TXT(TXT::new(strings.iter().map(ToString::to_string).collect()))
}

/// An alias.
pub(crate) fn cname(target: &str) -> RData {
    RData::CNAME(CNAME(absolute(target)))
}

fn absolute(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).unwrap()
}

impl DnsServer {
    pub(crate) async fn start(zone: Zone) -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().unwrap();
        let asked = Asked::default();
        let desk = Arc::new(Desk {
            asked: Arc::clone(&asked),
            zone,
        });
        Self {
            address,
            asked,
            _running: [
                Background::spawn(serve_udp(udp, Arc::clone(&desk))),
                Background::spawn(serve_tcp(tcp, desk)),
            ],
        }
    }

    /// The questions so far, as `TYPE name`.
    pub(crate) fn asked(&self) -> Vec<(Transport, String)> {
        self.asked.lock().unwrap().clone()
    }
}

/// One port that is free for both.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp(socket: UdpSocket, desk: Arc<Desk>) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = desk.answer(&buffer[..length], Transport::Udp) {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = serve_stream(stream, &desk).await;
    }
}

async fn serve_stream(mut stream: TcpStream, desk: &Desk) -> std::io::Result<()> {
    let mut question = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut question).await?;
    if let Some(answer) = desk.answer(&question, Transport::Tcp) {
        stream.write_u16(answer.len().try_into().unwrap()).await?;
        stream.write_all(&answer).await?;
    }
    Ok(())
}

#[derive(Debug)]
struct Desk {
    asked: Asked,
    zone: Zone,
}

impl Desk {
    fn answer(&self, question: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).ok()?;
        let query = question.queries.first()?;
        let name = query.name().to_ascii().trim_end_matches('.').to_owned();
        let kind = query.query_type();
        let asked = (transport, format!("{kind} {name}"));
        self.asked.lock().unwrap().push(asked);
        let answer = match self.reply(name, kind) {
            Reply::Silence => return None,
            Reply::Code(code) => answer(&question, query, code, vec![]),
            Reply::Records(records) => answer(&question, query, ResponseCode::NoError, records),
            Reply::OnlyWithoutEdns(records) => match question.edns {
                Some(_) => answer(&question, query, ResponseCode::FormErr, vec![]),
                None => answer(&question, query, ResponseCode::NoError, records),
            },
            Reply::Truncated(records) => match transport {
                Transport::Tcp => answer(&question, query, ResponseCode::NoError, records),
                Transport::Udp => {
                    let mut cut = answer(&question, query, ResponseCode::NoError, vec![]);
                    cut.metadata.truncation = true;
                    cut
                }
            },
        };
        answer.to_vec().ok()
    }

    fn reply(&self, name: String, kind: RecordType) -> Reply {
        let known = self.zone.0.keys().any(|(known, _)| *known == name);
        let otherwise = match known {
            true => Reply::Records(vec![]),
            false => Reply::Code(ResponseCode::NXDomain),
        };
        self.zone.0.get(&(name, kind)).cloned().unwrap_or(otherwise)
    }
}

fn answer(
    question: &Message,
    query: &Query,
    code: ResponseCode,
    records: Vec<(String, RData)>,
) -> Message {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.response_code = code;
    answer.metadata.recursion_desired = true;
    answer.metadata.recursion_available = true;
    answer.add_query(query.clone());
    let records = records.into_iter();
    answer.add_answers(records.map(|(name, data)| Record::from_rdata(absolute(&name), 0, data)));
    answer
}
