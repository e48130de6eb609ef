//! An RFC 8555 server: an engine without transport, and a thin router over it.

mod call;
mod clock;
mod crl;
mod gateway;
#[cfg(feature = "axum")]
mod http;
pub mod jose;
mod links;
#[cfg(feature = "local-ca")]
mod local_ca;
mod nonce;
mod object;
mod once;
mod problem;
mod rate;
mod route;
#[cfg(feature = "validate")]
pub mod validate;
mod validator;
mod wire;
pub mod x509;

pub use call::{Answer, Call};
pub use clock::{Clock, ManualClock, SystemClock};
pub use crl::{RevocationList, RevocationLists};
pub use gateway::{Config, Gateway, Parts, Registration};
pub use links::Links;
#[cfg(feature = "local-ca")]
pub use local_ca::{LocalCa, LocalCaError, LocalCaSettings};
pub use nonce::{NoRandomness, Nonces, ProcessNonces, SharedNonces, SharedNoncesError};
pub use once::{SharedKeyError, shared_key};
pub use problem::{Problem, ProblemType, Subproblem};
pub use rate::{Rate, RateLimits};
pub use route::{Clash, Operation, Plane, Route, RouteTable, Verbs};
pub use validator::{Armed, Validator};

/// The README's examples, compiled.
#[cfg(all(doctest, feature = "axum", feature = "local-ca", feature = "validate"))]
#[doc = include_str!("../../README.md")]
mod readme {}
