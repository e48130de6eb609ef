//! The nouns of certificate automation, what may become of them, and the record of what did.

mod identifier;
mod time;
mod validation;

pub use identifier::{DnsName, Identifier, InvalidIdentifier};
pub use time::{InvalidTimestamp, Timestamp};
pub use validation::{Attempt, Failure, FailureKind, Hop, Method, Outcome};
