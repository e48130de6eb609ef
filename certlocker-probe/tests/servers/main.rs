//! What the prober says of real servers from Debian packages, deployed rightly and wrongly.
//!
//! A missing server is an error where `CERTLOCKER_REQUIRE_CLIENTS` is set, and otherwise told.

#![cfg(feature = "tokio")]

mod apache;
mod authority;
mod directory;
mod haproxy;
mod mail;
mod nginx;
mod postgres;
#[allow(dead_code, reason = "shared by test programs that each use a part")]
#[path = "../../../certlocker-core/tests/postgres/server.rs"]
mod postgres_server;
mod process;
mod scene;
mod site;
mod stunnel;
