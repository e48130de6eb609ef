//! The record of what happened, as a Merkle log that anybody with its key can check.
#![doc = include_str!("../guide/log.md")]

pub mod checkpoint;
mod cosignature;
mod encoding;
pub mod files;
pub mod gate;
pub mod http;
mod leaf;
pub mod log;
pub mod note;
pub mod policy;
pub mod proof;
pub mod prune;
pub mod pump;
pub mod reader;
pub mod sink;
pub mod tile;
pub mod tree;
pub mod verify;
pub mod why;
pub mod witness;

pub use leaf::entry_of;
