//! Hosts from clouds: credentials as people paste them, key matching, discovery, and a plan that is
//! read before it is applied.

pub mod credentials;
pub mod keys;
