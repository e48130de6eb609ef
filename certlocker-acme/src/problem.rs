//! Problem documents: every refusal, with its type, its status and a sentence.

use certlocker_core::{Failure, FailureKind, Identifier, Quirk};
use serde::Serialize;

use crate::jose::Algorithm;

/// An ACME problem type ([RFC 8555 section 6.7]), each with the status it is sent with.
///
/// [RFC 8555 section 6.7]: https://www.rfc-editor.org/rfc/rfc8555#section-6.7
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the words of RFC 8555 section 6.7")]
pub enum ProblemType {
    AccountDoesNotExist,
    AlreadyRevoked,
    BadCsr,
    BadNonce,
    BadPublicKey,
    BadRevocationReason,
    BadSignatureAlgorithm,
    Caa,
    Compound,
    Connection,
    Dns,
    ExternalAccountRequired,
    IncorrectResponse,
    InvalidContact,
    InvalidProfile,
    Malformed,
    OrderNotReady,
    RateLimited,
    RejectedIdentifier,
    ServerInternal,
    Tls,
    Unauthorized,
    UnsupportedContact,
    UnsupportedIdentifier,
    UserActionRequired,
}

impl ProblemType {
    /// The type without the prefix that all of them share.
    pub fn name(self) -> &'static str {
        self.name_and_status().0
    }

    /// The HTTP status that goes with it, where nothing more specific applies.
    pub fn status(self) -> u16 {
        self.name_and_status().1
    }

    fn name_and_status(self) -> (&'static str, u16) {
        match self {
            Self::AccountDoesNotExist => ("accountDoesNotExist", 400),
            Self::AlreadyRevoked => ("alreadyRevoked", 400),
            Self::BadCsr => ("badCSR", 400),
            Self::BadNonce => ("badNonce", 400),
            Self::BadPublicKey => ("badPublicKey", 400),
            Self::BadRevocationReason => ("badRevocationReason", 400),
            Self::BadSignatureAlgorithm => ("badSignatureAlgorithm", 400),
            Self::Caa => ("caa", 403),
            Self::Compound => ("compound", 400),
            Self::Connection => ("connection", 400),
            Self::Dns => ("dns", 400),
            Self::ExternalAccountRequired => ("externalAccountRequired", 403),
            Self::IncorrectResponse => ("incorrectResponse", 403),
            Self::InvalidContact => ("invalidContact", 400),
            Self::InvalidProfile => ("invalidProfile", 400),
            Self::Malformed => ("malformed", 400),
            Self::OrderNotReady => ("orderNotReady", 403),
            Self::RateLimited => ("rateLimited", 429),
            Self::RejectedIdentifier => ("rejectedIdentifier", 403),
            Self::ServerInternal => ("serverInternal", 500),
            Self::Tls => ("tls", 400),
            Self::Unauthorized => ("unauthorized", 403),
            Self::UnsupportedContact => ("unsupportedContact", 400),
            Self::UnsupportedIdentifier => ("unsupportedIdentifier", 400),
            Self::UserActionRequired => ("userActionRequired", 403),
        }
    }
}

impl From<FailureKind> for ProblemType {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::BadCsr => Self::BadCsr,
            FailureKind::Caa => Self::Caa,
            FailureKind::Connection => Self::Connection,
            FailureKind::Dns => Self::Dns,
            FailureKind::IncorrectResponse => Self::IncorrectResponse,
            FailureKind::RejectedIdentifier => Self::RejectedIdentifier,
            FailureKind::Tls => Self::Tls,
            FailureKind::Unauthorized => Self::Unauthorized,
            _ => Self::ServerInternal,
        }
    }
}

/// A problem document ([RFC 7807](https://www.rfc-editor.org/rfc/rfc7807)) with what has to go
/// into headers beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Its type.
    pub kind: ProblemType,
    /// One sentence for the reader.
    pub detail: String,
    /// The HTTP status.
    pub status: u16,
    /// What each identifier has to do with it.
    pub subproblems: Vec<Subproblem>,
    /// The resource that is in the way.
    pub location: Option<Box<str>>,
    /// When to come again, in seconds.
    pub retry_after: Option<u32>,
    /// The terms of service, when they have to be agreed to first.
    pub terms: Option<Box<str>>,
    /// The methods that are allowed here, when another was used.
    pub allow: Option<&'static str>,
}

/// The part of a problem that concerns one identifier ([RFC 8555 section 6.7.1]).
///
/// [RFC 8555 section 6.7.1]: https://www.rfc-editor.org/rfc/rfc8555#section-6.7.1
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subproblem {
    /// Its type.
    pub kind: ProblemType,
    /// One sentence.
    pub detail: String,
    /// The identifier, if it could be read.
    pub identifier: Option<Identifier>,
}

impl Problem {
    /// A problem with the status that goes with its type.
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            status: kind.status(),
            subproblems: Vec::new(),
            location: None,
            retry_after: None,
            terms: None,
            allow: None,
        }
    }

    /// A request that does not read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ProblemType::Malformed, detail)
    }

    /// Something that does not exist, or belongs to somebody else: the answer is the same.
    pub fn not_found() -> Self {
        Self::malformed("there is nothing at this URL for this account").with_status(404)
    }

    /// The store, the issuer or the ledger cannot be used now; nothing was changed.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(ProblemType::ServerInternal, detail).with_status(503);
        problem.retry_after = Some(1);
        problem
    }

    /// With another status than the usual one.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With what concerns single identifiers.
    pub fn with_subproblems(mut self, subproblems: Vec<Subproblem>) -> Self {
        self.subproblems = subproblems;
        self
    }

    /// The document.
    pub fn to_json(&self) -> Vec<u8> {
        let document = Document {
            kind: urn(self.kind),
            detail: &self.detail,
            status: Some(self.status),
            subproblems: self.subproblems.iter().map(Document::of).collect(),
            algorithms: (self.kind == ProblemType::BadSignatureAlgorithm)
                .then_some(Algorithm::NAMES),
            instance: self.terms.as_deref(),
            identifier: None,
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

/// Why a known mistake of clients is refused, and what would admit it.
pub(crate) fn admissible(detail: &str, quirk: Quirk) -> String {
    let name = quirk.name();
    format!("{detail} (quirk {name}; the operator can admit it for this client)")
}

/// Why a JSON text does not read, without what stands there: the parser quotes it, and it could be
/// a secret in a wrong place.
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // The parser's own sentences quote nothing.
    if error.classify() != serde_json::error::Category::Data || names_a_member(&text) {
        return text;
    }
    let (line, column) = (error.line(), error.column());
    let Some((seen, expected)) = text.rsplit_once(", expected ") else {
        return format!("something else was expected at line {line} column {column}");
    };
    let seen = seen.split_once(": ").map(|(_, seen)| seen);
    let kind = seen.and_then(|seen| seen.split(' ').next());
    match kind.filter(|kind| KINDS.contains(kind)) {
        Some(kind) => format!("invalid type: {kind}, expected {expected}"),
        None => format!("expected {expected}"),
    }
}

/// What can stand in a JSON text, as the parser calls it.
const KINDS: [&str; 7] = [
    "boolean", "floating", "integer", "map", "null", "sequence", "string",
];

/// The name is one of those that are read here.
fn names_a_member(text: &str) -> bool {
    text.starts_with("missing field") || text.starts_with("duplicate field")
}

/// A name that a client gave, if it is formed like one; what is not could be anything, a secret in a
/// wrong place, and is counted only.
pub(crate) fn named(name: &str) -> String {
    const LONGEST: usize = 24;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= LONGEST && name.chars().all(good) {
        return format!("`{name}`");
    }
    format!("({} characters that are no name)", name.chars().count())
}

/// The first few of many sentences, and how many there are besides.
pub(crate) fn first_few(sentences: &[String], separator: &str) -> String {
    const SHOWN: usize = 5;
    let shown = &sentences[..sentences.len().min(SHOWN)];
    match sentences.len() - shown.len() {
        0 => shown.join(separator),
        more => format!("{}{separator}and {more} more", shown.join(separator)),
    }
}

impl Subproblem {
    /// A subproblem.
    pub fn new(
        kind: ProblemType,
        detail: impl Into<String>,
        identifier: Option<Identifier>,
    ) -> Self {
        Self {
            kind,
            detail: detail.into(),
            identifier,
        }
    }
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        Self::new(failure.kind.into(), failure.detail.clone())
    }
}

fn urn(kind: ProblemType) -> String {
    format!("urn:ietf:params:acme:error:{}", kind.name())
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subproblems: Vec<Self>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithms: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<crate::wire::WireIdentifier>,
}

impl<'a> Document<'a> {
    fn of(subproblem: &'a Subproblem) -> Self {
        Self {
            kind: urn(subproblem.kind),
            detail: &subproblem.detail,
            status: None,
            subproblems: Vec::new(),
            algorithms: None,
            instance: None,
            identifier: subproblem
                .identifier
                .as_ref()
                .map(crate::wire::WireIdentifier::from),
        }
    }
}
