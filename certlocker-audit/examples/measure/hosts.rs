//! A host whose access changed often.

use std::error::Error;

use certlocker_audit::why::AccessQuestion;
use certlocker_core::host::{
    Access, AccessOrigin, AccessTarget, Difference, Facts, Host, HostState, NewAccess,
};
use certlocker_core::import::{LineCounts, NewPlan, Plan};
use certlocker_core::{
    Actor, Attribution, Changeset, Ledger, SqliteStore, SshKey, Timestamp, Trigger,
};
use pollster::block_on;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICl8mDhJUnCgWCUn8nFOz3nQ1mS6EvHeYLwNCyOGdM7P";
/// How often somebody is let in, and shut out again.
pub(crate) const TIMES: u64 = 500;

/// Lets somebody into a host and out again, each time by another plan; the question for all that.
pub(crate) fn fill(store: &SqliteStore, now: Timestamp) -> Result<AccessQuestion, Box<dyn Error>> {
    let key: SshKey = KEY.parse()?;
    let by = Attribution::new(Actor::Command("jo".to_owned()), Trigger::Command);
    let mut number = 0_u64;
    let mut random = |bytes: &mut [u8]| {
        number += 1;
        bytes.fill(0);
        bytes[..8].copy_from_slice(&number.to_be_bytes());
    };
    let state = HostState {
        cloud: None,
        facts: Facts::default(),
        groups: Default::default(),
        login: None,
        name: "often".to_owned(),
        named_by: AccessOrigin::Manual,
    };
    let host = Host::adopt(
        state,
        Difference::default(),
        &AccessOrigin::Manual,
        &mut random,
        now,
    );
    let id = *host.next().id();
    block_on(store.commit(host.by(&by).into()))?;
    for turn in 0..TIMES {
        let plan = Plan::create(new_plan(), &mut random, now).by(&by);
        let origin = AccessOrigin::Import {
            line: 1,
            plan: *plan.after().value.id(),
        };
        let new = NewAccess {
            expires: None,
            key: key.clone(),
            login: None,
            origin: origin.clone(),
            target: AccessTarget::Host(id),
            who: format!("somebody {turn}"),
        };
        let granted = Access::grant(new, &mut random, now).by(&by);
        let entry = granted.after();
        block_on(store.commit(Changeset::of(plan).and(granted)))?;
        let revoked = entry
            .revoke(&origin, now)
            .ok_or("it was not revoked before")?;
        block_on(store.commit(revoked.by(&by).into()))?;
    }
    Ok(AccessQuestion {
        host: id,
        key: None,
        limit: 50,
        login: None,
        until: now,
    })
}

fn new_plan() -> NewPlan {
    NewPlan {
        batches: 1,
        computed_from: String::new(),
        counts: LineCounts::default(),
        failures: Vec::new(),
        source: "measure".to_owned(),
        undoes: None,
    }
}
