//! The store in PostgreSQL keeps the contract, and tells the truth when the server does not.

mod contract;
mod crash;
mod cut;
mod nodes;
mod nouns;
mod opening;
mod proxy;
mod scene;
mod server;
