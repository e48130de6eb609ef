//! The built server as its operators meet it: commands, pages, crashes, copies.

mod audit;
mod commands;
mod copies;
mod crash;
mod disk;
mod explain;
mod fail_closed;
#[path = "../harness/mod.rs"]
mod harness;
mod hosts;
mod import;
mod import_remote;
mod nodes;
mod people;
mod planes;
#[allow(dead_code, reason = "shared by test programs that each use a part")]
#[path = "../../../../certlocker-core/tests/postgres/server.rs"]
mod postgres;
mod probe;
mod secrets;
mod tokens;
mod two_writers;
mod witness;
