//! How messages get to the peer.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use super::Transport;
#[cfg(feature = "tls")]
use super::tls::Secured;

/// An open way to the peer.
#[derive(Debug)]
pub(super) enum Link {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<Secured>),
    Udp {
        largest: usize,
        socket: UdpSocket,
    },
}

impl Link {
    pub(super) fn open(peer: &str, transport: &Transport, patience: Duration) -> io::Result<Self> {
        let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let address = peer.to_socket_addrs()?.next().ok_or_else(none)?;
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, patience)?;
            stream.set_write_timeout(Some(patience))?;
            stream.set_read_timeout(Some(patience))?;
            Ok::<_, io::Error>(stream)
        };
        match transport {
            Transport::Tcp => Ok(Self::Tcp(connect()?)),
            #[cfg(feature = "tls")]
            Transport::Tls(trust) => {
                let secured = Secured::over(connect()?, peer, trust)?;
                Ok(Self::Tls(Box::new(secured)))
            }
            Transport::Udp { largest } => {
                let any = match address.is_ipv4() {
                    true => "0.0.0.0:0",
                    false => "[::]:0",
                };
                let (largest, socket) = (*largest, UdpSocket::bind(any)?);
                socket.connect(address)?;
                Ok(Self::Udp { largest, socket })
            }
        }
    }

    /// Whether the peer has not closed the connection: what is written to a closed one is lost
    /// without an error.
    pub(super) fn is_open(&mut self) -> bool {
        match self {
            Self::Tcp(stream) => {
                let quiet = stream.set_nonblocking(true).is_ok()
                    && matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
                stream.set_nonblocking(false).is_ok() && quiet
            }
            #[cfg(feature = "tls")]
            Self::Tls(secured) => secured.is_open(),
            Self::Udp { .. } => true,
        }
    }

    /// The length of the longest message that it takes.
    pub(super) fn largest(&self) -> usize {
        match self {
            Self::Udp { largest, .. } => *largest,
            _ => usize::MAX,
        }
    }

    /// Sends one message; over a connection behind its length
    /// ([RFC 6587 section 3.4.1](https://www.rfc-editor.org/rfc/rfc6587#section-3.4.1),
    /// [RFC 5425 section 4.3](https://www.rfc-editor.org/rfc/rfc5425#section-4.3)).
    pub(super) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let framed = || [format!("{} ", message.len()).as_bytes(), message].concat();
        match self {
            Self::Tcp(stream) => stream.write_all(&framed()),
            #[cfg(feature = "tls")]
            Self::Tls(secured) => secured.write_all(&framed()),
            Self::Udp { socket, .. } => socket.send(message).map(drop),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(secured) => secured.flush(),
            Self::Udp { .. } => Ok(()),
        }
    }
}
