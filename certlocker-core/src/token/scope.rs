//! What a token may do, and that a child's may is never more than its parent's.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::identifier::shown;
use crate::{InvalidPattern, Pattern};

/// Any names.
const ANY: &str = "*";
const LONGEST_SHOWN: usize = 300;

/// A kind of thing that a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Permission {
    /// Everything.
    Admin,
    /// Copy the audit log's files.
    AuditExport,
    /// Ask what happened, and why.
    AuditRead,
    /// Look at certificates, orders and scoped clients.
    CertificateRead,
    /// Have SSH certificates signed for keys that may use a host anyway.
    HostCertify,
    /// Look at hosts, and at who may use them.
    HostRead,
    /// Change hosts, and who may use them.
    HostWrite,
    /// Plan and apply imports.
    ImportWrite,
    /// Let scoped clients order certificates; always for certain names.
    OrderCreate,
    /// Look at endpoints.
    ProbeRun,
    /// Make tokens below one's own, look at them and revoke them.
    TokenCreate,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 11] = [
        Self::Admin,
        Self::AuditExport,
        Self::AuditRead,
        Self::CertificateRead,
        Self::HostCertify,
        Self::HostRead,
        Self::HostWrite,
        Self::ImportWrite,
        Self::OrderCreate,
        Self::ProbeRun,
        Self::TokenCreate,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::AuditExport => "audit:export",
            Self::AuditRead => "audit:read",
            Self::CertificateRead => "certificate:read",
            Self::HostCertify => "host:certify",
            Self::HostRead => "host:read",
            Self::HostWrite => "host:write",
            Self::ImportWrite => "import:write",
            Self::OrderCreate => "order:create",
            Self::ProbeRun => "probe:run",
            Self::TokenCreate => "token:create",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that a token may do, written as the name of its [`Permission`]; `order:create` is
/// followed by `=` and a [`Pattern`] of names, or by `=*` for any names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenScope(Form);

/// Names belong to `order:create`, and to nothing else; without them it is for any names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Form {
    Order(Pattern),
    Plain(Permission),
}

impl TokenScope {
    /// The scope to let clients order these names.
    pub fn order(names: Pattern) -> Self {
        Self(Form::Order(names))
    }

    /// The scope to do this, to any names if it is done to names.
    pub fn plain(permission: Permission) -> Self {
        Self(Form::Plain(permission))
    }

    /// What kind of thing it is.
    pub fn permission(&self) -> Permission {
        match self.0 {
            Form::Order(_) => Permission::OrderCreate,
            Form::Plain(permission) => permission,
        }
    }

    /// The names that it is bounded by.
    pub fn names(&self) -> Option<&Pattern> {
        match &self.0 {
            Form::Order(names) => Some(names),
            Form::Plain(_) => None,
        }
    }

    /// Whether whoever has this may do all that `other` says.
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Form::Plain(Permission::Admin), _)
            | (Form::Plain(Permission::OrderCreate), Form::Order(_)) => true,
            (Form::Order(own), Form::Order(other)) => own.contains(other),
            (own, other) => own == other,
        }
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Order(names) => write!(f, "{}={names}", Permission::OrderCreate),
            Form::Plain(Permission::OrderCreate) => write!(f, "{}={ANY}", Permission::OrderCreate),
            Form::Plain(permission) => permission.fmt(f),
        }
    }
}

impl FromStr for TokenScope {
    type Err = InvalidTokenScope;

    fn from_str(text: &str) -> Result<Self, InvalidTokenScope> {
        let (name, names) = match text.split_once('=') {
            Some((name, names)) => (name, Some(names)),
            None => (text, None),
        };
        let unknown = || InvalidTokenScope::Unknown(shown(text, LONGEST_SHOWN));
        let mut all = Permission::ALL.into_iter();
        let permission = all.find(|permission| permission.as_str() == name);
        match (permission.ok_or_else(unknown)?, names) {
            (Permission::OrderCreate, None) => Err(InvalidTokenScope::NoNames),
            (Permission::OrderCreate, Some(ANY)) => Ok(Self::plain(Permission::OrderCreate)),
            (Permission::OrderCreate, Some(names)) => Ok(Self::order(names.parse()?)),
            (permission, None) => Ok(Self(Form::Plain(permission))),
            (permission, Some(_)) => Err(InvalidTokenScope::Names(permission)),
        }
    }
}

impl TryFrom<String> for TokenScope {
    type Error = InvalidTokenScope;

    fn try_from(text: String) -> Result<Self, InvalidTokenScope> {
        text.parse()
    }
}

impl From<TokenScope> for String {
    fn from(scope: TokenScope) -> Self {
        scope.to_string()
    }
}

/// A text that is no scope of a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTokenScope {
    /// Names stand where none belong.
    #[error("`{0}` takes no names: only order:create is followed by `=`")]
    Names(Permission),
    /// Names are missing.
    #[error("order:create needs names, as in order:create=dns:*.example")]
    NoNames,
    /// The names do not read.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// There is no such thing to do.
    #[error("`{0}` is no scope of a token: {known} are", known = known())]
    Unknown(String),
}

fn known() -> String {
    Permission::ALL.map(Permission::as_str).join(", ")
}

/// All that a token may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[allow(clippy::exhaustive_structs, reason = "any set of scopes is valid")]
pub struct TokenScopes(pub BTreeSet<TokenScope>);

impl TokenScopes {
    /// Everything.
    pub fn admin() -> Self {
        Self(BTreeSet::from([TokenScope(Form::Plain(Permission::Admin))]))
    }

    /// Whether these permit everything.
    pub fn is_admin(&self) -> bool {
        self.permit(Permission::Admin)
    }

    /// Whether these permit such a thing, for some names if it is about names.
    pub fn permit(&self, permission: Permission) -> bool {
        let mut own = self.0.iter().map(TokenScope::permission);
        own.any(|own| own == Permission::Admin || own == permission)
    }

    /// Whether these permit all that `scope` says.
    pub fn cover(&self, scope: &TokenScope) -> bool {
        self.0.iter().any(|own| own.covers(scope))
    }

    /// The first scope of `other` that goes beyond these.
    pub fn exceeded_by<'a>(&self, other: &'a Self) -> Option<&'a TokenScope> {
        other.0.iter().find(|scope| !self.cover(scope))
    }
}

impl fmt::Display for TokenScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<String> = self.0.iter().map(TokenScope::to_string).collect();
        f.write_str(&scopes.join(", "))
    }
}

impl FromIterator<TokenScope> for TokenScopes {
    fn from_iter<I: IntoIterator<Item = TokenScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(texts: &[&str]) -> TokenScopes {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn text_and_back_is_the_same_scope() {
        let plain = Permission::ALL.map(TokenScope::plain).map(String::from);
        let names = ["order:create=dns:*.example", "order:create=ip:192.0.2.0/24"];
        for text in plain.iter().map(String::as_str).chain(names) {
            assert_eq!(text.parse::<TokenScope>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_scope_is_refused_with_what_would_be_one() {
        for (text, said) in [
            ("order:create", "needs names"),
            ("order:create=", "is not a scope"),
            ("order:create=x", "is not a scope"),
            ("audit:read=dns:a.example", "takes no names"),
            ("Admin", "no scope of a token: admin, "),
            ("", "no scope of a token"),
        ] {
            let error = text.parse::<TokenScope>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn admin_permits_everything_and_others_what_they_say() {
        let (admin, some) = (
            TokenScopes::admin(),
            scopes(&["order:create=dns:a.example"]),
        );
        for permission in Permission::ALL {
            assert!(admin.permit(permission), "{permission}");
            assert_eq!(
                some.permit(permission),
                permission == Permission::OrderCreate
            );
        }
    }

    #[test]
    fn names_are_bounded_by_names() {
        let own = scopes(&["audit:read", "order:create=dns:*.example"]);
        let any = scopes(&["order:create=*"]);
        assert_eq!(
            any.exceeded_by(&scopes(&["order:create=dns:*.example"])),
            None
        );
        assert_eq!(
            own.exceeded_by(&scopes(&["order:create=dns:*.a.example"])),
            None
        );
        for beyond in [
            "order:create=*",
            "order:create=dns:example",
            "admin",
            "audit:export",
        ] {
            let beyond = scopes(&[beyond]);
            assert_eq!(own.exceeded_by(&beyond), beyond.0.first());
        }
    }
}
