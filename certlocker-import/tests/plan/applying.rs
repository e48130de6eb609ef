use std::collections::BTreeSet;

use certlocker_core::host::{
    Access, AccessOrigin, AccessTarget, Group, NewAccess, Power, Presence, access_at,
};
use certlocker_core::import::{LineKind, PlanRefusal};
use certlocker_core::{Event, Record, SshKey, StoreError, Subject, Timestamp};
use certlocker_import::apply::ApplyError;
use certlocker_import::found::FoundHost;
use certlocker_import::keys::{KeyPair, read_key};
use certlocker_import::plan::BATCH;
use pollster::block_on;

use crate::world::{World, counts, found, machine, now, random, scope, tagged};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICl8mDhJUnCgWCUn8nFOz3nQ1mS6EvHeYLwNCyOGdM7P";

fn many(count: usize) -> Vec<FoundHost> {
    (0..count)
        .map(|at| {
            machine(
                &format!("i-{at}"),
                &format!("10.{}.{}.{}", at >> 16, at >> 8 & 255, at & 255),
            )
        })
        .collect()
}

/// Who gained and who lost access to a host, by which line, in the order of the records.
fn differences(records: &[Record]) -> Vec<(Vec<String>, Vec<String>, AccessOrigin)> {
    let who = |lines: &[certlocker_core::host::AccessLine]| -> Vec<String> {
        let name = |line: &certlocker_core::host::AccessLine| {
            format!("{} as {}", line.who, line.login.clone().unwrap_or_default())
        };
        lines.iter().map(name).collect()
    };
    records
        .iter()
        .filter_map(|record| match &record.event {
            Event::HostAccessChanged {
                gained,
                lost,
                origin,
                ..
            } => Some((who(gained), who(lost), origin.clone())),
            _ => None,
        })
        .collect()
}

#[test]
fn applying_twice_applies_once() {
    let world = World::new();
    let plan = world.plan(found(many(3)));
    assert_eq!(world.apply(&plan).unwrap().hosts, 3);
    let again = world.apply(&plan);
    assert!(matches!(
        again,
        Err(ApplyError::Refused(PlanRefusal::Applied(_)))
    ));
    assert_eq!(world.count(), 3);
    assert!(
        world
            .stored(&plan)
            .iter()
            .all(|line| line.applied.is_some())
    );
}

#[test]
fn a_plan_is_refused_when_what_it_was_computed_from_has_changed() {
    let world = World::new();
    world.import(found(many(2)));
    let mut cloud = many(2);
    cloud[0].facts.power = Power::Stopped;
    cloud[1].facts.power = Power::Stopped;
    let plan = world.plan(found(cloud));
    world.change_by_hand("name-i-1", |state| state.name = "mine".to_owned());
    let error = world.apply(&plan).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the plan does not fit what is there: line 2: name-i-1 was changed since"
    );
    assert_eq!(world.host("name-i-0").value.facts().power, Power::Running);
    let records = world.records(Subject::ImportPlan(*plan.id()));
    assert_eq!(records.last().unwrap().event.name(), "import.refused");
}

#[test]
fn a_host_that_came_since_is_a_reason_to_refuse_too() {
    let world = World::new();
    let plan = world.plan(found(many(1)));
    world.import(found(many(1)));
    let error = world.apply(&plan).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the plan does not fit what is there: name-i-0 came since"
    );
    assert_eq!(world.count(), 1);
}

#[test]
fn who_gains_and_loses_access_is_recorded_by_the_line_that_made_it_so() {
    let mut world = World::new();
    world.keys = vec![read_key("web.pem", include_bytes!("../keys/ed25519_openssh.pem")).unwrap()];
    let group = world.commit(Group::create(
        "prod",
        None,
        &AccessOrigin::Manual,
        &mut random,
        now(),
    ));
    let key: SshKey = KEY.parse().unwrap();
    let new = NewAccess {
        expires: None,
        key,
        login: None,
        origin: AccessOrigin::Manual,
        target: AccessTarget::Group(*group.id()),
        who: "dev".to_owned(),
    };
    world.commit(Access::grant(new, &mut random, now()));
    let cloud = |env: &str| {
        let mut host = tagged(machine("i-1", "10.0.0.1"), "env", env);
        host.facts.key_pair = Some("web".to_owned());
        let mut discovery = found(vec![host]);
        let pair = KeyPair {
            name: "web".to_owned(),
            ..KeyPair::default()
        };
        discovery.key_pairs.push((scope("eu-west-1"), pair));
        discovery
    };
    let first = world.import(cloud("prod"));
    let host = *world.host("name-i-1").value.id();
    let in_prod = now();
    let second = world.import(cloud("test"));
    let gone = world.import(found(vec![]));

    let records = world.records(Subject::Host(host));
    let by = |plan: &certlocker_core::import::Plan| AccessOrigin::Import {
        line: 1,
        plan: *plan.id(),
    };
    let own = "key pair web as ubuntu".to_owned();
    let dev = "dev as ubuntu".to_owned();
    let seen = differences(&records);
    assert_eq!(seen.len(), 3, "{seen:#?}");
    assert_eq!(
        BTreeSet::from_iter(seen[0].0.clone()),
        BTreeSet::from([own.clone(), dev.clone()])
    );
    assert_eq!(seen[0].2, by(&first));
    assert_eq!(seen[1], (vec![], vec![dev], by(&second)));
    assert_eq!(seen[2], (vec![], vec![own], by(&gone)));

    let then = block_on(access_at(&world.store, &host, in_prod)).unwrap();
    let who: BTreeSet<String> = then
        .entries
        .iter()
        .map(|entry| entry.line.who.clone())
        .collect();
    assert_eq!(
        who,
        BTreeSet::from(["dev".to_owned(), "key pair web".to_owned()])
    );
    let today = block_on(access_at(&world.store, &host, now())).unwrap();
    assert_eq!((today.presence, today.entries.len()), (Presence::Gone, 0));
    let before = block_on(access_at(&world.store, &host, Timestamp::from_seconds(1))).unwrap();
    assert_eq!(before.presence, Presence::Unknown);
}

#[test]
fn an_import_is_taken_back_by_a_plan_of_its_own() {
    let mut world = World::new();
    world.import(found(many(3)));
    let before: Vec<_> = (0..3)
        .map(|at| world.host(&format!("name-i-{at}")).value.state())
        .collect();
    world.keys = vec![read_key("web.pem", include_bytes!("../keys/ed25519_openssh.pem")).unwrap()];
    let mut cloud = many(4);
    cloud.remove(2);
    cloud[0] = tagged(cloud[0].clone(), "env", "prod");
    cloud[1].facts.key_pair = Some("web".to_owned());
    let plan = world.import(found(cloud));
    let kinds: Vec<LineKind> = world
        .stored(&plan)
        .iter()
        .map(certlocker_core::import::Line::kind)
        .collect();
    assert_eq!(
        kinds,
        [
            LineKind::Update,
            LineKind::Update,
            LineKind::Create,
            LineKind::Gone
        ]
    );

    let undo = world.undo(&plan);
    world.apply(&undo).unwrap();
    for (at, before) in before.iter().enumerate() {
        let host = world.host(&format!("name-i-{at}"));
        assert_eq!(host.value.state(), *before, "{at}");
        assert_eq!(host.value.gone(), None);
        let entries = block_on(access_at(&world.store, host.value.id(), now()))
            .unwrap()
            .entries;
        assert!(entries.is_empty(), "{entries:?}");
    }
    assert!(world.host("name-i-3").value.gone().is_some());
}

#[test]
fn undoing_leaves_alone_what_something_else_has_changed() {
    let world = World::new();
    let plan = world.import(found(many(2)));
    world.change_by_hand("name-i-1", |state| state.name = "mine".to_owned());
    let undo = world.undo(&plan);
    assert_eq!(counts(&world.stored(&undo)).exists, 1);
    world.apply(&undo).unwrap();
    assert!(world.host("name-i-0").value.gone().is_some());
    assert!(world.host("mine").value.gone().is_none());
}

#[test]
fn a_plan_that_breaks_off_at_any_write_goes_on_and_is_applied_once() {
    let hosts = BATCH * 2 + 5;
    for landed in [false, true] {
        for at in 0.. {
            let world = World::over(breaking::Breaking::default());
            let plan = world.plan(found(many(hosts)));
            world.store.break_after(at, landed);
            let broke = world.apply(&plan);
            let fired = world.store.fired();
            if let (true, Err(error)) = (fired, &broke) {
                let expected = matches!(
                    error,
                    ApplyError::Store(StoreError::Unavailable(_) | StoreError::Indeterminate(_))
                );
                assert!(expected, "{error}");
                world.apply(&plan).or_else(ended).unwrap();
            }
            assert_eq!(world.count(), hosts, "write {at}");
            let records = world.records(Subject::ImportPlan(*plan.id()));
            let adopted = records
                .iter()
                .filter(|record| record.event.name() == "host.adopted")
                .count();
            assert_eq!(adopted, hosts, "write {at}");
            if !fired {
                assert!(at > 4, "there are only {at} writes");
                break;
            }
        }
    }
}

fn ended(error: ApplyError) -> Result<certlocker_import::apply::Report, ApplyError> {
    match error {
        ApplyError::Refused(PlanRefusal::Applied(_)) => {
            Ok(certlocker_import::apply::Report::default())
        }
        other => Err(other),
    }
}

#[test]
fn two_who_apply_one_plan_at_once_apply_it_once() {
    let world = World::new();
    let hosts = BATCH * 3;
    let plan = world.plan(found(many(hosts)));
    std::thread::scope(|threads| {
        let run = || world.apply(&plan).or_else(ended).unwrap();
        let (one, two) = (threads.spawn(run), threads.spawn(run));
        one.join().unwrap();
        two.join().unwrap();
    });
    assert_eq!(world.count(), hosts);
}

mod breaking {
    //! A store that breaks off at one write.

    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    use async_trait::async_trait;
    use certlocker_core::{
        Changeset, Kind, Ledger, MemoryStore, Query, Record, Row, Rows, Sequence, StoreError,
        Subject,
    };

    #[derive(Default)]
    pub(super) struct Breaking {
        armed: AtomicBool,
        inner: MemoryStore,
        landed: AtomicBool,
        left: AtomicI64,
    }

    impl Breaking {
        /// Lets `writes` writes pass and fails the next, before or after it lands.
        pub(super) fn break_after(&self, writes: i64, landed: bool) {
            self.left.store(writes, Ordering::SeqCst);
            self.landed.store(landed, Ordering::SeqCst);
            self.armed.store(true, Ordering::SeqCst);
        }

        pub(super) fn fired(&self) -> bool {
            !self.armed.load(Ordering::SeqCst)
        }

        fn fires(&self) -> bool {
            self.armed.load(Ordering::SeqCst)
                && self.left.fetch_sub(1, Ordering::SeqCst) == 0
                && self.armed.swap(false, Ordering::SeqCst)
        }
    }

    #[async_trait]
    impl Ledger for Breaking {
        async fn commit(&self, changes: Changeset) -> Result<Sequence, StoreError> {
            if !self.fires() {
                return self.inner.commit(changes).await;
            }
            if self.landed.load(Ordering::SeqCst) {
                self.inner.commit(changes).await?;
                return Err(StoreError::Indeterminate("broken off".into()));
            }
            Err(StoreError::Unavailable("broken off".into()))
        }

        async fn records(
            &self,
            about: Option<&Subject>,
            after: Sequence,
            limit: usize,
        ) -> Result<Vec<Record>, StoreError> {
            self.inner.records(about, after, limit).await
        }
    }

    #[async_trait]
    impl Rows for Breaking {
        async fn row(&self, kind: Kind, key: &str) -> Result<Row, StoreError> {
            self.inner.row(kind, key).await
        }

        async fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
            self.inner.rows(query).await
        }

        async fn count(&self, query: &Query) -> Result<usize, StoreError> {
            self.inner.count(query).await
        }
    }
}
