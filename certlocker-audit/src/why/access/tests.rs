use certlocker_core::host::{
    Access, AccessTarget, Difference, Facts, Host, HostState, Login, NewAccess,
};
use certlocker_core::import::{LineCounts, NewPlan, Plan};
use certlocker_core::{
    Actor, Aggregate, Attribution, Changeset, Component, Grant, ImportPlanId, MemoryStore,
    NewToken, SshKey, Token, TokenId, TokenScopes, TokenText, Transition, Trigger,
};
use pollster::block_on;

use super::*;
use crate::why::sentence;

const KEYS: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICl8mDhJUnCgWCUn8nFOz3nQ1mS6EvHeYLwNCyOGdM7P",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEEEEDhJUnCgWCUn8nFOz3nQ1mS6EvHeYLwNCyOGdM7P",
];

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + second)
}

fn key(number: usize) -> SshKey {
    KEYS[number].parse().unwrap()
}

/// What a token does.
fn with(token: TokenId) -> Attribution {
    let by = Attribution::new(Actor::Token(token), Trigger::Request("r".to_owned()));
    by.because_of(Subject::Token(token))
}

#[derive(Default)]
struct World {
    store: MemoryStore,
}

impl World {
    fn commit<T: Aggregate>(&self, transition: Transition<T>, by: &Attribution) -> T {
        let value = transition.next().clone();
        block_on(self.store.commit(transition.by(by).into())).unwrap();
        value
    }

    /// The token of the first start, and one that it made.
    fn tokens(&self) -> [TokenId; 2] {
        let new = |reason: &str| NewToken {
            grant: Grant {
                expires: at(900),
                networks: Default::default(),
                scopes: TokenScopes::admin(),
            },
            owner: None,
            reason: reason.to_owned(),
        };
        let text = |number: u8| TokenText::draw(&mut |bytes: &mut [u8]| bytes.fill(number), at(0));
        let by = Attribution::new(Actor::Server(Component::Startup), Trigger::Startup);
        let first = Token::root(new("the first"), &text(1), at(0)).by(&by);
        let above = first.after();
        block_on(self.store.commit(first.into())).unwrap();
        let first = *above.value.id();
        let (counted, child) = above.child(new("for ann"), &text(2), at(1)).unwrap();
        let second = *child.next().id();
        let changes = Changeset::of(counted.by(&with(first))).and(child.by(&with(first)));
        block_on(self.store.commit(changes)).unwrap();
        [first, second]
    }

    fn plan(&self, by: &Attribution) -> ImportPlanId {
        let new = NewPlan {
            batches: 1,
            computed_from: "00".to_owned(),
            counts: LineCounts::default(),
            failures: Vec::new(),
            source: "openstack p1 one".to_owned(),
            undoes: None,
        };
        *self
            .commit(Plan::create(new, &mut |bytes| bytes.fill(3), at(2)), by)
            .id()
    }

    fn host(&self, origin: &AccessOrigin, by: &Attribution) -> HostId {
        let state = HostState {
            cloud: None,
            facts: Facts::default(),
            groups: Default::default(),
            login: Some(Login {
                origin: origin.clone(),
                reason: "the image's".to_owned(),
                user: "ubuntu".to_owned(),
            }),
            name: "web".to_owned(),
            named_by: origin.clone(),
        };
        let random = &mut |bytes: &mut [u8]| bytes.fill(4);
        *self
            .commit(
                Host::adopt(state, Difference::default(), origin, random, at(3)),
                by,
            )
            .id()
    }

    fn grant(&self, new: NewAccess, second: i64, by: &Attribution) {
        let mut random = |bytes: &mut [u8]| bytes.fill(u8::try_from(second).unwrap());
        self.commit(Access::grant(new, &mut random, at(second)), by);
    }

    fn ask(&self, question: &AccessQuestion) -> Vec<AccessAnswer> {
        block_on(access(&self.store, question)).unwrap()
    }
}

fn entry(host: HostId, origin: &AccessOrigin, number: usize, login: Option<&str>) -> NewAccess {
    NewAccess {
        expires: None,
        key: key(number),
        login: login.map(str::to_owned),
        origin: origin.clone(),
        target: AccessTarget::Host(host),
        who: format!("key {number}"),
    }
}

fn question(host: HostId) -> AccessQuestion {
    AccessQuestion {
        host,
        key: None,
        limit: 10,
        login: None,
        until: at(800),
    }
}

/// A host with a key by an import with the second token, and one for `deploy` by hand.
fn imported() -> (World, HostId, [TokenId; 2], ImportPlanId) {
    let world = World::default();
    let tokens = world.tokens();
    let planner = Attribution::new(Actor::Command("jo".to_owned()), Trigger::Command);
    let plan = world.plan(&planner);
    let origin = AccessOrigin::Import { line: 3, plan };
    let host = world.host(&origin, &with(tokens[1]));
    world.grant(entry(host, &origin, 0, None), 4, &with(tokens[1]));
    let by_hand = entry(host, &AccessOrigin::Manual, 1, Some("deploy"));
    world.grant(by_hand, 5, &planner);
    (world, host, tokens, plan)
}

#[test]
fn an_import_is_told_with_its_plan_whoever_applied_it_and_who_let_them() {
    let (world, host, [first, second], plan) = imported();
    let answers = world.ask(&question(host));
    assert_eq!(answers.len(), 2);
    let import = &answers[1];
    assert_eq!(import.origin, Some(AccessOrigin::Import { line: 3, plan }));
    let said = sentence(&import.change.record);
    let whole = format!("by line 3 of plan {plan}, which token:{second} applied.");
    assert!(said.ends_with(&whole), "{said}");
    let planned: Vec<String> = import
        .planned
        .iter()
        .map(|step| sentence(&step.record))
        .collect();
    assert_eq!(
        planned,
        [format!(
            "plan {plan} of an import (openstack p1 one) was made by command:jo."
        )]
    );
    let made_by: Vec<String> = import
        .way
        .iter()
        .map(|step| step.record.actor.to_string())
        .collect();
    assert_eq!(
        made_by,
        [format!("token:{first}"), "server:startup".to_owned()]
    );
}

#[test]
fn the_newest_change_is_told_first_and_one_by_hand_has_no_plan() {
    let (world, host, ..) = imported();
    let mut newest = question(host);
    newest.limit = 1;
    let answers = world.ask(&newest);
    let [by_hand] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(by_hand.origin, Some(AccessOrigin::Manual));
    assert_eq!((by_hand.planned.len(), by_hand.way.len()), (0, 0));
}

#[test]
fn a_key_or_an_account_picks_the_changes_that_it_is_in() {
    let (world, host, ..) = imported();
    let one = |change: &dyn Fn(&mut AccessQuestion)| {
        let mut asked = question(host);
        change(&mut asked);
        let answers = world.ask(&asked);
        let lines = answers
            .iter()
            .flat_map(|answer| &answer.change.difference.gained);
        lines.map(|line| line.who.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        one(&|asked| asked.key = Some(key(0).fingerprint())),
        ["key 0"]
    );
    assert_eq!(
        one(&|asked| asked.login = Some("deploy".to_owned())),
        ["key 1"]
    );
    assert_eq!(one(&|asked| asked.login = Some("root".to_owned())).len(), 0);
}
