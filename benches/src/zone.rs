//! A name server for which every name is an address of this machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;

/// Names that no run before has used, each pointing at this machine while the server runs.
#[derive(Debug)]
pub struct Zone {
    next: AtomicU64,
    run: String,
}

impl Zone {
    /// Names that no other zone gives out.
    pub fn unique() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let run = since.map_or(0, |since| since.as_nanos());
        Self {
            next: AtomicU64::new(0),
            run: format!("{run:x}-{:x}", std::process::id()),
        }
    }

    /// A name that was not given before.
    pub fn fresh(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("n{number}.r{}.load.example", self.run)
    }
}

/// Answers on a loopback port, any free one for 0, until the runtime ends.
///
/// # Errors
/// When the port cannot be had.
pub async fn serve(port: u16) -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let address = socket.local_addr()?;
    tokio::spawn(answer_all(socket));
    Ok(address)
}

async fn answer_all(socket: UdpSocket) {
    let mut buffer = [0; 1500];
    loop {
        // What cannot be received or sent is asked again.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(answer) = answer(&buffer[..length]) {
            let _ = socket.send_to(&answer, peer).await;
        }
    }
}

fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(question).ok()?.into_response();
    message.edns = None;
    message.additionals.clear();
    message.metadata.authoritative = true;
    let query = message.queries.first()?.clone();
    if query.query_type == RecordType::A {
        let here = RData::A(A(Ipv4Addr::LOCALHOST));
        message.add_answers([Record::from_rdata(query.name, 0, here)]);
    }
    message.to_vec().ok()
}
