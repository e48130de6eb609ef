//! What needs to see the statements of the store; the rest is in `tests/postgres`.

mod evolution;
mod plans;
#[allow(dead_code, reason = "shared by test programs that each use a part")]
#[path = "../../../tests/postgres/server.rs"]
mod server;
