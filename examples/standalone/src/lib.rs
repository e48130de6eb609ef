//! The parts of the standalone server.

pub mod assemble;
pub mod atomic;
pub mod audit;
pub mod bootstrap;
pub mod cli;
pub mod commands;
pub mod config;
pub mod credential;
pub mod health;
pub mod home;
pub mod inventory;
pub mod keys;
pub mod listen;
pub mod lock;
#[cfg(feature = "oidc")]
pub mod oidc;
pub mod operator;
pub mod output;
pub mod outside;
pub mod probing;
pub mod random;
pub mod ready;
pub mod serve;
mod target;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod tls;
