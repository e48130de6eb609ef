//! kill -9 of either gateway under load: clients notice no more than a retry, and nothing is lost.

use std::env;
use std::sync::atomic::Ordering;

use tokio::runtime::Runtime;

use crate::clients::Client;
use crate::harness::tool::succeed;
use crate::ledger::Stored;
use crate::persistent::{self, Shared};
use crate::platform::{Platform, bad_nonces};

const CLIENTS: usize = 6;
const KILLS: usize = 6;
/// So many steps of all clients lie between two kills at most.
const STEPS: usize = 60;
/// How often lego or certbot, which know no retry, may be started for one certificate.
const STARTS: usize = KILLS + 1;
/// A finalization that was acted on, and whose answer a gateway took with it, is not taken twice.
const NOTICED: &str = "error:orderNotReady";

/// What random choices come from: `CERTLOCKER_TEST_SEED`, or a new one.
pub(crate) fn seeded() -> fastrand::Rng {
    let given = env::var("CERTLOCKER_TEST_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("CERTLOCKER_TEST_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

#[test]
fn whoever_is_killed_under_load_every_client_gets_its_certificates() {
    let Some(mut platform) = Platform::new("killed") else {
        return;
    };
    let mut random = seeded();
    let runtime = Runtime::new().unwrap();
    let shared = Shared::new(&[NOTICED]);
    let clients = persistent::start(CLIENTS, &runtime, &platform, &shared);
    let programs: Option<Vec<Client>> = [
        Client::lego(&platform, "k.go.example"),
        Client::certbot(&platform, "k.bot.example"),
    ]
    .into_iter()
    .collect();
    let Some(programs) = programs else { return };
    let programs: Vec<_> = programs
        .into_iter()
        .map(|program| std::thread::spawn(|| program.obtain(STARTS)))
        .collect();

    let mut refused_nonces = 0;
    for kill in 0..KILLS {
        let steps = random.usize(1..=STEPS);
        runtime.block_on(shared.later(steps));
        let node = &mut platform.nodes[kill % 2];
        refused_nonces += bad_nonces(node);
        node.crash_and_restart();
        // The proxy has to know it again before the other is killed.
        platform.takes_requests(kill % 2);
    }
    runtime.block_on(shared.later(STEPS));
    let held = runtime.block_on(shared.end(clients));
    let obtained: Vec<_> = programs
        .into_iter()
        .map(|program| program.join().unwrap())
        .collect();
    refused_nonces += platform.nodes.iter().map(bad_nonces).sum::<u64>();

    let noticed = shared.noticed.load(Ordering::Relaxed);
    let worst = shared.worst.load(Ordering::Relaxed);
    let failures: usize = obtained.iter().map(|(_, failures)| failures).sum();
    eprintln!(
        "{KILLS} kills: {} certificates, {noticed} requests that a client noticed, {worst} in a row; lego and certbot failed {failures} times; {refused_nonces} nonces refused",
        held.len(),
    );
    assert!(worst <= 1, "more than a retry");
    let stored = runtime.block_on(Stored::read(&platform.database));
    stored.is_settled();
    held.iter().for_each(|held| stored.has(held));
    obtained
        .iter()
        .for_each(|(chain, _)| stored.has_chain(chain));
    agrees(&mut platform);
}

/// Each node's audit log is the ledger, once it was written to its end.
pub(crate) fn agrees(platform: &mut Platform) {
    for node in &mut platform.nodes {
        assert_eq!(node.stop().0, Some(0));
        succeed(&mut node.certlocker("audit verify"));
    }
}
