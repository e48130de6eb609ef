//! The URLs of the gateway's resources: they come from configuration, never from a request.

use certlocker_core::{AccountId, CertificateId, ChallengeRef, Method, OrderId};

/// Makes and reads the gateway's URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    base: String,
}

impl Links {
    /// Links below `base`, the public URL under which the router is mounted, such as
    /// `https://ca.example/rest/acme`.
    pub fn new(base: impl Into<String>) -> Self {
        let mut base = base.into();
        base.truncate(base.trim_end_matches('/').len());
        Self { base }
    }

    /// The public URL of a path below the prefix, with its query if it has one.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The directory.
    pub fn directory(&self) -> String {
        self.url("/directory")
    }

    /// An account, which is also its key identifier.
    pub fn account(&self, id: &AccountId) -> String {
        self.url(&format!("/acct/{id}"))
    }

    /// The account that a key identifier names, if it is one of ours to the letter.
    pub fn account_id(&self, kid: &str) -> Option<AccountId> {
        kid.strip_prefix(&self.base)?
            .strip_prefix("/acct/")?
            .parse()
            .ok()
    }

    /// An account's list of orders; with a cursor, the page after it.
    pub fn orders(&self, account: &AccountId, after: Option<&OrderId>) -> String {
        let page = after
            .map(|order| format!("?cursor={order}"))
            .unwrap_or_default();
        self.url(&format!("/acct/{account}/orders{page}"))
    }

    /// An order.
    pub fn order(&self, id: &OrderId) -> String {
        self.url(&format!("/order/{id}"))
    }

    /// Where an order is finalized.
    pub fn finalize(&self, id: &OrderId) -> String {
        self.url(&format!("/order/{id}/finalize"))
    }

    /// An authorization of an order, by its place.
    pub fn authorization(&self, order: &OrderId, place: usize) -> String {
        self.url(&format!("/authz/{order}-{place}"))
    }

    /// A challenge.
    pub fn challenge(&self, order: &OrderId, challenge: ChallengeRef) -> String {
        self.url(&format!(
            "/chall/{order}-{}-{}",
            challenge.authorization, challenge.method
        ))
    }

    /// A certificate.
    pub fn certificate(&self, id: &CertificateId) -> String {
        self.url(&format!("/cert/{id}"))
    }

    /// The revocation list.
    pub fn revocation_list(&self) -> String {
        self.url("/crl")
    }
}

/// Reads the last segment of an authorization's URL.
pub(crate) fn authorization_ref(text: &str) -> Option<(OrderId, usize)> {
    let (order, place) = text.split_once('-')?;
    Some((order.parse().ok()?, number(place)?))
}

/// Reads the last segment of a challenge's URL.
pub(crate) fn challenge_ref(text: &str) -> Option<(OrderId, ChallengeRef)> {
    let mut parts = text.splitn(3, '-');
    let order = parts.next()?.parse().ok()?;
    let authorization = number(parts.next()?)?;
    let method = Method::parse(parts.next()?)?;
    Some((
        order,
        ChallengeRef {
            authorization,
            method,
        },
    ))
}

/// Only the one way to write a number: `+1` and `01` would be further names for the same thing.
fn number(text: &str) -> Option<usize> {
    let number: usize = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use certlocker_core::Timestamp;

    use super::*;

    #[test]
    fn only_our_own_account_urls_are_key_identifiers() {
        let links = Links::new("https://ca.example/rest/acme/");
        let id = AccountId::first_at(Timestamp::from_seconds(1_700_000_000));
        let kid = links.account(&id);
        assert_eq!(links.account_id(&kid), Some(id));
        for other in [
            format!("{kid}/"),
            kid.replace("https", "http"),
            kid.replace("ca.example", "other.example"),
            kid.replace("/rest", ""),
            kid.to_lowercase(),
            id.to_string(),
        ] {
            assert_eq!(links.account_id(&other), None, "{other}");
        }
    }

    #[test]
    fn challenges_and_authorizations_have_one_name() {
        let order = OrderId::first_at(Timestamp::from_seconds(1_700_000_000));
        let challenge = ChallengeRef {
            authorization: 12,
            method: Method::TlsAlpn01,
        };
        assert_eq!(
            challenge_ref(&format!("{order}-12-tls-alpn-01")),
            Some((order, challenge))
        );
        assert_eq!(authorization_ref(&format!("{order}-0")), Some((order, 0)));
        for bad in [
            format!("{order}-012"),
            format!("{order}-+1"),
            format!("{order}-"),
            order.to_string(),
            String::new(),
        ] {
            assert_eq!(authorization_ref(&bad), None, "{bad}");
        }
    }
}
