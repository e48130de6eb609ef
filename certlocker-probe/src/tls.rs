//! TLS as far as the certificate, by hand.

pub(crate) mod full;
pub(crate) mod grab;
mod hello;
mod keys;
mod message;
mod record;

pub use grab::Grab;
pub use hello::Offer;
