//! Hosts, groups and entries in a store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use certlocker_core::host::{
    Access, AccessOrigin, AccessTarget, AddressKind, CloudId, Difference, Facts, Group, Host,
    HostAddress, HostState, Login, NewAccess, Provider,
};
use certlocker_core::{
    AccessId, Actor, Aggregate, Attribution, Changeset, GroupId, HostId, HostStore, Ledger,
    MemoryStore, SshKey, Timestamp, Transition, Trigger,
};
use certlocker_import::export::{Selection, Snapshot, gather};
use pollster::block_on;

pub(crate) struct Scene {
    /// When everything was made.
    pub(crate) begin: Timestamp,
    pub(crate) store: std::sync::Arc<MemoryStore>,
}

static RANDOM: AtomicU64 = AtomicU64::new(1);

pub(crate) fn random(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        let next = RANDOM.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        chunk.copy_from_slice(&next[8 - chunk.len()..]);
    }
}

pub(crate) fn by() -> Attribution {
    Attribution::new(Actor::Command("jo".to_owned()), Trigger::Command)
}

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

impl Scene {
    /// An hour ago.
    pub(crate) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let now = Timestamp::from_seconds(i64::try_from(now.as_secs()).unwrap());
        Self {
            begin: now.before(HOUR),
            store: std::sync::Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.begin.after(HOUR)
    }

    pub(crate) fn commit<T: Aggregate>(&self, transition: Transition<T>) -> T {
        let value = transition.next().clone();
        block_on(self.store.commit(Changeset::of(transition.by(&by())))).unwrap();
        value
    }

    pub(crate) fn group(&self, name: &str, login: Option<&str>) -> GroupId {
        let (login, origin) = (login.map(str::to_owned), AccessOrigin::Manual);
        *self
            .commit(Group::create(name, login, &origin, &mut random, self.begin))
            .id()
    }

    /// A host of AWS with an instance id and an address, each if it is not empty.
    pub(crate) fn host(
        &self,
        name: &str,
        (instance, ip): (&str, &str),
        login: Option<&str>,
        groups: &[GroupId],
    ) -> HostId {
        let origin = AccessOrigin::Manual;
        let cloud = (!instance.is_empty())
            .then(|| CloudId::new(Provider::Aws, "1", "eu-west-1", instance).unwrap());
        let address = (!ip.is_empty()).then(|| HostAddress {
            ip: ip.parse().unwrap(),
            kind: AddressKind::Public,
        });
        let state = HostState {
            cloud,
            facts: Facts {
                addresses: address.into_iter().collect(),
                key_pair: Some("deploy".to_owned()),
                ..Facts::default()
            },
            groups: groups
                .iter()
                .map(|id| (*id, origin.clone()))
                .collect::<BTreeMap<_, _>>(),
            login: login.map(|user| Login {
                origin: origin.clone(),
                reason: "a test".to_owned(),
                user: user.to_owned(),
            }),
            name: name.to_owned(),
            named_by: origin.clone(),
        };
        let host = Host::adopt(
            state,
            Difference::default(),
            &origin,
            &mut random,
            self.begin,
        );
        *self.commit(host).id()
    }

    pub(crate) fn grant(
        &self,
        target: AccessTarget,
        key: &SshKey,
        (who, login): (&str, Option<&str>),
        expires: Option<Timestamp>,
    ) -> AccessId {
        let new = NewAccess {
            expires,
            key: key.clone(),
            login: login.map(str::to_owned),
            origin: AccessOrigin::Manual,
            target,
            who: who.to_owned(),
        };
        *self
            .commit(Access::grant(new, &mut random, self.begin))
            .id()
    }

    pub(crate) fn revoke(&self, target: AccessTarget, id: &AccessId, at: Timestamp) {
        let page = certlocker_core::Page::oldest(100);
        let entries = block_on(self.store.accesses_to(&target, page)).unwrap();
        let entry = entries.iter().find(|entry| entry.value.id() == id).unwrap();
        self.commit(entry.revoke(&AccessOrigin::Manual, at).unwrap());
    }

    pub(crate) fn snapshot(&self, selection: &Selection) -> Snapshot {
        block_on(gather(&*self.store, selection, self.now())).unwrap()
    }

    pub(crate) fn all(&self) -> Snapshot {
        self.at(self.now())
    }

    pub(crate) fn at(&self, at: Timestamp) -> Snapshot {
        block_on(gather(&*self.store, &Selection::default(), at)).unwrap()
    }
}

/// Keys of Ed25519 that nobody has the private key of.
pub(crate) fn key(number: u8) -> SshKey {
    let name = b"ssh-ed25519";
    let mut blob = vec![0, 0, 0, 11];
    blob.extend(name);
    blob.extend([0, 0, 0, 32]);
    blob.extend([number; 32]);
    SshKey::from_blob(blob).unwrap()
}
