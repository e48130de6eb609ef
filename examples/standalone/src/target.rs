//! What is to be looked at, as it is written.

use certlocker_core::Identifier;
use certlocker_probe::{Inventory, Protocol, Target};

/// The port of HTTPS.
const USUAL_PORT: u16 = 443;

/// A place as it is written.
pub(crate) struct Place {
    pub(crate) host: Identifier,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
}

/// Reads HOST, HOST:PORT or PROTOCOL://HOST:PORT; IPv6 addresses stand in brackets before a port.
pub(crate) fn parse(text: &str) -> Result<Place, String> {
    let (protocol, rest) = match text.split_once("://") {
        Some((protocol, rest)) => (
            Some(
                protocol
                    .parse::<Protocol>()
                    .map_err(|error| error.to_string())?,
            ),
            rest,
        ),
        None => (None, text),
    };
    let (host, port) = split_port(rest).map_err(|why| format!("`{text}`: {why}"))?;
    let host = Identifier::ip(host).or_else(|_| Identifier::dns(host));
    let host = host.map_err(|error| error.to_string())?;
    if host.is_wildcard() {
        return Err(format!("`{text}` stands for many names: name one of them"));
    }
    let protocol = protocol.unwrap_or_else(|| Protocol::on_port(port));
    Ok(Place {
        host,
        port,
        protocol,
    })
}

/// Reads a target, for the item of the inventory that has its name.
pub(crate) fn read(text: &str, inventory: &Inventory) -> Result<Target, String> {
    let place = parse(text)?;
    let mut target = Target::new(place.host, place.port);
    target.protocol = place.protocol;
    if let Some(item) = inventory.item_for(&target.host) {
        target.item.clone_from(&item.name);
    }
    Ok(target)
}

fn split_port(text: &str) -> Result<(&str, u16), String> {
    let (host, port) = match text
        .strip_prefix('[')
        .and_then(|inside| inside.split_once(']'))
    {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match text.rsplit_once(':') {
            // More than one colon: an IPv6 address without a port.
            Some((host, port)) if !host.contains(':') => (host, Some(port)),
            _ => (text, None),
        },
    };
    match port {
        None => Ok((host, USUAL_PORT)),
        Some(port) => port
            .parse()
            .map(|port| (host, port))
            .map_err(|_| format!("`{port}` is no port")),
    }
}

/// Every name of every item. Names below a wildcard are not known, so that it is left out.
pub(crate) fn of_inventory(inventory: &Inventory) -> Vec<Target> {
    let of_item = |item: &certlocker_probe::Item| {
        let names = item.names.iter().filter(|name| !name.is_wildcard());
        let targets = names.map(|name| {
            let mut target = Target::new(name.clone(), USUAL_PORT);
            target.item.clone_from(&item.name);
            target
        });
        targets.collect::<Vec<_>>()
    };
    inventory.items().iter().flat_map(of_item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(text: &str) -> Result<(String, u16, Protocol), String> {
        let target = read(text, &Inventory::default())?;
        Ok((target.host.value(), target.port, target.protocol))
    }

    #[test]
    fn a_target_is_a_host_with_or_without_port_and_protocol() {
        for (text, host, port, protocol) in [
            ("a.example", "a.example", 443, Protocol::Tls),
            ("a.example:25", "a.example", 25, Protocol::Smtp),
            ("imap://a.example:10143", "a.example", 10143, Protocol::Imap),
            ("192.0.2.1:5432", "192.0.2.1", 5432, Protocol::Postgres),
            ("2001:db8::1", "2001:db8::1", 443, Protocol::Tls),
            ("[2001:db8::1]:8443", "2001:db8::1", 8443, Protocol::Tls),
        ] {
            assert_eq!(
                read_one(text),
                Ok((host.to_owned(), port, protocol)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_target_says_why() {
        for (text, why) in [
            (
                "gopher://a.example",
                "`gopher` is no protocol that is known",
            ),
            ("a.example:port", "`port` is no port"),
            ("a_b.example", "a character"),
            ("*.example", "stands for many names"),
        ] {
            let error = read_one(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
