//! EC2 asked over HTTP: answers of every kind from a server in the process, and moto.

mod answers;
mod errors;
mod identity;
mod machines;
mod moto;
mod scale;
mod secrecy;
mod server;
#[allow(dead_code, reason = "shared with the tests of plans")]
#[path = "../plan/world.rs"]
mod world;
