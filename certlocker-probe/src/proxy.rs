//! The header by which a proxy says for whom it speaks ([PROXY protocol]).
//!
//! [PROXY protocol]: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt

use std::net::{IpAddr, SocketAddr};

/// The version of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeader {
    /// A line of text.
    V1,
    /// Octets.
    V2,
}

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const VERSION_2_PROXY: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

impl ProxyHeader {
    /// The header of a connection between these; both are of one family once sockets are made.
    pub fn write(self, source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
        match self {
            Self::V1 => text(source, destination),
            Self::V2 => octets(source, destination),
        }
    }
}

fn text(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let family = match (source, destination) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => "TCP4",
        (SocketAddr::V6(_), SocketAddr::V6(_)) => "TCP6",
        _ => return b"PROXY UNKNOWN\r\n".to_vec(),
    };
    let (from, to) = (source.ip(), destination.ip());
    format!(
        "PROXY {family} {from} {to} {} {}\r\n",
        source.port(),
        destination.port()
    )
    .into_bytes()
}

fn octets(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let (family, addresses) = match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            (TCP_OVER_IPV4, [from.octets(), to.octets()].concat())
        }
        (from, to) => (TCP_OVER_IPV6, [as_v6(from), as_v6(to)].concat()),
    };
    let ports = [
        source.port().to_be_bytes(),
        destination.port().to_be_bytes(),
    ]
    .concat();
    let mut header = SIGNATURE.to_vec();
    header.extend_from_slice(&[VERSION_2_PROXY, family]);
    crate::wire::put_vector(&mut header, 2, &[addresses, ports].concat());
    header
}

fn as_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_both_ends() {
        let header = |from: &str, to: &str| {
            String::from_utf8(ProxyHeader::V1.write(from.parse().unwrap(), to.parse().unwrap()))
                .unwrap()
        };
        assert_eq!(
            header("192.0.2.1:5000", "192.0.2.2:443"),
            "PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n"
        );
        assert_eq!(
            header("[2001:db8::1]:5000", "[::1]:443"),
            "PROXY TCP6 2001:db8::1 ::1 5000 443\r\n"
        );
        assert_eq!(header("[::1]:1", "192.0.2.2:443"), "PROXY UNKNOWN\r\n");
    }

    #[test]
    fn the_octets_name_both_ends() {
        let header = |from: &str, to: &str| {
            ProxyHeader::V2.write(from.parse().unwrap(), to.parse().unwrap())
        };
        let four = header("192.0.2.1:5000", "192.0.2.2:443");
        let rest = [
            0x21, 0x11, 0, 12, 192, 0, 2, 1, 192, 0, 2, 2, 0x13, 0x88, 1, 0xbb,
        ];
        assert_eq!(four, [&SIGNATURE[..], &rest].concat());
        let six = header("[2001:db8::1]:5000", "[::1]:443");
        assert_eq!(
            (six.len(), &six[12..16]),
            (16 + 36, &[0x21, 0x21, 0, 36][..])
        );
    }
}
