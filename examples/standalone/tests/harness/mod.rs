//! What tests of the built binary share: a server, a zone, small web servers, and programs to run.
#![allow(dead_code, reason = "shared by test programs that each use a part")]

pub(crate) mod acme;
pub(crate) mod dns;
pub(crate) mod http;
pub(crate) mod https;
#[cfg(feature = "oidc")]
pub(crate) mod issuer;
pub(crate) mod receiver;
pub(crate) mod scene;
pub(crate) mod server;
pub(crate) mod tool;
