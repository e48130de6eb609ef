//! The standalone server: what its commands are made of.

pub mod atomic;
pub mod cli;
pub mod config;
pub mod health;
pub mod listen;
pub mod lock;
pub mod ready;
pub mod telemetry;
pub mod tls;

#[cfg(test)]
mod testing;
