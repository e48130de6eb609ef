//! A store, a cloud, and somebody who imports from one into the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use certlocker_core::host::AccessOrigin;
use certlocker_core::host::{
    AddressKind, CloudId, Difference, Facts, Host, HostAddress, HostState, Power, Provider,
};
use certlocker_core::import::{Line, LineCounts, Plan};
use certlocker_core::{
    Actor, Aggregate, Attribution, Changeset, HostId, ImportPlanId, MemoryStore, Record, Sequence,
    Subject, Timestamp, Transition, Trigger, Versioned,
};
use certlocker_import::apply::{ApplyError, Report};
use certlocker_import::edit::Edit;
use certlocker_import::found::{Discovery, FoundHost, Scope};
use certlocker_import::keys::KeyFile;
use certlocker_import::plan::{Heading, Importer, PlanError, Stores, computed_from, known, lines};
use certlocker_import::reconcile::reconcile;
use certlocker_import::rules::Rules;
use certlocker_import::undo::undo;
use pollster::block_on;

pub(crate) struct World<S = MemoryStore> {
    pub(crate) keys: Vec<KeyFile>,
    pub(crate) rules: Rules,
    pub(crate) store: S,
}

static CLOCK: AtomicI64 = AtomicI64::new(1_000);
static RANDOM: AtomicU64 = AtomicU64::new(1);

pub(crate) fn now() -> Timestamp {
    Timestamp::from_seconds(CLOCK.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn random(bytes: &mut [u8]) {
    bytes.fill(0);
    bytes[..8].copy_from_slice(&RANDOM.fetch_add(1, Ordering::Relaxed).to_be_bytes());
}

pub(crate) fn by() -> Attribution {
    Attribution::new(Actor::Command("jo".to_owned()), Trigger::Command)
}

pub(crate) fn scope(region: &str) -> Scope {
    Scope {
        account: "123456789012".to_owned(),
        provider: Provider::Aws,
        region: region.to_owned(),
    }
}

/// A running machine of `eu-west-1` with a private address.
pub(crate) fn machine(instance: &str, ip: &str) -> FoundHost {
    let cloud = CloudId::new(Provider::Aws, "123456789012", "eu-west-1", instance).unwrap();
    FoundHost {
        cloud,
        facts: Facts {
            addresses: [address(ip, AddressKind::Private)].into(),
            power: Power::Running,
            ..Facts::default()
        },
        image_login: None,
        image_name: Some("ubuntu/images/jammy".to_owned()),
        image_owner: None,
        managed_by: None,
        name: Some(format!("name-{instance}")),
        network: None,
        scaling_group: None,
        security_groups: Vec::new(),
        subnet: None,
        tags: BTreeMap::new(),
    }
}

pub(crate) fn address(ip: &str, kind: AddressKind) -> HostAddress {
    let ip = ip.parse().unwrap();
    HostAddress { ip, kind }
}

pub(crate) fn tagged(mut host: FoundHost, key: &str, value: &str) -> FoundHost {
    host.tags.insert(key.to_owned(), value.to_owned());
    host
}

pub(crate) fn found(hosts: Vec<FoundHost>) -> Discovery {
    Discovery {
        complete: vec![scope("eu-west-1")],
        hosts,
        ..Discovery::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(MemoryStore::default())
    }
}

impl<S: Stores> World<S> {
    pub(crate) fn over(store: S) -> Self {
        let groups = vec!["{tag:env}".parse().unwrap()];
        let rules = Rules {
            groups,
            ..Rules::default()
        };
        Self {
            keys: Vec::new(),
            rules,
            store,
        }
    }

    pub(crate) fn importing<T>(&self, run: impl AsyncFnOnce(&mut Importer<'_, S>) -> T) -> T {
        let mut importer = Importer {
            by: &by(),
            clock: &now,
            random: &mut random,
            store: &self.store,
        };
        block_on(run(&mut importer))
    }

    pub(crate) fn lines(&self, discovery: Discovery) -> Vec<Line> {
        let known = block_on(known(&self.store, now())).unwrap();
        reconcile(discovery, &known, &self.rules, &self.keys)
    }

    pub(crate) fn plan(&self, discovery: Discovery) -> Plan {
        let known = block_on(known(&self.store, now())).unwrap();
        let heading = heading(computed_from(&known), None);
        let lines = reconcile(discovery, &known, &self.rules, &self.keys);
        self.importing(async |importer| importer.keep(heading, lines).await)
            .unwrap()
    }

    pub(crate) fn undo(&self, plan: &Plan) -> Plan {
        let known = block_on(known(&self.store, now())).unwrap();
        let heading = heading(computed_from(&known), Some(*plan.id()));
        let lines = undo(&block_on(lines(&self.store, plan)).unwrap(), &known);
        self.importing(async |importer| importer.keep(heading, lines).await)
            .unwrap()
    }

    pub(crate) fn stored(&self, plan: &Plan) -> Vec<Line> {
        block_on(lines(&self.store, plan)).unwrap()
    }

    pub(crate) fn edit(&self, plan: &Plan, line: u32, edit: Edit) -> Result<(), PlanError> {
        self.importing(async |importer| importer.edit(plan.id(), line, edit).await)
    }

    pub(crate) fn apply(&self, plan: &Plan) -> Result<Report, ApplyError> {
        self.importing(async |importer| importer.apply(plan.id()).await)
    }

    /// Plans and applies.
    pub(crate) fn import(&self, discovery: Discovery) -> Plan {
        let plan = self.plan(discovery);
        self.apply(&plan).unwrap();
        plan
    }

    pub(crate) fn commit<T: Aggregate>(&self, transition: Transition<T>) -> T {
        let value = transition.next().clone();
        block_on(self.store.commit(Changeset::of(transition.by(&by())))).unwrap();
        value
    }

    pub(crate) fn host(&self, name: &str) -> Versioned<Host> {
        let hosts = known(&self.store, now());
        let hosts = block_on(hosts)
            .unwrap()
            .hosts
            .into_iter()
            .map(|known| known.host);
        hosts
            .into_iter()
            .find(|host| host.value.name() == name)
            .expect(name)
    }

    pub(crate) fn count(&self) -> usize {
        block_on(known(&self.store, now())).unwrap().hosts.len()
    }

    /// A host that somebody made by hand, without a cloud.
    pub(crate) fn by_hand(&self, name: &str, facts: Facts) -> HostId {
        let state = HostState {
            cloud: None,
            facts,
            groups: BTreeMap::new(),
            login: None,
            name: name.to_owned(),
            named_by: AccessOrigin::Manual,
        };
        let origin = AccessOrigin::Manual;
        let host = Host::adopt(state, Difference::default(), &origin, &mut random, now());
        *self.commit(host).id()
    }

    pub(crate) fn change_by_hand(&self, name: &str, change: impl FnOnce(&mut HostState)) {
        let host = self.host(name);
        let mut state = host.value.state();
        change(&mut state);
        let update = host.update(state, Difference::default(), &AccessOrigin::Manual, now());
        self.commit(update.unwrap());
    }

    pub(crate) fn records(&self, about: Subject) -> Vec<Record> {
        block_on(self.store.records(Some(&about), Sequence::START, 10_000)).unwrap()
    }

    pub(crate) fn groups_of(&self, name: &str) -> Vec<String> {
        let host = self.host(name);
        let groups = host.value.groups().keys();
        groups
            .map(|id| {
                block_on(self.store.group(id))
                    .unwrap()
                    .value
                    .name()
                    .to_owned()
            })
            .collect()
    }
}

fn heading(computed_from: String, undoes: Option<ImportPlanId>) -> Heading {
    Heading {
        computed_from,
        failures: Vec::new(),
        source: "a test".to_owned(),
        undoes,
    }
}

pub(crate) fn counts(lines: &[Line]) -> LineCounts {
    LineCounts::of(lines)
}
