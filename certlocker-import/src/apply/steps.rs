//! Lines of a plan as changes of hosts, groups and entries.

use std::collections::{BTreeMap, BTreeSet};

use certlocker_core::host::{
    Access, AccessLine, AccessOrigin, AccessTarget, Difference, Group, Host, HostState, Login,
    NewAccess, Through,
};
use certlocker_core::import::{Action, Applied, Choice, KeyProposal, Line, Plan, Proposal, Target};
use certlocker_core::{
    Attribution, Changeset, GroupId, HostId, ImportPlanId, StoreError, Timestamp, Versioned,
};

use super::book::{Book, Gathered, entries};
use crate::plan::Stores;

/// Puts the changes of one batch together.
pub(super) struct Steps<'a, S: ?Sized> {
    book: Book,
    gathered: Gathered<'a>,
    now: Timestamp,
    plan: ImportPlanId,
    random: &'a mut (dyn FnMut(&mut [u8]) + Send),
    store: &'a S,
    undoes: Option<ImportPlanId>,
}

/// What a line did, or why it does not fit what is there.
type Step = Result<Option<Applied>, String>;

impl<'a, S: Stores + ?Sized> Steps<'a, S> {
    pub(super) fn new(
        store: &'a S,
        by: &'a Attribution,
        plan: &Plan,
        now: Timestamp,
        random: &'a mut (dyn FnMut(&mut [u8]) + Send),
    ) -> Self {
        Self {
            book: Book::default(),
            gathered: Gathered::new(by),
            now,
            plan: *plan.id(),
            random,
            store,
            undoes: plan.undoes().copied(),
        }
    }

    pub(super) fn with(self, last: Changeset) -> Changeset {
        self.gathered.with(last)
    }

    pub(super) async fn step(&mut self, line: &Line) -> Result<Step, StoreError> {
        let origin = AccessOrigin::Import {
            line: line.number,
            plan: self.plan,
        };
        match &line.action {
            Action::Create(proposal) => self.create(line, proposal, &origin).await,
            Action::Gone { target, .. } => self.change(line, target, &origin, Next::Gone).await,
            Action::Restore { state, target, .. } => {
                self.change(line, target, &origin, Next::State(state)).await
            }
            Action::Update {
                proposal, target, ..
            } => {
                self.change(line, target, &origin, Next::Proposal(proposal))
                    .await
            }
            Action::Conflict { .. } | Action::Exists(_) | Action::Skip { .. } => Ok(Ok(None)),
        }
    }

    async fn create(
        &mut self,
        line: &Line,
        proposal: &Proposal,
        origin: &AccessOrigin,
    ) -> Result<Step, StoreError> {
        if let Some(cloud) = &proposal.cloud
            && self.store.host_by_cloud(cloud).await?.is_some()
        {
            return Ok(Err(format!(
                "line {}: {} came since",
                line.number, proposal.name
            )));
        }
        let state = HostState {
            cloud: proposal.cloud.clone(),
            facts: proposal.facts.clone(),
            groups: self.joined(proposal, origin).await?,
            login: login(proposal, origin),
            name: proposal.name.clone(),
            named_by: by(proposal, Choice::Name, origin),
        };
        let mut after = self.book.ways(self.store, &state, &[], self.now).await?;
        after.extend(proposal.key.as_ref().map(|key| way(key, &state)));
        let gained = Difference::between(&BTreeSet::new(), &after);
        let host = Host::adopt(state, gained, origin, &mut *self.random, self.now);
        let id = *host.next().id();
        self.gathered.add(host);
        if let Some(key) = &proposal.key {
            self.grant(key, origin, id);
        }
        Ok(Ok(Some(Applied {
            host: id,
            version: 1,
        })))
    }

    async fn change(
        &mut self,
        line: &Line,
        target: &Target,
        origin: &AccessOrigin,
        next: Next<'_>,
    ) -> Result<Step, StoreError> {
        let changed = || format!("line {}: {} was changed since", line.number, target.name);
        let host = match self.store.host(&target.host).await {
            Ok(host) if host.version.get() == target.version => host,
            Ok(_) | Err(StoreError::NotFound) => return Ok(Err(changed())),
            Err(error) => return Err(error),
        };
        let transition = self.transition(&host, origin, next).await?;
        let Some(transition) = transition else {
            return Ok(Ok(None));
        };
        self.gathered.add(transition);
        Ok(Ok(Some(Applied {
            host: target.host,
            version: target.version + 1,
        })))
    }

    async fn transition(
        &mut self,
        host: &Versioned<Host>,
        origin: &AccessOrigin,
        next: Next<'_>,
    ) -> Result<Option<certlocker_core::Transition<Host>>, StoreError> {
        let id = *host.value.id();
        let own = entries(self.store, AccessTarget::Host(id), self.now).await?;
        let (taken_back, kept): (Vec<_>, Vec<_>) = own
            .iter()
            .partition(|entry| self.is_taken_back(&entry.value));
        let direct: Vec<&Access> = own.iter().map(|entry| &entry.value).collect();
        let before = match host.value.gone() {
            Some(_) => BTreeSet::new(),
            None => {
                self.book
                    .ways(self.store, &host.value.state(), &direct, self.now)
                    .await?
            }
        };
        for entry in taken_back {
            if let Some(revoked) = entry.revoke(origin, self.now) {
                self.gathered.add(revoked);
            }
        }
        let direct: Vec<&Access> = kept.iter().map(|entry| &entry.value).collect();
        let (state, key) = match next {
            Next::Gone => {
                let lost = Difference::between(&before, &BTreeSet::new());
                return Ok(host.lose(lost, origin, self.now));
            }
            Next::State(state) => (state.clone(), None),
            Next::Proposal(proposal) => {
                let state = self.proposed(&host.value, proposal, origin).await?;
                (state, proposal.key.as_ref())
            }
        };
        let mut after = self
            .book
            .ways(self.store, &state, &direct, self.now)
            .await?;
        after.extend(key.map(|key| way(key, &state)));
        if let Some(key) = key {
            self.grant(key, origin, id);
        }
        Ok(host.update(
            state,
            Difference::between(&before, &after),
            origin,
            self.now,
        ))
    }

    /// An entry of the plan that this one takes back.
    fn is_taken_back(&self, entry: &Access) -> bool {
        self.undoes.is_some() && entry.origin().plan() == self.undoes.as_ref()
    }

    async fn proposed(
        &mut self,
        host: &Host,
        proposal: &Proposal,
        origin: &AccessOrigin,
    ) -> Result<HostState, StoreError> {
        let mut state = host.state();
        state.cloud.clone_from(&proposal.cloud);
        state.facts = proposal.facts.clone();
        if let Some(login) = login(proposal, origin)
            && state
                .login
                .as_ref()
                .is_none_or(|before| before.user != login.user)
        {
            state.login = Some(login);
        }
        if state.name != proposal.name {
            state.name.clone_from(&proposal.name);
            state.named_by = by(proposal, Choice::Name, origin);
        }
        for name in &proposal.leave {
            if let Some(group) = self.book.group(self.store, name).await? {
                state.groups.remove(&group);
            }
        }
        state.groups.extend(self.joined(proposal, origin).await?);
        Ok(state)
    }

    /// The groups that a host joins; those that are missing are made.
    async fn joined(
        &mut self,
        proposal: &Proposal,
        origin: &AccessOrigin,
    ) -> Result<BTreeMap<GroupId, AccessOrigin>, StoreError> {
        let mut groups = BTreeMap::new();
        for name in &proposal.join {
            let id = match self.book.group(self.store, name).await? {
                Some(id) => id,
                None => self.make(name, origin),
            };
            groups.insert(id, by(proposal, Choice::Groups, origin));
        }
        Ok(groups)
    }

    fn grant(&mut self, key: &KeyProposal, origin: &AccessOrigin, host: HostId) {
        let new = NewAccess {
            expires: None,
            key: key.key.clone(),
            login: None,
            origin: origin.clone(),
            target: AccessTarget::Host(host),
            who: key.who.clone(),
        };
        let granted = Access::grant(new, &mut *self.random, self.now);
        self.gathered.add(granted);
    }

    fn make(&mut self, name: &str, origin: &AccessOrigin) -> GroupId {
        let group = Group::create(name, None, origin, &mut *self.random, self.now);
        let id = *group.next().id();
        self.book.made(group.next());
        self.gathered.add(group);
        id
    }
}

/// What a host is to become.
#[derive(Clone, Copy)]
enum Next<'a> {
    Gone,
    Proposal(&'a Proposal),
    State(&'a HostState),
}

fn login(proposal: &Proposal, origin: &AccessOrigin) -> Option<Login> {
    let (user, reason) = proposal.login.as_ref()?;
    Some(Login {
        origin: by(proposal, Choice::Login, origin),
        reason: reason.clone(),
        user: user.clone(),
    })
}

/// What a person chose is theirs, and what was inferred is the import's.
fn by(proposal: &Proposal, choice: Choice, origin: &AccessOrigin) -> AccessOrigin {
    if proposal.chosen.contains(&choice) {
        AccessOrigin::Manual
    } else {
        origin.clone()
    }
}

/// The way to use a host that its key gives.
fn way(key: &KeyProposal, state: &HostState) -> AccessLine {
    AccessLine {
        key: key.key.fingerprint(),
        login: state.login.as_ref().map(|login| login.user.clone()),
        through: Through::Direct,
        who: key.who.clone(),
    }
}
