//! Which addresses may be dialled on behalf of a client: the public ones, and what is admitted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Keeps a client from making us look into networks that only we can reach
/// ([RFC 8555 section 10.4]).
///
/// Addresses that the IANA special-purpose registries reserve are refused, except for the ranges
/// admitted by name. An IPv6 address that stands for an IPv4 one is judged as that.
///
/// [RFC 8555 section 10.4]: https://www.rfc-editor.org/rfc/rfc8555#section-10.4
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    admitted: Vec<IpNet>,
}

impl AddressPolicy {
    /// A policy that admits `ranges` although they are reserved.
    pub fn admitting(ranges: Vec<IpNet>) -> Self {
        Self { admitted: ranges }
    }

    /// Why `address` must not be dialled, in a word or two; `None` if it may be.
    pub fn refusal(&self, address: IpAddr) -> Option<&'static str> {
        let meant = meant(address);
        let reason = reserved(meant)?;
        let admitted = |range: &IpNet| range.contains(&address) || range.contains(&meant);
        (!self.admitted.iter().any(admitted)).then_some(reason)
    }
}

/// The IPv4 address inside an IPv4-mapped or NAT64 address ([RFC 6052]), otherwise the address.
///
/// [RFC 6052]: https://www.rfc-editor.org/rfc/rfc6052
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Ipv4Addr::new(a, b, c, d).into()
        }
        _ => address,
    }
}

fn reserved(address: IpAddr) -> Option<&'static str> {
    let named = RESERVED
        .iter()
        .find(|(range, _)| range.contains(&address))
        .map(|(_, reason)| *reason);
    named.or_else(|| (!is_unicast_space(address)).then_some("reserved"))
}

/// Of IPv6, only 2000::/3 has been handed out for unicast in the open network.
fn is_unicast_space(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => v6.segments()[0] & 0xe000 == 0x2000,
    }
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry> and its IPv6 sibling.
const RESERVED: [(IpNet, &str); 30] = [
    v4([0, 0, 0, 0], 8, "unspecified"),
    v4([10, 0, 0, 0], 8, "private"),
    v4([100, 64, 0, 0], 10, "carrier-grade NAT"),
    v4([127, 0, 0, 0], 8, "loopback"),
    v4([169, 254, 0, 0], 16, "link-local"),
    v4([172, 16, 0, 0], 12, "private"),
    v4([192, 0, 0, 0], 24, "protocol assignments"),
    v4([192, 0, 2, 0], 24, "documentation"),
    v4([192, 88, 99, 0], 24, "6to4 relay"),
    v4([192, 168, 0, 0], 16, "private"),
    v4([198, 18, 0, 0], 15, "benchmarking"),
    v4([198, 51, 100, 0], 24, "documentation"),
    v4([203, 0, 113, 0], 24, "documentation"),
    v4([224, 0, 0, 0], 4, "multicast"),
    v4([255, 255, 255, 255], 32, "broadcast"),
    v4([240, 0, 0, 0], 4, "reserved"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "benchmarking"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "protocol assignments"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8, reason: &str) -> (IpNet, &str) {
    let network = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    (IpNet::new_assert(network, prefix), reason)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8, reason: &str) -> (IpNet, &str) {
    let network = IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h));
    (IpNet::new_assert(network, prefix), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: &str, admitted: &[&str]) -> Option<&'static str> {
        let ranges = admitted.iter().map(|range| range.parse().unwrap());
        AddressPolicy::admitting(ranges.collect()).refusal(address.parse().unwrap())
    }

    #[test]
    fn reserved_addresses_are_refused_by_name_and_their_neighbours_are_not() {
        for (address, expected) in [
            ("0.0.0.0", Some("unspecified")),
            ("0.1.2.3", Some("unspecified")),
            ("1.0.0.0", None),
            ("9.255.255.255", None),
            ("10.0.0.0", Some("private")),
            ("10.255.255.255", Some("private")),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.1", Some("carrier-grade NAT")),
            ("100.127.255.255", Some("carrier-grade NAT")),
            ("100.128.0.0", None),
            ("127.0.0.1", Some("loopback")),
            ("127.255.255.254", Some("loopback")),
            ("169.254.169.254", Some("link-local")),
            ("172.15.255.255", None),
            ("172.16.0.1", Some("private")),
            ("172.31.255.255", Some("private")),
            ("172.32.0.0", None),
            ("192.0.0.8", Some("protocol assignments")),
            ("192.0.2.1", Some("documentation")),
            ("192.88.99.1", Some("6to4 relay")),
            ("192.167.255.255", None),
            ("192.168.1.1", Some("private")),
            ("198.17.255.255", None),
            ("198.19.0.1", Some("benchmarking")),
            ("198.51.100.1", Some("documentation")),
            ("203.0.113.1", Some("documentation")),
            ("223.255.255.255", None),
            ("224.0.0.1", Some("multicast")),
            ("240.0.0.1", Some("reserved")),
            ("255.255.255.255", Some("broadcast")),
        ] {
            assert_eq!(refusal(address, &[]), expected, "{address}");
        }
    }

    #[test]
    fn of_ipv6_only_plain_global_unicast_is_dialled() {
        for (address, expected) in [
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::2", Some("reserved")),
            ("::127.0.0.1", Some("reserved")),
            ("64:ff9b:1::1", Some("local NAT64")),
            ("100::1", Some("discard")),
            ("1fff::1", Some("reserved")),
            ("2000::1", None),
            ("2001::1", Some("Teredo")),
            ("2001:2::1", Some("benchmarking")),
            ("2001:10::1", Some("protocol assignments")),
            ("2001:200::1", None),
            ("2001:db8::1", Some("documentation")),
            ("2002:7f00:1::1", Some("6to4")),
            ("2606:4700::1111", None),
            ("3fff:fff::1", Some("documentation")),
            ("3fff:1000::1", None),
            ("4000::1", Some("reserved")),
            ("5f00::1", Some("reserved")),
            ("fbff::1", Some("reserved")),
            ("fc00::1", Some("unique local")),
            ("fdff::1", Some("unique local")),
            ("fe80::1", Some("link-local")),
            ("fec0::1", Some("site-local")),
            ("ff02::1", Some("multicast")),
        ] {
            assert_eq!(refusal(address, &[]), expected, "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_in_ipv6_dress_is_judged_as_ipv4() {
        for (address, expected) in [
            ("::ffff:127.0.0.1", Some("loopback")),
            ("::ffff:10.0.0.1", Some("private")),
            ("::ffff:8.8.8.8", None),
            ("64:ff9b::169.254.169.254", Some("link-local")),
            ("64:ff9b::8.8.8.8", None),
        ] {
            assert_eq!(refusal(address, &[]), expected, "{address}");
        }
    }

    #[test]
    fn a_range_admitted_by_name_is_dialled_and_no_other() {
        for (address, admitted, expected) in [
            ("127.0.0.1", "127.0.0.1/32", None),
            ("127.0.0.2", "127.0.0.1/32", Some("loopback")),
            ("10.9.8.7", "10.0.0.0/8", None),
            ("::ffff:10.9.8.7", "10.0.0.0/8", None),
            ("::1", "127.0.0.0/8", Some("loopback")),
            ("::1", "::1/128", None),
            ("fd00::1", "fd00::/8", None),
        ] {
            assert_eq!(refusal(address, &[admitted]), expected, "{address}");
        }
    }
}
