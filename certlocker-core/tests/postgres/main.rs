//! The store in PostgreSQL keeps the contract, and tells the truth when the server does not.

mod contract;
#[cfg(feature = "sqlite")]
mod copies;
mod crash;
mod cut;
mod full;
mod nodes;
mod nouns;
mod opening;
mod plans;
mod proxy;
mod reset;
mod scene;
#[allow(dead_code, reason = "shared by test programs that each use a part")]
mod server;
mod small;
mod tablespace;
mod wal;
