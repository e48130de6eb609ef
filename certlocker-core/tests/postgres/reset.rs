//! Connections that are reset after some number of bytes, whatever is on its way: what is answered is
//! what is stored.

use std::env;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use certlocker_core::PostgresStore;
use tokio::io::{AsyncReadExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::crash::{are_true, reaches, write};
use crate::scene::{Scene, runtime};

const WRITERS: usize = 6;
const RESETS: usize = 40;
/// More bytes than a connection takes to be set up, and some transactions.
const BYTES: u64 = 12_000;

/// A way to the server on which every connection is reset, until so many were.
struct Way {
    port: u16,
    resets: Arc<AtomicUsize>,
}

impl Way {
    async fn to(port: u16, random: fastrand::Rng) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let resets = Arc::new(AtomicUsize::new(0));
        let (counted, random) = (Arc::clone(&resets), Mutex::new(random));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (bytes, of_client) = {
                    let mut random = random.lock().unwrap();
                    (random.u64(..BYTES), random.bool())
                };
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    if counted.load(Ordering::SeqCst) >= RESETS {
                        pass(client, server, u64::MAX).await;
                    } else if of_client {
                        pass(client, server, bytes).await;
                    } else {
                        pass(server, client, bytes).await;
                    }
                    counted.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { port: own, resets }
    }
}

/// Passes so many bytes on from one to the other, and anything back; then resets both.
async fn pass(mut one: TcpStream, mut other: TcpStream, bytes: u64) {
    let (from_one, mut to_one) = one.split();
    let (mut from_other, mut to_other) = other.split();
    let mut forth = from_one.take(bytes);
    tokio::select! {
        _ = copy(&mut forth, &mut to_other) => {}
        _ = copy(&mut from_other, &mut to_one) => {}
    }
    one.set_zero_linger().unwrap();
    other.set_zero_linger().unwrap();
}

fn seeded() -> fastrand::Rng {
    let given = env::var("CERTLOCKER_TEST_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("CERTLOCKER_TEST_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

#[test]
fn connections_that_are_reset_anywhere_are_answered_with_the_truth() {
    let Some(scene) = Scene::new() else { return };
    runtime().block_on(async {
        let way = Way::to(scene.server.port(), seeded()).await;
        let port = |port: u16| format!(":{port}/");
        let url = scene
            .url
            .replace(&port(scene.server.port()), &port(way.port));
        let url = format!("{url}&sslmode=disable");
        let (end, stop) = watch::channel(false);
        let count = Arc::new(AtomicUsize::new(0));
        let mut writers = Vec::new();
        for node in 0..2 {
            let store = loop {
                // Opening is interrupted like everything else.
                if let Ok(store) = PostgresStore::open(&url).await {
                    break store;
                }
            };
            for writer in 0..WRITERS {
                let name = format!("{node}-{writer}");
                let (count, stop) = (Arc::clone(&count), stop.clone());
                writers.push(tokio::spawn(write(store.clone(), name, count, stop)));
            }
        }
        reaches(&way.resets, RESETS).await;
        let before = count.load(Ordering::SeqCst);
        reaches(&count, before + 50).await;
        end.send(true).unwrap();
        let mut told = Vec::new();
        for writer in writers {
            told.push(writer.await.unwrap());
        }
        are_true(&scene.open().await, &told).await;
    });
}
