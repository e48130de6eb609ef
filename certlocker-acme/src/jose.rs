//! Signed requests: flattened JWS as RFC 8555 section 6.2 profiles it, keys, and what is inside.

mod algorithm;
mod inner;
mod jwk;
mod jws;
mod refusal;

pub use algorithm::Algorithm;
pub use inner::{ExternalAccountBinding, KeyChange};
pub use jwk::Jwk;
pub use jws::{FlattenedJws, Header, KeyId, Quirks, Verified};
pub use refusal::Refusal;
