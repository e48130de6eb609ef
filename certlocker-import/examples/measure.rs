//! How long a plan takes and how much memory: `cargo run --release -p certlocker-import --example
//! measure [HOSTS]`.
//!
//! As many machines are found as hosts are known; one in a hundred has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use certlocker_core::host::{
    AccessOrigin, AddressKind, CloudId, Difference, Facts, Group, Host, HostAddress, HostState,
    Login, Power, Provider,
};
use certlocker_core::import::LineCounts;
use certlocker_core::{Actor, Attribution, GroupId, ImportPlanId, Timestamp, Trigger};
use certlocker_import::found::{Discovery, FoundHost, Scope};
use certlocker_import::reconcile::{Known, KnownHost, reconcile};
use certlocker_import::rules::Rules;

/// Every so many machines one has changed.
const CHANGED: usize = 100;
const ENVIRONMENTS: usize = 8;

fn main() {
    let hosts = std::env::args().nth(1).map_or(100_000, |text| {
        text.parse().expect("the argument is a number of hosts")
    });
    let rules = Rules {
        groups: vec![
            "{tag:env}".parse().expect("it is a rule"),
            "sg-{security_group} if region = eu-*"
                .parse()
                .expect("it is a rule"),
        ],
        logins: BTreeMap::new(),
    };
    let known = known(hosts, &rules);
    let discovery = Discovery {
        complete: vec![Scope::of(&cloud(0))],
        hosts: (0..hosts)
            .map(|at| machine(at, at.is_multiple_of(CHANGED)))
            .collect(),
        ..Discovery::default()
    };
    let before = resident();
    let (started, worked) = (Instant::now(), processor_time());
    let lines = reconcile(discovery, &known, &rules, &[]);
    let (took, worked) = (started.elapsed(), processor_time() - worked);
    let counts = LineCounts::of(&lines);
    println!(
        "{hosts} found, {hosts} known: {worked} ms of a processor in {took:.1?}; {} exist, {} update; {before} MiB before, {} MiB at most",
        counts.exists,
        counts.update,
        peak(),
    );
}

fn cloud(at: usize) -> CloudId {
    let instance = format!("i-{at:017x}");
    CloudId::new(Provider::Aws, "123456789012", "eu-west-1", &instance).expect("it is one")
}

fn machine(at: usize, changed: bool) -> FoundHost {
    let octets = u32::try_from(at)
        .expect("so many addresses there are")
        .to_be_bytes();
    let [_, b, c, d] = octets;
    let address = |a, kind| HostAddress {
        ip: [a, b, c, d].into(),
        kind,
    };
    let environment = format!("env-{}", at % ENVIRONMENTS);
    FoundHost {
        cloud: cloud(at),
        facts: Facts {
            addresses: [
                address(10, AddressKind::Private),
                address(100, AddressKind::Floating),
            ]
            .into(),
            hostnames: [format!("ip-10-{b}-{c}-{d}.eu-west-1.compute.internal")].into(),
            image: Some("ami-0123456789abcdef0".to_owned()),
            key_pair: Some("deploy".to_owned()),
            launched: Some(Timestamp::from_seconds(1_700_000_000)),
            platform: Some("Linux/UNIX".to_owned()),
            power: if changed {
                Power::Stopped
            } else {
                Power::Running
            },
            ..Facts::default()
        },
        image_login: None,
        image_name: Some("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64".to_owned()),
        image_owner: Some("099720109477".to_owned()),
        managed_by: None,
        name: Some(format!("web-{at}")),
        network: Some("vpc-0123456789abcdef0".to_owned()),
        scaling_group: None,
        security_groups: vec!["default".to_owned(), "web".to_owned()],
        subnet: None,
        tags: [
            ("env".to_owned(), environment),
            ("Name".to_owned(), format!("web-{at}")),
        ]
        .into(),
    }
}

/// The hosts as an import of the same machines would have made them.
fn known(hosts: usize, rules: &Rules) -> Known {
    let mut counter = 0_u64;
    let mut random = |bytes: &mut [u8]| {
        counter += 1;
        bytes.fill(0);
        bytes[..8].copy_from_slice(&counter.to_be_bytes());
    };
    let now = Timestamp::from_seconds(1_700_000_001);
    let by = Attribution::new(Actor::Command("measure".to_owned()), Trigger::Command);
    let origin = AccessOrigin::Import {
        line: 1,
        plan: ImportPlanId::first_at(now),
    };
    let mut groups: BTreeMap<String, GroupId> = BTreeMap::new();
    let mut all = Vec::with_capacity(hosts);
    for at in 0..hosts {
        let found = machine(at, false);
        let names: BTreeSet<String> = rules.groups_of(&found);
        let of = names.into_iter().map(|name| {
            let id = *groups.entry(name.clone()).or_insert_with(|| {
                *Group::create(&name, None, &origin, &mut random, now)
                    .next()
                    .id()
            });
            (id, origin.clone())
        });
        let state = HostState {
            cloud: Some(found.cloud),
            facts: found.facts,
            groups: of.collect(),
            login: Some(Login {
                origin: origin.clone(),
                reason: "image".to_owned(),
                user: "ubuntu".to_owned(),
            }),
            name: found.name.unwrap_or_default(),
            named_by: origin.clone(),
        };
        let host = Host::adopt(state, Difference::default(), &origin, &mut random, now);
        all.push(KnownHost {
            host: host.by(&by).after(),
            keys: BTreeSet::new(),
        });
    }
    Known {
        groups: groups.into_iter().map(|(name, id)| (id, name)).collect(),
        hosts: all,
    }
}

/// What the process has used of processors, in milliseconds; 0 where nobody says.
fn processor_time() -> u64 {
    const MILLISECONDS_A_TICK: u64 = 10;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum::<u64>()
        * MILLISECONDS_A_TICK
}

fn resident() -> usize {
    status("VmRSS:")
}

fn peak() -> usize {
    status("VmHWM:")
}

/// A line of /proc/self/status, in MiB; 0 where there is none.
fn status(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or_default() / 1024
}
