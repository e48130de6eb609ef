//! Hosts, their groups, and who could use them at any time, from the records alone.

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::host::{
    Access, AccessChange, AccessLine, AccessOrigin, AccessTarget, Became, CloudId, Difference,
    Facts, Group, Host, HostAccess, HostState, Login, NewAccess, Presence, Provider, Through,
    access_at, access_changes_until,
};
use certlocker_core::{
    Actor, Attribution, Changeset, GroupId, HostId, HostStore, ImportPlanId, Ledger, MemoryStore,
    Page, Sequence, SshKey, StoreError, Subject, Timestamp, Transition, Trigger,
};
use pollster::block_on;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICl8mDhJUnCgWCUn8nFOz3nQ1mS6EvHeYLwNCyOGdM7P";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn random(bytes: &mut [u8]) {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    bytes.fill(0);
    bytes[..8].copy_from_slice(&next.to_be_bytes());
}

fn by() -> Attribution {
    Attribution::new(Actor::Command("jo".to_owned()), Trigger::Command)
}

fn key() -> SshKey {
    KEY.parse().unwrap()
}

fn state(name: &str, groups: &[GroupId]) -> HostState {
    HostState {
        cloud: CloudId::new(Provider::Aws, "123456789012", "eu-west-1", name).ok(),
        facts: Facts::default(),
        groups: groups
            .iter()
            .map(|group| (*group, AccessOrigin::Manual))
            .collect(),
        login: Some(Login {
            origin: AccessOrigin::Manual,
            reason: "said so".to_owned(),
            user: "ubuntu".to_owned(),
        }),
        name: name.to_owned(),
        named_by: AccessOrigin::Manual,
    }
}

struct World {
    store: MemoryStore,
}

impl World {
    fn new() -> Self {
        Self {
            store: MemoryStore::default(),
        }
    }

    fn commit<T: certlocker_core::Aggregate>(&self, transition: Transition<T>) -> T {
        let value = transition.next().clone();
        block_on(self.store.commit(Changeset::of(transition.by(&by())))).unwrap();
        value
    }

    fn group(&self, name: &str, login: Option<&str>, now: i64) -> GroupId {
        let login = login.map(str::to_owned);
        let group = Group::create(name, login, &AccessOrigin::Manual, &mut random, at(now));
        *self.commit(group).id()
    }

    fn host(&self, name: &str, groups: &[GroupId], now: i64) -> HostId {
        let state = state(name, groups);
        let origin = AccessOrigin::Manual;
        let host = Host::adopt(state, Difference::default(), &origin, &mut random, at(now));
        *self.commit(host).id()
    }

    fn grant(&self, target: AccessTarget, who: &str, expires: Option<i64>, now: i64) -> Access {
        let new = NewAccess {
            expires: expires.map(at),
            key: key(),
            login: None,
            origin: AccessOrigin::Manual,
            target,
            who: who.to_owned(),
        };
        self.commit(Access::grant(new, &mut random, at(now)))
    }

    fn update(&self, id: &HostId, next: HostState, now: i64) {
        let host = block_on(self.store.host(id)).unwrap();
        let origin = AccessOrigin::Manual;
        let update = host.update(next, Difference::default(), &origin, at(now));
        self.commit(update.unwrap());
    }

    fn access(&self, host: &HostId, now: i64) -> HostAccess {
        block_on(access_at(&self.store, host, at(now))).unwrap()
    }

    fn who(&self, host: &HostId, now: i64) -> BTreeMap<String, Option<String>> {
        let entries = self.access(host, now).entries;
        entries
            .into_iter()
            .map(|entry| (entry.line.who, entry.line.login))
            .collect()
    }
}

fn expected(lines: &[(&str, &str)]) -> BTreeMap<String, Option<String>> {
    lines
        .iter()
        .map(|(who, login)| ((*who).to_owned(), Some((*login).to_owned())))
        .collect()
}

/// A host in `web`, then in `admins` too; a guest until 40; gone at 60, back at 70 in `admins` alone.
fn eventful() -> (World, HostId, GroupId) {
    let world = World::new();
    let (web, admins) = (
        world.group("web", None, 1),
        world.group("admins", Some("root"), 1),
    );
    world.grant(AccessTarget::Group(web), "dev", None, 5);
    world.grant(AccessTarget::Group(admins), "ops", None, 6);
    let host = world.host("i-1", &[web], 10);
    world.grant(AccessTarget::Host(host), "guest", Some(40), 20);
    world.update(&host, state("i-1", &[web, admins]), 30);
    let entry = block_on(
        world
            .store
            .accesses_to(&AccessTarget::Group(web), Page::oldest(9)),
    )
    .unwrap();
    world.commit(entry[0].revoke(&AccessOrigin::Manual, at(50)).unwrap());
    let gone = block_on(world.store.host(&host)).unwrap();
    world.commit(
        gone.lose(Difference::default(), &AccessOrigin::Manual, at(60))
            .unwrap(),
    );
    world.update(&host, state("i-1", &[admins]), 70);
    (world, host, admins)
}

#[test]
fn who_could_use_a_host_is_known_for_every_past_time() {
    let (world, host, admins) = eventful();
    assert_eq!(world.access(&host, 9).presence, Presence::Unknown);
    assert_eq!(world.who(&host, 10), expected(&[("dev", "ubuntu")]));
    assert_eq!(
        world.who(&host, 20),
        expected(&[("dev", "ubuntu"), ("guest", "ubuntu")])
    );
    assert!(
        world.who(&host, 39).contains_key("guest") && !world.who(&host, 40).contains_key("guest")
    );
    assert_eq!(
        world.who(&host, 35),
        expected(&[("dev", "ubuntu"), ("guest", "ubuntu"), ("ops", "root")])
    );
    assert_eq!(
        world.who(&host, 45),
        expected(&[("dev", "ubuntu"), ("ops", "root")])
    );
    assert_eq!(world.who(&host, 50), expected(&[("ops", "root")]));
    assert_eq!(world.access(&host, 65).presence, Presence::Gone);
    assert_eq!(world.who(&host, 65), expected(&[]));
    assert_eq!(world.who(&host, 70), expected(&[("ops", "root")]));
    assert_eq!(world.access(&host, 70).groups, BTreeSet::from([admins]));
}

/// `+who` for a way that came, `-who` for one that went, at its time.
fn told(changes: &[AccessChange]) -> Vec<(i64, Vec<String>, Became)> {
    let said = |sign: &str, lines: &BTreeSet<AccessLine>| -> Vec<String> {
        let login = |line: &AccessLine| line.login.clone().unwrap_or_default();
        let lines = lines.iter();
        let said = lines.map(|line| format!("{sign}{} as {}", line.who, login(line)));
        said.collect()
    };
    let tell = |change: &AccessChange| {
        let mut lines = said("+", &change.difference.gained);
        lines.extend(said("-", &change.difference.lost));
        (change.at.as_seconds(), lines, change.became)
    };
    changes.iter().map(tell).collect()
}

#[test]
fn every_change_of_access_is_told_with_its_time_also_when_only_time_made_it() {
    use Became::{ByRecord, ByTime};
    let (world, host, _) = eventful();
    let changes = block_on(access_changes_until(&world.store, &host, at(80))).unwrap();
    let one = |time, line: &str, became| (time, vec![line.to_owned()], became);
    assert_eq!(
        told(&changes),
        [
            one(10, "+dev as ubuntu", ByRecord),
            one(20, "+guest as ubuntu", ByRecord),
            one(30, "+ops as root", ByRecord),
            one(40, "-guest as ubuntu", ByTime),
            one(50, "-dev as ubuntu", ByRecord),
            one(60, "-ops as root", ByRecord),
            one(70, "+ops as root", ByRecord),
        ]
    );
    assert_eq!(changes[3].record.sequence, changes[1].record.sequence);
    let until = block_on(access_changes_until(&world.store, &host, at(39))).unwrap();
    assert_eq!(until.len(), 3);
}

#[test]
fn the_changes_of_a_host_add_up_to_who_may_use_it() {
    let (world, host, admins) = eventful();
    world.grant(AccessTarget::Group(admins), "ops", Some(75), 72);
    world.grant(AccessTarget::Host(host), "ops", None, 73);
    let changes = block_on(access_changes_until(&world.store, &host, at(80))).unwrap();
    for now in 1..80 {
        let mut ways = BTreeSet::new();
        for change in changes.iter().filter(|change| change.at <= at(now)) {
            ways.extend(change.difference.gained.iter().cloned());
            ways.retain(|way| !change.difference.lost.contains(way));
        }
        let entries = world.access(&host, now).entries;
        let expected: BTreeSet<AccessLine> = entries.into_iter().map(|entry| entry.line).collect();
        assert_eq!(ways, expected, "at {now}");
    }
    let last = changes.last().unwrap();
    assert_eq!(
        last.at,
        at(73),
        "the second entry for one way changed nothing: {last:?}"
    );
}

#[test]
fn two_hosts_cannot_be_the_same_machine() {
    let world = World::new();
    world.host("i-1", &[], 1);
    let again = Host::adopt(
        state("i-1", &[]),
        Difference::default(),
        &AccessOrigin::Manual,
        &mut random,
        at(2),
    );
    let refused = block_on(world.store.commit(Changeset::of(again.by(&by()))));
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    let id = state("i-1", &[]).cloud.unwrap();
    assert!(block_on(world.store.host_by_cloud(&id)).unwrap().is_some());
}

#[test]
fn what_is_as_it_was_is_no_change() {
    let world = World::new();
    let id = world.host("i-1", &[], 1);
    let host = block_on(world.store.host(&id)).unwrap();
    let same = host.update(
        state("i-1", &[]),
        Difference::default(),
        &AccessOrigin::Manual,
        at(2),
    );
    assert!(same.is_none());
}

#[test]
fn an_access_difference_is_found_by_the_import_that_made_it() {
    let world = World::new();
    let plan = ImportPlanId::first_at(at(1));
    let origin = AccessOrigin::Import { line: 7, plan };
    let line = AccessLine {
        key: key().fingerprint(),
        login: Some("ubuntu".to_owned()),
        through: Through::Direct,
        who: "dev".to_owned(),
    };
    let gained = Difference::between(&BTreeSet::new(), &BTreeSet::from([line]));
    world.commit(Host::adopt(
        state("i-1", &[]),
        gained,
        &origin,
        &mut random,
        at(2),
    ));
    let subject = Subject::ImportPlan(plan);
    let records = block_on(world.store.records(Some(&subject), Sequence::START, 9)).unwrap();
    let names: Vec<&str> = records.iter().map(|record| record.event.name()).collect();
    assert_eq!(names, ["host.adopted", "host.access_changed"]);
}
