//! A server that is stopped at once, under load, and started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use certlocker_core::{Ledger, PostgresStore, Sequence, SpentNonce, SpentNonces, StoreError};
use tokio::sync::watch;

use crate::nouns::{at, fact};
use crate::scene::runtime;
use crate::server::Server;

const WRITERS: usize = 8;
const CRASHES: usize = 3;
/// How many commits have to be acknowledged between two crashes.
const COMMITS: usize = 200;

/// What one writer was told: the places of what was written, and how often it was left in doubt.
#[derive(Default)]
pub(crate) struct Told {
    acknowledged: Vec<(Sequence, String)>,
    refused: Vec<String>,
    in_doubt: usize,
}

pub(crate) async fn write(
    node: PostgresStore,
    name: String,
    count: Arc<AtomicUsize>,
    stop: watch::Receiver<bool>,
) -> Told {
    let mut told = Told::default();
    for time in 0.. {
        if *stop.borrow() {
            break;
        }
        let label = format!("{name}-{time}");
        match node.commit(fact(&label)).await {
            Ok(place) => {
                told.acknowledged.push((place, label));
                count.fetch_add(1, Ordering::SeqCst);
            }
            Err(StoreError::Unavailable(_)) => {
                told.refused.push(label);
                tokio::task::yield_now().await;
            }
            Err(StoreError::Indeterminate(_)) => told.in_doubt += 1,
            Err(error) => panic!("nobody else writes this: {error}"),
        }
    }
    told
}

pub(crate) async fn reaches(count: &AtomicUsize, wanted: usize) {
    while count.load(Ordering::SeqCst) < wanted {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

#[test]
fn what_was_acknowledged_is_there_after_the_server_was_stopped_at_once() {
    let Some(server) = Server::start() else {
        return;
    };
    runtime().block_on(async {
        let url = server.url("postgres");
        let (end, stop) = watch::channel(false);
        let count = Arc::new(AtomicUsize::new(0));
        let mut writers = Vec::new();
        for node in 0..2 {
            let store = PostgresStore::open(&url).await.unwrap();
            for writer in 0..WRITERS {
                let name = format!("{node}-{writer}");
                let (count, stop) = (Arc::clone(&count), stop.clone());
                writers.push(tokio::spawn(write(store.clone(), name, count, stop)));
            }
        }
        for crash in 1..=CRASHES {
            reaches(&count, crash * COMMITS).await;
            server.control(&["-m", "immediate", "stop"]);
            server.control(&["-w", "start"]);
        }
        reaches(&count, (CRASHES + 1) * COMMITS).await;
        end.send(true).unwrap();
        let mut told = Vec::new();
        for writer in writers {
            told.push(writer.await.unwrap());
        }
        let store = PostgresStore::open(&url).await.unwrap();
        are_true(&store, &told).await;
    });
}

pub(crate) async fn are_true(store: &PostgresStore, told: &[Told]) {
    let records = store.records(None, Sequence::START, usize::MAX).await;
    let records = records.unwrap();
    let places: Vec<u64> = records.iter().map(|record| record.sequence.get()).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>());
    let texts: Vec<String> = records.iter().map(|r| format!("{:?}", r.event)).collect();
    let (mut acknowledged, mut refused, mut in_doubt) = (0, 0, 0);
    for told in told {
        acknowledged += told.acknowledged.len();
        refused += told.refused.len();
        in_doubt += told.in_doubt;
        for (place, label) in &told.acknowledged {
            let text = &texts[usize::try_from(place.get()).unwrap() - 1];
            assert!(text.contains(&format!("\"{label}\"")), "{label}: {text}");
        }
        for label in &told.refused {
            let quoted = format!("\"{label}\"");
            assert!(!texts.iter().any(|text| text.contains(&quoted)), "{label}");
        }
    }
    eprintln!("{acknowledged} acknowledged, {refused} refused, {in_doubt} in doubt");
    assert!(texts.len() >= acknowledged && texts.len() <= acknowledged + in_doubt);
}

#[test]
fn a_nonce_that_a_crash_made_the_server_forget_is_not_spent_again() {
    let Some(server) = Server::start() else {
        return;
    };
    runtime().block_on(async {
        let store = PostgresStore::open(&server.url("postgres")).await.unwrap();
        let nonce = SpentNonce {
            epoch: store.nonce_epoch().await.unwrap(),
            number: [7; 16],
            until: at(60),
        };
        assert!(store.spend_nonce(&nonce).await.unwrap());
        server.control(&["-m", "immediate", "stop"]);
        server.control(&["-w", "start"]);
        assert!(!store.spend_nonce(&nonce).await.is_ok_and(|spent| spent));
        let epoch = store.nonce_epoch().await.unwrap();
        assert_ne!(epoch, nonce.epoch);
        assert!(!store.spend_nonce(&nonce).await.unwrap());
        let fresh = SpentNonce { epoch, ..nonce };
        assert!(store.spend_nonce(&fresh).await.unwrap());
    });
}
