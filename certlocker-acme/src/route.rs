//! The one table of routes, from which routers, proxies and documents are made.

use std::fmt;

/// Which listener serves a route. The two share a prefix, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there are two planes")]
pub enum Plane {
    /// The ACME protocol.
    Gateway,
    /// Operators: pages and their API.
    Operator,
}

/// The methods under which a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    clippy::exhaustive_enums,
    reason = "every kind of resource that there is"
)]
pub enum Verbs {
    /// GET, HEAD, and POST-as-GET.
    Any,
    /// GET and HEAD.
    Read,
    /// POST.
    Post,
}

impl Verbs {
    /// The methods, as the `Allow` header lists them.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Any => "GET, HEAD, POST",
            Self::Read => "GET, HEAD",
            Self::Post => "POST",
        }
    }

    /// Whether a method is among them.
    pub fn admits(self, method: &str) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method)
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// Who serves it.
    pub plane: Plane,
    /// Under which methods.
    pub verbs: Verbs,
    /// The path below the prefix; a segment in braces stands for one value.
    pub path: &'static str,
    /// What it is for, in a few words.
    pub purpose: &'static str,
}

impl Route {
    /// A route.
    pub const fn new(
        plane: Plane,
        verbs: Verbs,
        path: &'static str,
        purpose: &'static str,
    ) -> Self {
        Self {
            plane,
            verbs,
            path,
            purpose,
        }
    }

    /// The values of the braces if `path` is one of this route's.
    pub fn matches<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let (mut pattern, mut given) = (self.path.split('/'), path.split('/'));
        let mut values = Vec::new();
        loop {
            match (pattern.next(), given.next()) {
                (None, None) => return Some(values),
                (Some(part), Some(value)) if part.starts_with('{') => match is_segment(value) {
                    true => values.push(value),
                    false => return None,
                },
                (Some(part), Some(value)) if part == value => {}
                _ => return None,
            }
        }
    }
}

/// A value is one segment of unreserved characters: nothing that a proxy may rewrite.
fn is_segment(value: &str) -> bool {
    !value.is_empty()
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verbs.allow(), self.path)
    }
}

/// The routes of a deployment: those of the protocol, and those that its binary adds.
#[derive(Clone, Debug)]
pub struct RouteTable {
    routes: Vec<Route>,
}

impl RouteTable {
    /// The protocol's routes.
    pub fn protocol() -> Self {
        Self {
            routes: Operation::ROUTES.iter().map(|(_, route)| *route).collect(),
        }
    }

    /// With further routes.
    ///
    /// # Errors
    /// [`Clash`] if a route of the other plane could answer to the same path.
    pub fn with(mut self, routes: &[Route]) -> Result<Self, Clash> {
        for route in routes {
            let other = self
                .routes
                .iter()
                .find(|known| known.plane != route.plane && overlap(known.path, route.path));
            if let Some(known) = other {
                return Err(Clash {
                    one: known.path,
                    other: route.path,
                });
            }
            self.routes.push(*route);
        }
        Ok(self)
    }

    /// Every route.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Who serves this path below the prefix.
    pub fn classify(&self, path: &str) -> Option<Plane> {
        self.routes
            .iter()
            .find(|route| route.matches(path).is_some())
            .map(|route| route.plane)
    }
}

fn overlap(one: &str, other: &str) -> bool {
    let same = |(a, b): (&str, &str)| a == b || a.starts_with('{') || b.starts_with('{');
    one.split('/').count() == other.split('/').count()
        && one.split('/').zip(other.split('/')).all(same)
}

/// Two routes of different planes that could answer to the same path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{one}` and `{other}` belong to different planes and could answer to the same path")]
pub struct Clash {
    one: &'static str,
    other: &'static str,
}

/// What the protocol's routes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the resources of RFC 8555 section 7.1")]
pub enum Operation {
    Directory,
    NewNonce,
    NewAccount,
    NewOrder,
    RevokeCert,
    KeyChange,
    Account,
    Orders,
    Order,
    Finalize,
    Authorization,
    Challenge,
    Certificate,
    RevocationList,
}

impl Operation {
    /// Every operation with its route.
    pub const ROUTES: &[(Self, Route)] = &[
        (
            Self::Directory,
            protocol(Verbs::Any, "/directory", "directory"),
        ),
        (
            Self::NewNonce,
            protocol(Verbs::Any, "/new-nonce", "a fresh nonce"),
        ),
        (
            Self::NewAccount,
            protocol(Verbs::Post, "/new-account", "register or find an account"),
        ),
        (
            Self::NewOrder,
            protocol(Verbs::Post, "/new-order", "place an order"),
        ),
        (
            Self::RevokeCert,
            protocol(Verbs::Post, "/revoke-cert", "revoke a certificate"),
        ),
        (
            Self::KeyChange,
            protocol(Verbs::Post, "/key-change", "change an account's key"),
        ),
        (
            Self::Account,
            protocol(
                Verbs::Post,
                "/acct/{account}",
                "read, update or deactivate an account",
            ),
        ),
        (
            Self::Orders,
            protocol(
                Verbs::Post,
                "/acct/{account}/orders",
                "the orders of an account",
            ),
        ),
        (
            Self::Order,
            protocol(Verbs::Post, "/order/{order}", "read an order"),
        ),
        (
            Self::Finalize,
            protocol(
                Verbs::Post,
                "/order/{order}/finalize",
                "hand in a certificate request",
            ),
        ),
        (
            Self::Authorization,
            protocol(
                Verbs::Post,
                "/authz/{authorization}",
                "read or deactivate an authorization",
            ),
        ),
        (
            Self::Challenge,
            protocol(
                Verbs::Post,
                "/chall/{challenge}",
                "read or answer a challenge",
            ),
        ),
        (
            Self::Certificate,
            protocol(
                Verbs::Post,
                "/cert/{certificate}",
                "download a certificate chain",
            ),
        ),
        (
            Self::RevocationList,
            protocol(Verbs::Read, "/crl", "the certificate revocation list"),
        ),
    ];

    /// The operation behind a path below the prefix, its route, and the values of its braces.
    pub fn find(path: &str) -> Option<(Self, &'static Route, Vec<&str>)> {
        Self::ROUTES
            .iter()
            .find_map(|(operation, route)| Some((*operation, route, route.matches(path)?)))
    }

    /// Its name, for records and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::NewNonce => "new-nonce",
            Self::NewAccount => "new-account",
            Self::NewOrder => "new-order",
            Self::RevokeCert => "revoke-cert",
            Self::KeyChange => "key-change",
            Self::Account => "account",
            Self::Orders => "orders",
            Self::Order => "order",
            Self::Finalize => "finalize",
            Self::Authorization => "authorization",
            Self::Challenge => "challenge",
            Self::Certificate => "certificate",
            Self::RevocationList => "crl",
        }
    }
}

const fn protocol(verbs: Verbs, path: &'static str, purpose: &'static str) -> Route {
    Route::new(Plane::Gateway, verbs, path, purpose)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATOR: &[Route] = &[
        Route::new(Plane::Operator, Verbs::Read, "/orders", "orders"),
        Route::new(Plane::Operator, Verbs::Read, "/orders/{order}", "an order"),
        Route::new(
            Plane::Operator,
            Verbs::Read,
            "/orders/{order}/timeline",
            "its history",
        ),
        Route::new(Plane::Operator, Verbs::Any, "/clients", "clients"),
        Route::new(Plane::Operator, Verbs::Any, "/certificates", "certificates"),
    ];

    #[test]
    fn near_misses_go_to_their_own_plane() {
        let table = RouteTable::protocol().with(OPERATOR).unwrap();
        for (path, plane) in [
            ("/order/01", Some(Plane::Gateway)),
            ("/orders", Some(Plane::Operator)),
            ("/orders/01", Some(Plane::Operator)),
            ("/order", None),
            ("/order/", None),
            ("/order/01/timeline", None),
            ("/cert/01", Some(Plane::Gateway)),
            ("/certificates", Some(Plane::Operator)),
            ("/acct/01/orders", Some(Plane::Gateway)),
            ("/directory", Some(Plane::Gateway)),
            ("/directory/", None),
            ("//directory", None),
            ("/Directory", None),
            ("/%64irectory", None),
            ("/orders/../new-order", None),
            ("/order/a%2Fb", None),
            ("/order/{order}", None),
        ] {
            assert_eq!(table.classify(path), plane, "{path}");
        }
    }

    #[test]
    fn a_route_that_could_answer_on_both_planes_is_refused() {
        let clash = Route::new(Plane::Operator, Verbs::Read, "/{kind}/{id}", "anything");
        let error = RouteTable::protocol().with(&[clash]).unwrap_err();
        assert!(error.to_string().contains("/acct/{account}"), "{error}");
    }

    #[test]
    fn the_braces_give_their_values() {
        let (operation, route, values) = Operation::find("/order/abc/finalize").unwrap();
        assert_eq!(
            (operation, route.verbs, values),
            (Operation::Finalize, Verbs::Post, vec!["abc"])
        );
    }
}
