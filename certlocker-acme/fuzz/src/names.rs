//! Identifiers, scopes, paths, times and tokens: texts with one form each.

use certlocker_acme::{Operation, Plane, RouteTable};
use certlocker_core::{Identifier, Pattern, Timestamp, TokenScope, TokenText};

fn text(data: &[u8]) -> &str {
    std::str::from_utf8(data).unwrap_or_default()
}

/// An accepted identifier is canonical: its text reads back as the same one, and means one host.
pub(crate) fn identifier(data: &[u8]) {
    let value = text(data);
    let parsed = [
        Identifier::dns(value),
        Identifier::ip(value),
        Identifier::try_from(value.to_owned()),
    ];
    let [dns, ip, _] = &parsed;
    assert!(
        dns.is_err() || ip.is_err(),
        "{value} is a name or an address"
    );
    for identifier in parsed {
        match identifier {
            Ok(identifier) => assert_canonical(&identifier),
            Err(error) => crate::assert_shown(&error.to_string()),
        }
    }
}

pub(crate) fn assert_canonical(identifier: &Identifier) {
    let written = identifier.to_string();
    assert_eq!(
        Identifier::try_from(written.clone()).as_ref(),
        Ok(identifier)
    );
    assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(written, written.to_ascii_lowercase());
    let base = identifier.without_wildcard();
    assert!(!base.is_wildcard());
    assert_eq!(Identifier::try_from(base.to_string()), Ok(base));
    if let Identifier::Dns(name) = identifier {
        let upper = Identifier::dns(&name.as_str().to_ascii_uppercase());
        assert_eq!(upper.as_ref(), Ok(identifier));
        assert!(name.as_str().len() <= 253);
        assert!(name.as_str().parse::<std::net::IpAddr>().is_err());
    }
}

/// A pattern, a line feed, an identifier: the pattern reads back as itself, and covers what its
/// text says.
pub(crate) fn scope_pattern(data: &[u8]) {
    let mut lines = text(data).splitn(2, '\n');
    let [pattern, identifier] = [lines.next(), lines.next()].map(Option::unwrap_or_default);
    let pattern = match pattern.parse::<Pattern>() {
        Ok(pattern) => pattern,
        Err(error) => return crate::assert_shown(&error.to_string()),
    };
    let written = pattern.to_string();
    assert_eq!(written.parse::<Pattern>().as_ref(), Ok(&pattern));
    let Ok(identifier) = Identifier::try_from(identifier.to_owned()) else {
        return;
    };
    let covers = pattern.covers(&identifier);
    match &pattern {
        Pattern::Name(name) => assert_eq!(covers, identifier == Identifier::Dns(name.clone())),
        Pattern::Below(parent) => {
            let value = identifier.value();
            let below = value.ends_with(&format!(".{parent}"));
            assert_eq!(covers, below && matches!(identifier, Identifier::Dns(_)));
        }
        Pattern::Network(_) => assert!(!covers || matches!(identifier, Identifier::Ip(_))),
        _ => {}
    }
}

/// A path belongs to one route at most, and is that route's pattern with its values put in.
pub(crate) fn route(data: &[u8]) {
    let path = text(data);
    let found = Operation::find(path);
    let table = RouteTable::protocol();
    let matching = table
        .routes()
        .iter()
        .filter(|route| route.matches(path).is_some());
    assert_eq!(matching.count(), usize::from(found.is_some()), "{path}");
    let Some((_, route, values)) = found else {
        assert_eq!(table.classify(path), None);
        return;
    };
    assert_eq!(table.classify(path), Some(Plane::Gateway));
    let mut values = values.into_iter();
    let filled: Vec<&str> = route
        .path
        .split('/')
        .map(|part| match part.starts_with('{') {
            true => values.next().unwrap_or_default(),
            false => part,
        })
        .collect();
    assert_eq!(filled.join("/"), path);
}

/// An accepted time reads back as itself in both of its forms.
pub(crate) fn timestamp(data: &[u8]) {
    match Timestamp::parse(text(data)) {
        Ok(at) => {
            assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
            let seconds = at.to_rfc3339_seconds();
            assert_eq!(Timestamp::parse(&seconds), Ok(at.whole_seconds()));
        }
        Err(error) => crate::assert_shown(&error.to_string()),
    }
}

/// A token is its text, octet for octet.
pub(crate) fn token(data: &[u8]) {
    let given = text(data);
    match given.parse::<TokenText>() {
        Ok(token) => {
            assert_eq!(token.expose(), given);
            assert!(given.contains(&token.id().to_string()));
            let mut changed = data.to_vec();
            if let Some(last) = changed.last_mut() {
                *last ^= 1;
            }
            assert!(text(&changed).parse::<TokenText>().is_err());
        }
        Err(error) => crate::assert_shown(&error.to_string()),
    }
}

/// Two scopes, a line each: each reads back as itself, and one that covers the other does so for
/// every name.
pub(crate) fn token_scope(data: &[u8]) {
    let mut scopes = Vec::new();
    for line in text(data).splitn(2, '\n') {
        match line.parse::<TokenScope>() {
            Ok(scope) => scopes.push(scope),
            Err(error) => return crate::assert_shown(&error.to_string()),
        }
    }
    for scope in &scopes {
        assert_eq!(scope.to_string().parse::<TokenScope>().as_ref(), Ok(scope));
        assert!(scope.covers(scope));
    }
    if let [one, other] = &scopes[..]
        && one.covers(other)
        && other.covers(one)
    {
        assert_eq!(one, other);
    }
}
