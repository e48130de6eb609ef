//! Hosts from clouds: credentials as people paste them, key matching, discovery, and a plan that is
//! read before it is applied.
#![doc = include_str!("../guide/import.md")]

pub mod apply;
pub mod credentials;
pub mod edit;
pub mod export;
pub mod found;
pub mod keys;
pub mod plan;
pub mod reconcile;
pub mod rules;
pub mod source;
#[cfg(feature = "ssh-ca")]
pub mod ssh_ca;
pub mod undo;
