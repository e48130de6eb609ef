//! How each statement is answered among a million orders: by the plan that is pinned in
//! `plans.txt`, and in as many steps as among two thousand.

use rusqlite::types::Value;
use rusqlite::{Connection, StatementStatus};

use super::super::{copy, history, sql};
use super::Place;

const FEW: u32 = 2_000;
const MANY: u32 = 1_000_000;

/// Where statements are written down.
const SOURCES: [&str; 3] = [
    include_str!("../sql.rs"),
    include_str!("../history.rs"),
    include_str!("../copy.rs"),
];

/// All orders are of one account, which is the worst for its list. Every tenth has a record: a
/// million would take longer to fill in than everything else together.
const TABLES: [&str; 5] = [
    "INSERT INTO row SELECT 'order', printf('%026d', i), 1, x'5b5d' FROM n",
    "INSERT INTO entry SELECT 'order', 'listed', 'A', printf('%026d', i), 0 FROM n",
    "INSERT INTO entry SELECT 'order', 'due', printf('2023-11-%010d', i), printf('%026d', i), 0 FROM n",
    "INSERT INTO record (sequence, code, bytes) SELECT i, 'CLA020I', \
        CAST('{\"actor\":\"server:startup\",\"cause\":{},\"time\":\"2023-11-14T22:13:20.000000Z\",\"v\":1}' AS BLOB) FROM n WHERE i % 10 = 0",
    "INSERT INTO record_subject SELECT 'account:A', i FROM n WHERE i % 10 = 0",
];

fn fill(connection: &Connection, first: u32, last: u32) {
    let range = format!(
        "CREATE TEMP VIEW n AS WITH RECURSIVE n (i) AS \
        (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) SELECT i FROM n"
    );
    // It need not survive anything.
    let quick = "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -262144";
    let tables = TABLES.join("; ");
    let all = format!("{quick}; {range}; BEGIN; {tables}; COMMIT; DROP VIEW n");
    connection.execute_batch(&all).unwrap();
}

fn statements() -> Vec<(&'static str, &'static str)> {
    let others = [
        ("NOTED", history::NOTED),
        ("NOTE", history::NOTE),
        ("STORED", history::STORED),
        ("SUBJECTS", history::SUBJECTS),
        ("ROWS", copy::ROWS),
        ("ENTRIES", copy::ENTRIES),
    ];
    sql::ALL.iter().copied().chain(others).collect()
}

#[test]
fn every_statement_that_is_written_down_is_looked_at() {
    let constants = SOURCES.iter().flat_map(|source| source.lines());
    let names = constants.filter_map(|line| {
        let (_, rest) = line.split_once("const ")?;
        let (name, rest) = rest.split_once(": &str")?;
        (rest.starts_with(" =") && name != "LAST").then_some(name)
    });
    let mut written: Vec<&str> = names.collect();
    let mut looked_at: Vec<&str> = statements().iter().map(|(name, _)| *name).collect();
    written.sort_unstable();
    looked_at.sort_unstable();
    assert_eq!(looked_at, written);
}

fn plan(connection: &Connection, text: &str) -> String {
    let mut plan = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {text}"))
        .unwrap();
    let mut rows = plan.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get::<_, String>("detail").unwrap());
    }
    match steps.is_empty() {
        true => "nothing is looked for".to_owned(),
        false => steps.join("; "),
    }
}

/// What a statement is given, in view of how many orders there are.
fn given(parameter: &str, statement: &str, orders: u32) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    let middle = text(&format!("{:026}", orders / 2));
    match parameter {
        ":after" | ":sequence" if statement.contains("record") => (orders / 2).into(),
        ":kind" => text("order"),
        ":key" | ":after" => middle,
        ":name" if statement == sql::DUE_KEYS => text("due"),
        ":name" => text("listed"),
        ":now" => text("2023-12"),
        ":subject" => text("account:A"),
        ":expected" => 1.into(),
        ":value" => text("A"),
        ":block" => 0.into(),
        ":bytes" | ":snapshot" => Value::Blob(b"[]".to_vec()),
        ":code" => text("CLA020I"),
        ":single" => 0.into(),
        _ => PAGE.into(),
    }
}

const PAGE: u32 = 10;

/// How many steps of its program a statement takes to its end, or to the end of a page. Where it
/// would change something, that is taken back.
fn steps(connection: &Connection, text: &str, orders: u32) -> i32 {
    let mut statement = connection.prepare(text).unwrap();
    for place in 1..=statement.parameter_count() {
        let name = statement
            .parameter_name(place)
            .unwrap_or_default()
            .to_owned();
        let value = match (name.as_str(), text == sql::APPEND) {
            // It has to be new.
            (":sequence", true) => (orders + 1).into(),
            (name, _) => given(name, text, orders),
        };
        statement.raw_bind_parameter(place, value).unwrap();
    }
    connection.execute_batch("SAVEPOINT asked").unwrap();
    let mut rows = statement.raw_query();
    for _ in 0..PAGE {
        if rows.next().unwrap().is_none() {
            break;
        }
    }
    drop(rows);
    let steps = statement.get_status(StatementStatus::VmStep);
    drop(statement);
    connection
        .execute_batch("ROLLBACK TO asked; RELEASE asked")
        .unwrap();
    steps
}

fn looked_at(connection: &Connection, orders: u32) -> Vec<(&'static str, i32)> {
    let all = statements().into_iter();
    all.map(|(name, text)| (name, steps(connection, text, orders)))
        .collect()
}

#[test]
fn a_statement_takes_no_more_steps_among_a_million_orders_than_among_two_thousand() {
    let place = Place::new();
    drop(place.open());
    let connection = place.raw();
    fill(&connection, 1, FEW);
    let among_few = looked_at(&connection, FEW);
    fill(&connection, FEW + 1, MANY);
    assert_eq!(looked_at(&connection, MANY), among_few);
    let plans = statements().into_iter();
    let plans = plans.map(|(name, text)| format!("{name}: {}\n", plan(&connection, text)));
    let plans: String = plans.collect();
    assert_eq!(
        plans,
        include_str!("plans.txt"),
        "the plans are now\n{plans}"
    );
    let scans = plans
        .lines()
        .filter(|plan| plan.contains("SCAN row") || plan.contains("SCAN entry"));
    let scans: Vec<&str> = scans.filter_map(|plan| plan.split(':').next()).collect();
    assert_eq!(
        scans,
        ["ROWS", "ENTRIES"],
        "a copy alone reads whole tables"
    );
    assert!(!plans.contains("SCAN record") && !plans.contains("TEMP B-TREE"));
}
