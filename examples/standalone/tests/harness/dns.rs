//! An authoritative name server for `.example` on a loopback address that no other test uses.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process;
use std::sync::{Arc, Mutex};
use std::thread;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

const PORT: u16 = 20053;

/// The records, shared between the server's threads and the test.
///
/// Every name under `.example` exists, and points at this server's own address until it has records of its own.
#[derive(Clone)]
pub(crate) struct Zone {
    address: Ipv4Addr,
    records: Arc<Mutex<HashMap<Name, Vec<RData>>>>,
}

impl Zone {
    /// Takes the first loopback address whose DNS port is free, and answers there until the process ends.
    ///
    /// Holding the port keeps other tests, in this process or another, off the whole address.
    pub(crate) fn serve() -> Self {
        let (address, datagrams, streams) = free_address();
        let zone = Self {
            address,
            records: Arc::default(),
        };
        let (over_udp, over_tcp) = (zone.clone(), zone.clone());
        thread::spawn(move || over_udp.answer_datagrams(&datagrams));
        thread::spawn(move || over_tcp.answer_streams(&streams));
        zone
    }

    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    pub(crate) fn resolver(&self) -> SocketAddr {
        (self.address, PORT).into()
    }

    /// Adds a record at `name`: A, AAAA, TXT or any other kind.
    pub(crate) fn add(&self, name: &str, data: RData) {
        self.records
            .lock()
            .unwrap()
            .entry(parse(name))
            .or_default()
            .push(data);
    }

    pub(crate) fn remove(&self, name: &str, data: &RData) {
        if let Some(present) = self.records.lock().unwrap().get_mut(&parse(name)) {
            present.retain(|each| each != data);
        }
    }

    fn answer_datagrams(&self, socket: &UdpSocket) {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = self.answer(&buffer[..length]) {
                let _ = socket.send_to(&answer, peer);
            }
        }
    }

    fn answer_streams(&self, listener: &TcpListener) {
        for stream in listener.incoming().flatten() {
            let zone = self.clone();
            thread::spawn(move || zone.answer_stream(stream));
        }
    }

    fn answer_stream(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut query = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut query)?;
            let Some(answer) = self.answer(&query) else {
                return Ok(());
            };
            let length = u16::try_from(answer.len()).expect("a test's answers are short");
            stream.write_all(&[&length.to_be_bytes(), answer.as_slice()].concat())?;
        }
    }

    fn answer(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut message = Message::from_vec(bytes).ok()?.into_response();
        message.edns = None;
        message.additionals.clear();
        message.metadata.authoritative = true;
        let query = message.queries.first()?.clone();
        match self.look_up(&query) {
            Some(found) => message.add_answers(found),
            None => {
                message.metadata.response_code = ResponseCode::NXDomain;
                &mut message
            }
        };
        message.to_vec().ok()
    }

    fn look_up(&self, query: &Query) -> Option<Vec<Record>> {
        let name = query.name.to_lowercase();
        let records = self.records.lock().unwrap();
        let mut found = records.get(&name).cloned().unwrap_or_default();
        if found.is_empty() && !parse("example").zone_of(&name) {
            return None;
        }
        if !found.iter().any(|data| data.ip_addr().is_some()) {
            found.push(RData::A(A(self.address)));
        }
        found.retain(|data| data.record_type() == query.query_type);
        Some(
            found
                .into_iter()
                .map(|data| Record::from_rdata(query.name.clone(), 0, data))
                .collect(),
        )
    }
}

/// The TXT record that proves control over a name.
pub(crate) fn txt(value: &str) -> RData {
    RData::TXT(TXT::new(vec![value.to_owned()]))
}

fn parse(name: &str) -> Name {
    let mut name = Name::from_ascii(name).unwrap().to_lowercase();
    name.set_fqdn(true);
    name
}

fn free_address() -> (Ipv4Addr, UdpSocket, TcpListener) {
    let bind = |address| {
        let datagrams = UdpSocket::bind((address, PORT)).ok()?;
        Some((address, datagrams, TcpListener::bind((address, PORT)).ok()?))
    };
    let first = 0x7f01_0001 + process::id() % 0x00f0_0000;
    let mut candidates = (first..first + 512).map(Ipv4Addr::from_bits);
    candidates
        .find_map(bind)
        .unwrap_or_else(|| panic!("port {PORT} is taken on every address tried"))
}

fn addresses(zone: &Zone, name: &str) -> Vec<IpAddr> {
    let query = Query::query(Name::from_ascii(name).unwrap(), RecordType::A);
    zone.look_up(&query)
        .unwrap()
        .iter()
        .filter_map(|record| record.data.ip_addr())
        .collect()
}

#[test]
fn a_name_under_example_points_at_the_test_until_it_has_an_address() {
    let zone = Zone::serve();
    let elsewhere = Ipv4Addr::new(127, 0, 0, 9);
    assert_eq!(addresses(&zone, "a.example."), [IpAddr::V4(zone.address())]);
    zone.add("a.example", RData::A(A(elsewhere)));
    assert_eq!(addresses(&zone, "A.example."), [IpAddr::V4(elsewhere)]);
}

#[test]
fn a_name_outside_the_zone_does_not_exist() {
    let query = Query::query(parse("a.test"), RecordType::A);
    assert!(Zone::serve().look_up(&query).is_none());
}

#[test]
fn a_text_record_is_found_until_it_is_withdrawn() {
    let zone = Zone::serve();
    let query = Query::query(parse("_acme-challenge.a.example"), RecordType::TXT);
    zone.add("_acme-challenge.a.example", txt("proof"));
    assert_eq!(zone.look_up(&query).unwrap()[0].data, txt("proof"));
    zone.remove("_acme-challenge.a.example", &txt("proof"));
    assert_eq!(zone.look_up(&query), Some(Vec::new()));
}
