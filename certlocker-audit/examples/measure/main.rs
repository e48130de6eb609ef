//! How long things take: `cargo run --release -p certlocker-audit --example measure [ENTRIES] [RECORDS]`.

mod appends;
mod hosts;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use certlocker_audit::files::Disk;
use certlocker_audit::log::Log;
use certlocker_audit::note::SigningKey;
use certlocker_audit::pump::Pump;
use certlocker_audit::verify::{Known, verify_store, verify_tiles};
use certlocker_audit::why::{access, renewal, why};
use certlocker_core::{
    AccountId, Actor, Attribution, Changeset, Component, Fact, History, Ledger, NewOrder, Order,
    RecordQuery, SqliteStore, Subject, Timestamp, Trigger,
};
use pollster::block_on;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual| {
        arguments
            .next()
            .map_or(Ok(usual), |text| text.parse::<u64>())
    };
    let (entries, records) = (number(1_000_000)?, number(100_000)?);
    appends::run()?;
    log(entries)?;
    ledger(records)
}

fn key() -> Result<Arc<SigningKey>, Box<dyn Error>> {
    let seed = certlocker_core::Secret::new(vec![7; SigningKey::SEED]);
    let key = SigningKey::from_seed("measure.example/audit".parse()?, &seed)?;
    Ok(Arc::new(key))
}

fn log(entries: u64) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let (files, key) = (Disk::at(directory.path()), key()?);
    let mut log = Log::open(files.clone(), key.clone())?;
    let entry = |number: u64| format!("{number:0>512}").into_bytes();
    let start = Instant::now();
    while log.size() < entries {
        let to = (log.size() + 65_536).min(entries);
        let batch: Vec<_> = (log.size()..to).map(entry).collect();
        log.append(&batch)?;
    }
    say("append", entries, start.elapsed());
    let one = times(50, |number| {
        log.append(&[entry(entries + number)]).map(drop)
    })?;
    show("append one entry, durably", &one);
    let size = log.size();
    let proofs = times(1_000, |number| log.receipt(number * 7_919 % size).map(drop))?;
    show(&format!("receipt at {size} entries"), &proofs);
    let consistency = times(1_000, |number| {
        log.consistency(number * 7_919 % size).map(drop)
    })?;
    show(
        &format!("consistency proof at {size} entries"),
        &consistency,
    );
    let start = Instant::now();
    let report = verify_tiles(&files, key.verifier(), &Known::default());
    assert!(report.is_good(), "{:?}", report.findings);
    say("verify files", report.looked_at, start.elapsed());
    Ok(())
}

fn ledger(records: u64) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(directory.path().join("db"))?);
    let order = fill(&store, records)?;
    let question = hosts::fill(&store, at(records))?;
    let (files, key) = (Disk::at(directory.path().join("audit")), key()?);
    let mut pump = Pump::new(store.clone(), Log::open(files.clone(), key.clone())?);
    let start = Instant::now();
    while block_on(pump.step())?.taken > 0 {}
    say("pump", records, start.elapsed());
    let start = Instant::now();
    let report = block_on(verify_store(
        &*store,
        &*store,
        &files,
        key.verifier(),
        &Known::default(),
    ))?;
    assert!(report.is_good(), "{:?}", report.findings);
    say("verify the store", records, start.elapsed());
    for (name, query) in queries(records) {
        let took = times(200, |_| block_on(store.find_records(&query)).map(drop))?;
        show(&format!("{name} of {records} records"), &took);
    }
    let took = times(200, |_| block_on(why(&*store, order)).map(drop))?;
    show("why an order", &took);
    let took = times(200, |_| block_on(renewal(&*store, order)).map(drop))?;
    show("what happened during a renewal", &took);
    let took = times(200, |_| block_on(access(&*store, &question)).map(drop))?;
    show(
        &format!(
            "the newest of {} changes of access to a host",
            2 * hosts::TIMES
        ),
        &took,
    );
    Ok(())
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + i64::try_from(second).unwrap_or(0))
}

/// Facts by a thousand accounts, with an order in the middle.
fn fill(store: &SqliteStore, records: u64) -> Result<Subject, Box<dyn Error>> {
    let account = |number: u64| AccountId::first_at(at(number % 1_000));
    let mut order = None;
    let mut second = 0;
    while second < records {
        let mut changes: Option<Changeset> = None;
        for number in second..(second + 1_000).min(records) {
            let id = account(number);
            let by = Attribution::new(Actor::Account(id), Trigger::Request("r".to_owned()));
            let fact =
                Fact::request_refused(id, None, "new-order", "malformed", "no names", at(number));
            let more = Changeset::fact(&fact, &by);
            changes = Some(match changes {
                Some(before) => before.merge(more),
                None => more,
            });
        }
        block_on(store.commit(changes.ok_or("no records")?))?;
        second += 1_000;
        if order.is_none() && second >= records / 2 {
            let (id, by) = (
                account(1),
                Attribution::new(Actor::Server(Component::Startup), Trigger::Startup),
            );
            let new = NewOrder {
                account: id,
                client: None,
                expires: at(records * 2),
                identifiers: vec![certlocker_core::Identifier::dns("a.example")?],
                not_after: None,
                not_before: None,
                profile: None,
                proofs: Vec::new(),
            };
            let placed = Order::create(new, None, &mut |bytes| bytes.fill(9), at(second))
                .map_err(|_| "no method proves a.example")?
                .by(&by.because_of(Subject::Account(id)));
            order = Some(Subject::Order(*placed.after().value.id()));
            block_on(store.commit(placed.into()))?;
        }
    }
    order.ok_or_else(|| "no order was placed".into())
}

fn queries(records: u64) -> Vec<(&'static str, RecordQuery)> {
    let page = || RecordQuery::newest(50);
    let account = AccountId::first_at(at(7));
    let mut all = vec![("the newest", page())];
    let mut add = |name, change: &dyn Fn(&mut RecordQuery)| {
        let mut query = page();
        change(&mut query);
        all.push((name, query));
    };
    add("by actor", &|query| {
        query.actor = Some(Actor::Account(account))
    });
    add("by action", &|query| {
        query.code = Some("CLA131E".to_owned())
    });
    add("by rare action", &|query| {
        query.code = Some("CLA020I".to_owned())
    });
    add("by subject", &|query| {
        query.about = Some(Subject::Account(account))
    });
    add("by a time long ago", &|query| {
        query.until = Some(at(records / 20))
    });
    add("by any time", &|query| query.since = Some(at(0)));
    add("by actor, action and time", &|query| {
        query.actor = Some(Actor::Account(account));
        query.code = Some("CLA131E".to_owned());
        query.until = Some(at(records / 2));
    });
    add("by what nobody did", &|query| {
        query.actor = Some(Actor::Command("nobody".to_owned()));
        query.code = Some("CLA131E".to_owned());
    });
    all
}

fn times<E>(count: u64, mut what: impl FnMut(u64) -> Result<(), E>) -> Result<Vec<Duration>, E> {
    let mut all = Vec::new();
    for number in 0..count {
        let start = Instant::now();
        what(number)?;
        all.push(start.elapsed());
    }
    all.sort_unstable();
    Ok(all)
}

fn show(what: &str, sorted: &[Duration]) {
    let part = |share: usize| sorted[(sorted.len() - 1) * share / 100];
    println!("{what}: median {:?}, 99 % within {:?}", part(50), part(99));
}

fn say(what: &str, count: u64, took: Duration) {
    let each = count as f64 / took.as_secs_f64();
    println!("{what}: {count} in {took:.2?}, {each:.0} a second");
}
