//! The parts of the standalone server.

pub mod inventory;
pub mod operator;
pub mod random;
