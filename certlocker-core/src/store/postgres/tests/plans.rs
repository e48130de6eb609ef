//! How each statement is answered among a million orders: by the plan that is pinned in `plans.txt`.

use tokio_postgres::{Client, NoTls};

use super::super::history::Part;
use super::super::{copy, history, leases, nonces, schema, sql, writer};
use super::server::Server;
use crate::store::{Direction, RecordQuery};
use crate::{Actor, Component, OrderId, PostgresStore, Sequence, Subject, Timestamp};

/// Every tenth has a record: a million would take longer to fill in than everything else together.
const FILL: &str = r#"
    SET synchronous_commit = off;
    CREATE TEMP VIEW n AS SELECT i, lpad(i::text, 26, '0') AS key FROM generate_series(1, 1000000) AS i;
    INSERT INTO row SELECT 'order', key, 1, '[]' FROM n;
    INSERT INTO entry SELECT 'order', 'listed', (i / 1000)::text, key, false FROM n;
    INSERT INTO entry SELECT 'order', 'due', '2023-11-' || lpad(i::text, 10, '0'), key, false FROM n;
    INSERT INTO record SELECT i, 'CLA0' || i % 70, convert_to(format(
        '{"actor":"account:%s","cause":{},"time":"2023-11-%s","v":1}', i % 900, lpad(i::text, 19, '0')), 'UTF8')
        FROM n WHERE i % 10 = 0;
    INSERT INTO record_span SELECT (sequence - 1) / 1024 AS block, min(time), max(time)
        FROM record WHERE sequence <= 976 * 1024 GROUP BY 1;
    INSERT INTO record_subject SELECT 'account:' || i / 1000, i FROM n WHERE i % 10 = 0;
    ANALYZE
"#;

/// Where statements are written down, besides those of the writing connection.
const SOURCES: [&str; 5] = [
    include_str!("../sql.rs"),
    include_str!("../leases.rs"),
    include_str!("../nonces.rs"),
    include_str!("../history.rs"),
    include_str!("../copy.rs"),
];
/// What is no statement, or none with a plan.
const OTHERS: [&str; 3] = ["LAST", "RESTORE", "SNAPSHOT"];

macro_rules! of {
    ($file:ident: $($name:ident)+) => {
        [$((concat!(stringify!($file), "::", stringify!($name)), $file::$name)),+]
    };
}

fn statements() -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::new();
    all.extend(
        of!(sql: ROW KEYS_UP KEYS_DOWN ENTRIES_UP ENTRIES_DOWN COUNT_KEYS_UP COUNT_KEYS_DOWN
        COUNT_ENTRIES_UP COUNT_ENTRIES_DOWN RECORDS RECORDS_ABOUT),
    );
    all.extend(of!(leases: CLAIM CLAIM_DUE RENEW RELEASE FORGET));
    all.extend(of!(nonces: EPOCH NEW_EPOCH SPEND FORGET));
    all.extend(of!(history: STORED NOTED NOTE));
    all.extend(of!(copy: ROWS ENTRIES HEAD USED PUT ENTER APPEND ABOUT ADVANCE));
    all
}

#[test]
fn every_statement_that_is_written_down_is_looked_at() {
    let constants = SOURCES.iter().flat_map(|source| source.lines());
    let names = constants.filter_map(|line| {
        let (_, rest) = line.split_once("const ")?;
        let (name, rest) = rest.split_once(": &str")?;
        (rest.starts_with(" =") && !OTHERS.contains(&name)).then_some(name)
    });
    let mut written: Vec<&str> = names.collect();
    let all = statements();
    let mut looked_at: Vec<&str> = all
        .iter()
        .filter_map(|(name, _)| name.rsplit(':').next())
        .collect();
    written.sort_unstable();
    looked_at.sort_unstable();
    assert_eq!(looked_at, written);
}

/// The plan for whatever a statement is given, as the store's connections make it.
async fn plan(client: &Client, text: &str) -> Vec<String> {
    client
        .batch_execute(&format!("PREPARE asked AS {text}"))
        .await
        .unwrap();
    let count = "SELECT coalesce(cardinality(parameter_types), 0) FROM pg_prepared_statements \
        WHERE name = 'asked'";
    let count: i32 = client.query_one(count, &[]).await.unwrap().get(0);
    let nothing = vec!["NULL"; usize::try_from(count).unwrap()].join(", ");
    let given = if count > 0 {
        format!("({nothing})")
    } else {
        String::new()
    };
    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE asked{given}");
    let lines = client.simple_query(&explain).await.unwrap();
    client.batch_execute("DEALLOCATE asked").await.unwrap();
    let lines = lines.iter().filter_map(|line| match line {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    lines
        .map(|line| line.trim_start_matches([' ', '-', '>']).to_owned())
        .collect()
}

/// Whether there is a first row, asked of an empty database only; and what is done once a minute
/// to a table that has a row for each work under way.
const WHOLE: [&str; 2] = ["copy::USED", "leases::FORGET"];
/// Tables of one row.
const SMALL: [&str; 2] = ["ledger_head", "nonce_epoch"];

/// That no table is read from one end to the other, nor an index but by a condition.
fn is_found(name: &str, plan: &[String]) {
    if WHOLE.contains(&name) {
        return;
    }
    for pair in plan.windows(2) {
        let is_scan = pair[0].starts_with("Index Scan") || pair[0].starts_with("Index Only Scan");
        // It has a row for a thousand records, and is read in order up to the first that fits.
        let is_scan = is_scan && !pair[0].contains(" on record_span");
        let whole = is_scan && !pair[1].starts_with("Index Cond");
        assert!(!whole, "{name}: {plan:?}");
    }
    let scans = plan
        .iter()
        .filter_map(|step| step.split_once("Seq Scan on "));
    let mut tables = scans.filter_map(|(_, table)| table.split(' ').next());
    assert!(
        tables.all(|table| SMALL.contains(&table)),
        "{name}: {plan:?}"
    );
}

/// Questions with every combination of conditions.
fn questions() -> Vec<(String, bool)> {
    let (at, mut all) = (Timestamp::from_seconds(1_700_000_000), Vec::new());
    for parts in 0..64_u32 {
        let has = |bit: u32| parts >> bit & 1 == 1;
        for direction in [Direction::OldestFirst, Direction::NewestFirst] {
            let query = RecordQuery {
                about: has(0).then(|| Subject::Order(OrderId::first_at(at))),
                actor: has(1).then_some(Actor::Server(Component::Startup)),
                after: has(2).then(|| Sequence::new(5)),
                code: has(3).then(|| "CLA120I".to_owned()),
                since: has(4).then_some(at),
                until: has(5).then_some(at),
                direction,
                limit: 7,
            };
            let by_time = has(4) || has(5);
            let parts = [Part::Blocks(9_999 * 1_024), Part::Rest(9_999 * 1_024)];
            let parts = if by_time { &parts[..] } else { &[Part::All] };
            for part in parts {
                all.push((history::question(&query, *part, query.limit).0, by_time));
            }
        }
    }
    all
}

#[test]
fn every_statement_has_its_plan_among_a_million_orders() {
    let Some(server) = Server::start() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let url = server.url("postgres");
        PostgresStore::open(&url).await.unwrap().close().await;
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(FILL).await.unwrap();
        client.batch_execute(schema::SESSION).await.unwrap();
        let mut plans = String::new();
        let writing = writer::NAMED.iter().copied();
        let writing = writing.filter(|(name, _)| !["Begin", "Commit", "Rollback"].contains(name));
        for (name, text) in statements().into_iter().chain(writing) {
            let plan = plan(&client, text).await;
            is_found(name, &plan);
            plans += &format!("{name}: {}\n", plan.join("; "));
        }
        assert_eq!(
            plans,
            include_str!("plans.txt"),
            "the plans are now\n{plans}"
        );
        for (question, by_time) in questions() {
            let plan = plan(&client, &question).await;
            // Times are not in the order of the sequence, and what is found by them may be sorted.
            let sorted = plan.iter().any(|step| step.starts_with("Sort"));
            assert!(by_time || !sorted, "{question}: {plan:?}");
            // What asks for nothing else reads records in their order, up to the limit.
            if question.contains("WHERE true") {
                continue;
            }
            is_found(&question, &plan);
        }
    });
}
