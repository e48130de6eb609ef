use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use certlocker_audit::sink::conformance::{Fresh, records};
use certlocker_audit::sink::{AuditSink, Format, SyslogSink, Transport};
use pollster::block_on;

pub(crate) type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// What a server receives, taken apart as RFC 6587 has it.
fn server() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, received) = (
        listener.local_addr().unwrap().to_string(),
        Received::default(),
    );
    let messages = received.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, messages) = (stream.unwrap(), messages.clone());
            thread::spawn(move || {
                while let Some(message) = frame(&mut stream) {
                    messages.lock().unwrap().push(message);
                }
            });
        }
    });
    (address, received)
}

pub(crate) fn frame(stream: &mut impl Read) -> Option<Vec<u8>> {
    let (mut length, mut byte) = (0, [0]);
    loop {
        stream.read_exact(&mut byte).ok()?;
        match byte[0] {
            b' ' => break,
            digit => length = length * 10 + usize::from(digit - b'0'),
        }
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

/// The text behind the header, once nothing more comes.
pub(crate) fn texts(received: &Received) -> Vec<Vec<u8>> {
    let (mut before, mut since) = (usize::MAX, Instant::now());
    while since.elapsed() < Duration::from_millis(50) {
        let now = received.lock().unwrap().len();
        if now != before {
            (before, since) = (now, Instant::now());
        }
        thread::yield_now();
    }
    received
        .lock()
        .unwrap()
        .iter()
        .map(|message| text(message))
        .collect()
}

pub(crate) fn text(message: &[u8]) -> Vec<u8> {
    let end = message.iter().position(|byte| *byte == b']').unwrap();
    message[end + 2..].to_vec()
}

fn over_tcp() -> Fresh {
    let (address, received) = server();
    let sink = SyslogSink::new(address, "host", Transport::Tcp, Format::Canonical);
    Fresh::new(Arc::new(sink), move || texts(&received), crate::run)
}

certlocker_audit::sink_conformance!(over_tcp);

#[test]
fn a_message_has_the_header_of_the_rfc() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let transport = Transport::Udp { largest: 2_000 };
    let peer = socket.local_addr().unwrap().to_string();
    let sink = SyslogSink::new(peer, "a host", transport, Format::Canonical);
    block_on(sink.deliver(&records(&["a", &"x".repeat(2_000)]))).unwrap();
    let mut buffer = [0; 4_096];
    let length = socket.recv(&mut buffer).unwrap();
    let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
    let head = "<108>1 2023-11-14T22:13:20.000000Z ahost certlocker - CLA131E [meta sequenceId=\"1\"] {\"actor\":";
    assert!(message.starts_with(head), "{message}");
    let length = socket.recv(&mut buffer).unwrap();
    let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
    assert!(
        message.ends_with("\"truncated\":true}") && message.contains("\"sequence\":2"),
        "{message}"
    );
}

#[test]
fn a_server_that_went_away_is_found_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sink = SyslogSink::new(address.to_string(), "h", Transport::Tcp, Format::Canonical);
    let all = records(&["a"; 3]);
    block_on(sink.deliver(&all[..1])).unwrap();
    drop(listener.accept().unwrap());
    block_on(sink.deliver(&all[1..2])).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    assert_eq!(text(&frame(&mut stream).unwrap()), all[1].to_canonical());
    drop((stream, listener));
    let mut tries = 0;
    while block_on(sink.deliver(&all[2..])).is_ok() {
        tries += 1;
        assert!(tries < 1_000, "nobody listens any more");
    }
}

#[test]
fn a_server_that_hangs_has_failed_after_a_while() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sink = SyslogSink::new(address, "h", Transport::Tcp, Format::Canonical);
    let sink = sink.patient(Duration::from_millis(20));
    let long = "x".repeat(60_000);
    let all = records(&[long.as_str(); 100]);
    let mut deliveries = 0;
    let error = loop {
        match block_on(sink.deliver(&all)) {
            Ok(()) => deliveries += 1,
            Err(error) => break error,
        }
        assert!(
            deliveries < 100,
            "the system keeps all of it for a server that reads nothing"
        );
    };
    assert!(error.to_string().contains("took nothing"), "{error}");
    drop(listener);
}
