//! The standalone server: what its commands are made of.

pub mod cli;
pub mod config;
pub mod telemetry;
