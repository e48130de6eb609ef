//! Two gateways on one PostgreSQL behind HAProxy, as operators run them, and what clients notice when one dies.

mod clients;
mod database;
mod haproxy;
#[path = "../harness/mod.rs"]
mod harness;
mod killed;
mod ledger;
mod persistent;
mod platform;
#[allow(dead_code, reason = "shared by test programs that each use a part")]
#[path = "../../../../certlocker-core/tests/postgres/server.rs"]
mod postgres;
mod spread;
