//! The nouns of certificate automation, what may become of them, and the record of what did.

mod account;
mod attribution;
mod authority;
mod certificate;
mod change;
mod client;
#[cfg(feature = "conformance")]
pub mod conformance;
mod event;
mod explain;
mod fact;
pub mod host;
mod id;
mod identifier;
pub mod import;
mod issuer;
mod order;
mod person;
mod record;
mod scope;
#[cfg(feature = "seal")]
mod seal;
mod secret;
mod ssh_authority;
mod ssh_key;
mod store;
#[doc = include_str!("../guide/storing.md")]
pub mod storing {}
mod tally;
mod time;
mod token;
mod validation;

pub use account::{Account, AccountKey, AccountState, InvalidThumbprint, NewAccount, Thumbprint};
pub use attribution::{
    Actor, Attribution, Cause, Component, InvalidAttribution, Subject, Traceparent, Trigger,
    network_of,
};
pub use authority::{Authority, AuthorityRole};
pub use certificate::{
    AlreadyRevoked, Certificate, Chain, Der, Description, InvalidSerial, Origin, Revocation,
    RevocationReason, Serial,
};
pub use change::{
    Aggregate, Change, Changeset, Corrupt, DUE, Entry, Expected, Kind, Lease, Transition, Version,
    Versioned, Write,
};
pub use client::{Client, ClientRefusal, NewClient, Quirk, Uses};
pub use event::Event;
pub use explain::{
    Explanation, Lane, LaneStatus, Next, Party, Stage, Step, StepStatus, explain, explain_absent,
};
pub use fact::Fact;
pub use id::{
    AccessId, AccountId, AuthorityId, CertificateId, ClientId, CredentialId, GroupId, HostId,
    ImportPlanId, InvalidId, OrderId, PersonId, Random, SecretId, SshCertificateId, TokenId,
};
pub use identifier::{DnsName, Identifier, InvalidIdentifier};
pub use issuer::{IssueFailure, Issued, Issuer};
pub use order::{
    Authorization, AuthorizationState, AuthorizationStatus, CertificateRequest, Challenge,
    ChallengeProcessing, ChallengeRef, ChallengeState, FailedChallenge, Invalid, NewOrder, Order,
    OrderRefusal, OrderStatus, Processing, Proof, Ready, Reason, Retry, Seen, State, Valid,
};
pub use person::{
    Holder, InvalidRole, NewPerson, PasswordHash, Person, Role, Session, SessionText,
    SignInFailure, SignInRefusal,
};
pub use record::{Draft, Record, Sequence};
pub use scope::{InvalidPattern, Pattern, Scope};
#[cfg(feature = "seal")]
pub use seal::{FileKey, FileKeyError, InvalidKey, KeyFile, KeyRing, LocalKey, SealedSecrets};
#[cfg(feature = "pkcs11")]
pub use seal::{Pkcs11Error, Pkcs11Key, Pkcs11Place};
pub use secret::{
    KeyWrap, RecordedSecret, Sealed, SealedBytes, Secret, SecretError, SecretPurpose, SecretStore,
};
pub use ssh_authority::{InvalidSshPrincipals, IssuedSshCertificate, SshAuthority, SshPrincipals};
pub use ssh_key::{InvalidSshKey, KeyFingerprint, SshKey};
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub use store::CopyError;
pub use store::{
    AccountStore, AuditUnavailable, AuthorityStore, By, CertificateStore, ClientStore, Direction,
    History, HostStore, ImportStore, Leases, Ledger, MemoryStore, OrderStore, Page, PersonStore,
    Query, RecordQuery, Row, Rows, SecretRows, SpentNonce, SpentNonces, Store, StoreError,
    StoredRecord, TokenStore,
};
#[cfg(feature = "postgres")]
pub use store::{PostgresError, PostgresStore};
#[cfg(feature = "sqlite")]
pub use store::{SqliteError, SqliteStore};
pub use tally::Tally;
pub use time::{InvalidTimestamp, Timestamp};
pub use token::{
    ChildRefusal, Exceeds, Grant, InvalidToken, InvalidTokenScope, NewToken, Permission,
    RotationRefusal, Token, TokenDigest, TokenRefusal, TokenScope, TokenScopes, TokenText,
    TokenUse,
};
pub use validation::{Attempt, Failure, FailureKind, Hop, Method, Outcome};
