//! An RFC 8555 server: an engine without transport, and a thin router over it.

#[cfg(feature = "validate")]
pub mod validate;
mod validator;

pub use validator::{Armed, Validator};
