//! Roles: named sets of scopes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Permission, TokenScope, TokenScopes};

/// A named set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// May do everything.
    Admin,
    /// Asks what happened, and takes copies of the audit log.
    Auditor,
    /// Runs things: clients, hosts, imports, probes, tokens.
    Operator,
    /// Looks at things.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Auditor, Self::Operator, Self::Viewer];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }

    /// What it may do.
    pub fn scopes(self) -> TokenScopes {
        use Permission::{
            Admin, AuditExport, AuditRead, CertificateRead, HostCertify, HostRead, HostWrite,
            ImportWrite, OrderCreate, ProbeRun, TokenCreate,
        };
        let permissions: &[Permission] = match self {
            Self::Admin => &[Admin],
            Self::Auditor => &[AuditExport, AuditRead, CertificateRead, HostRead],
            Self::Operator => &[
                CertificateRead,
                HostCertify,
                HostRead,
                HostWrite,
                ImportWrite,
                OrderCreate,
                ProbeRun,
                TokenCreate,
            ],
            Self::Viewer => &[CertificateRead, HostRead],
        };
        let scopes = permissions.iter().copied();
        scopes.map(TokenScope::plain).collect()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.as_str() == text).ok_or(InvalidRole)
    }
}

/// A text that is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is no role: {} are", Role::ALL.map(Role::as_str).join(", "))]
#[non_exhaustive]
pub struct InvalidRole;
