//! A database that is stopped at once under the gateways' load, and started again.

use std::sync::atomic::Ordering;

use tokio::runtime::Runtime;

use crate::killed::{agrees, seeded};
use crate::ledger::Stored;
use crate::persistent::{self, Shared};
use crate::platform::Platform;
use crate::postgres;

const CLIENTS: usize = 4;
const STOPS: usize = 2;
const STEPS: usize = 40;

/// Without a database nothing is promised; whose nonces it has forgotten are refused.
const NOTICED: [&str; 6] = [
    "audit unavailable",
    "error response from newNonce resource",
    "error:badNonce",
    "error:orderNotReady",
    "no ACME gateway can be reached",
    "the store broke off",
];

#[test]
fn a_database_that_is_stopped_at_once_has_what_clients_hold_and_they_go_on() {
    let Some(server) = postgres::Server::start() else {
        return;
    };
    let Some(mut platform) = Platform::on(server.url("postgres")) else {
        return;
    };
    let mut random = seeded();
    let runtime = Runtime::new().unwrap();
    let shared = Shared::new(&NOTICED);
    let clients = persistent::start(CLIENTS, &runtime, &platform, &shared);
    for _ in 0..STOPS {
        runtime.block_on(shared.later(random.usize(1..=STEPS)));
        server.control(&["-m", "immediate", "stop"]);
        let answer = platform.answers_with(503);
        assert!(answer.body.contains("no ACME gateway"), "{}", answer.body);
        server.control(&["-w", "start"]);
        platform.answers_with(200);
    }
    runtime.block_on(shared.later(STEPS));
    let held = runtime.block_on(shared.end(clients));
    eprintln!(
        "{STOPS} stops: {} certificates, {} requests refused or broken off",
        held.len(),
        shared.noticed.load(Ordering::Relaxed)
    );
    let stored = runtime.block_on(Stored::read(&platform.database));
    stored.is_settled();
    held.iter().for_each(|held| stored.has(held));
    agrees(&mut platform);
}
