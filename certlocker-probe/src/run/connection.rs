//! One connection: a session with a socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};

use super::{NotSeen, Settings, Timeouts};
use crate::{Captured, Cell, Phase, Plan, Session, Target, Timings};

/// What came of a connection, which may still be there.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) held: Option<Held>,
    pub(super) outcome: Result<Captured, NotSeen>,
    pub(super) timings: Option<Timings>,
}

/// A connection that is kept until others have been made.
#[derive(Debug)]
pub(super) struct Held {
    session: Session,
    stream: TcpStream,
}

impl Held {
    /// Takes leave and closes the connection.
    pub(super) async fn release(mut self, timeouts: Timeouts) {
        self.session.release();
        let farewell = self.session.transmit();
        let leave = async {
            self.stream.write_all(&farewell).await?;
            self.stream.shutdown().await
        };
        let _ = timeout(timeouts.leaving, leave).await;
    }
}

impl Looked {
    pub(super) fn unreachable(why: String) -> Self {
        Self {
            held: None,
            outcome: Err(NotSeen::Unreachable(why)),
            timings: None,
        }
    }

    pub(super) fn into_closed(self) -> Self {
        Self { held: None, ..self }
    }
}

/// The capacity of a connection's buffer, of which there are as many as connections.
const BUFFER: usize = 4096;

/// Connects, and goes on to the end of the session. The number chooses among source addresses.
pub(super) async fn look(
    target: &Target,
    cell: &Cell,
    plan: Plan,
    settings: &Settings,
    number: usize,
) -> Looked {
    let started = Instant::now();
    let connecting = timeout(
        settings.timeouts.connect,
        connect(cell.address, settings, number),
    );
    let stream = match connecting.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Looked::unreachable(format!("no connection to {}: {error}", cell.address));
        }
        Err(_) => return Looked::unreachable(format!("no connection to {} in time", cell.address)),
    };
    let connected = Instant::now();
    let (prelude, random) = match (prelude(target, &stream), random()) {
        (Ok(prelude), Some(random)) => (prelude, random),
        (Err(error), _) => {
            return Looked::unreachable(format!("no connection to {}: {error}", cell.address));
        }
        (_, None) => return Looked::unreachable("this machine has no randomness".to_owned()),
    };
    let mut held = Held {
        session: Session::new(Plan { prelude, ..plan }, random),
        stream,
    };
    held.converse(settings.timeouts).await;
    let timings = Timings::new(connected - started, connected.elapsed());
    let outcome = match held.session.outcome() {
        Some(Ok(captured)) => Ok(captured.clone()),
        Some(Err(failure)) => Err(NotSeen::Failed(failure.clone())),
        None => Err(NotSeen::Unreachable("the session had no end".to_owned())),
    };
    Looked {
        held: Some(held),
        outcome,
        timings: Some(timings),
    }
}

async fn connect(address: SocketAddr, settings: &Settings, number: usize) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    let sources: Vec<_> = settings
        .sources
        .iter()
        .filter(|source| source.is_ipv4() == address.is_ipv4())
        .collect();
    if let Some(source) = number.checked_rem(sources.len()).map(|at| *sources[at]) {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn prelude(target: &Target, stream: &TcpStream) -> io::Result<Vec<u8>> {
    Ok(match target.proxy_header {
        Some(header) => header.write(stream.local_addr()?, stream.peer_addr()?),
        None => Vec::new(),
    })
}

fn random() -> Option<[u8; 32]> {
    let mut random = [0; 32];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    Some(random)
}

impl Held {
    /// Until the session has an outcome. Each phase has one deadline, so that nobody gains time by
    /// sending a little now and then.
    async fn converse(&mut self, timeouts: Timeouts) {
        let mut buffer = vec![0; BUFFER];
        let (mut phase, mut deadline) = (Phase::Starttls, Instant::now() + timeouts.starttls);
        loop {
            if self.session.phase() != phase {
                phase = self.session.phase();
                deadline = Instant::now() + allowed(phase, timeouts);
            }
            let out = self.session.transmit();
            if !out.is_empty() {
                match timeout_at(deadline, self.stream.write_all(&out)).await {
                    Ok(Ok(())) => {}
                    // What the server had to say may be waiting behind its refusal to listen.
                    Ok(Err(_)) => {}
                    Err(_) => self.session.time_is_up(),
                }
            }
            if self.session.outcome().is_some() {
                return;
            }
            match timeout_at(deadline, self.stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => self.session.ended(),
                Ok(Ok(count)) => self.session.receive(&buffer[..count]),
                Err(_) => self.session.time_is_up(),
            }
        }
    }
}

fn allowed(phase: Phase, timeouts: Timeouts) -> Duration {
    match phase {
        Phase::Starttls => timeouts.starttls,
        Phase::Handshake => timeouts.handshake,
        Phase::Leaving | Phase::Done => timeouts.leaving,
    }
}
