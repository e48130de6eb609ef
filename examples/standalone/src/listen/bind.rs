//! Sockets that listen.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// A bound TCP socket.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    socket: TcpListener,
}

impl Listener {
    /// The address that it is bound to, with the port that the system chose if it was to choose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.accept().await
    }
}

/// Why an address cannot be listened on; Display says what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {reason}{}", advice(reason, *address))]
#[non_exhaustive]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub reason: io::Error,
}

fn advice(reason: &io::Error, address: SocketAddr) -> String {
    match reason.kind() {
        ErrorKind::AddrInUse => {
            format!("; `ss -ltnp 'sport = :{}'` shows who does", address.port())
        }
        ErrorKind::AddrNotAvailable => "; this machine has no such address".to_owned(),
        ErrorKind::PermissionDenied => {
            "; ports below 1024 need root or CAP_NET_BIND_SERVICE".to_owned()
        }
        _ => String::new(),
    }
}

/// Binds all addresses, in their order, or none.
///
/// An unspecified IPv6 address takes IPv4 connections too, unless an IPv4 address with the same
/// port is asked for beside it.
///
/// # Errors
/// [`BindError`] for the first address that cannot be bound. Must be called inside a runtime.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<Listener>, BindError> {
    let bound = addresses.iter().map(|address| {
        let only_v6 = shares_port_with_v4(*address, addresses);
        listener(*address, only_v6).map_err(|reason| BindError {
            address: *address,
            reason,
        })
    });
    bound.collect()
}

fn shares_port_with_v4(address: SocketAddr, addresses: &[SocketAddr]) -> bool {
    let beside = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
    address.is_ipv6() && addresses.iter().any(beside)
}

fn listener(address: SocketAddr, only_v6: bool) -> io::Result<Listener> {
    /// Connections that the system queues for us; it lowers this to its own limit.
    const QUEUE: i32 = 4096;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.ip() == IpAddr::from([0; 16]) {
        socket.set_only_v6(only_v6)?;
    }
    // On Windows this would let another process take the address over.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(QUEUE)?;
    let socket = TcpListener::from_std(socket.into())?;
    Ok(Listener {
        address: socket.local_addr()?,
        socket,
    })
}

/// Whether an error of accept is about the connection that came in, and not about the listener.
pub(super) fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_free_port_is_taken_and_told_for_both_families() {
        let wanted = addresses(&["127.0.0.1:0", "[::1]:0"]);
        let bound = bind(&wanted).unwrap();
        for (wanted, listener) in wanted.iter().zip(&bound) {
            assert_eq!(listener.address().ip(), wanted.ip());
            assert_ne!(listener.address().port(), 0);
        }
    }

    #[tokio::test]
    async fn an_address_in_use_is_named_with_advice() {
        let first = bind(&addresses(&["127.0.0.1:0"])).unwrap();
        let taken = first[0].address();
        let error = bind(&[taken]).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot listen on {taken}: ")),
            "{error}"
        );
        assert!(
            error.ends_with(&format!(
                "`ss -ltnp 'sport = :{}'` shows who does",
                taken.port()
            )),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_address_that_the_machine_does_not_have_is_named() {
        let error = bind(&addresses(&["192.0.2.1:0"])).unwrap_err().to_string();
        assert!(
            error.ends_with("; this machine has no such address"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn everything_on_ipv4_and_everything_on_ipv6_can_share_a_port() {
        let free = bind(&addresses(&["[::]:0"])).unwrap();
        let port = free[0].address().port();
        drop(free);
        bind(&[([0; 4], port).into(), ([0; 16], port).into()]).unwrap();
    }

    #[test]
    fn ipv6_leaves_ipv4_alone_only_where_it_is_asked_for() {
        let cases: [(&[&str], bool); 4] = [
            (&["[::]:1"], false),
            (&["[::]:1", "0.0.0.0:1"], true),
            (&["[::]:1", "127.0.0.1:1"], true),
            (&["[::]:1", "0.0.0.0:2"], false),
        ];
        for (texts, expect) in cases {
            let all = addresses(texts);
            assert_eq!(shares_port_with_v4(all[0], &all), expect, "{texts:?}");
        }
    }
}
