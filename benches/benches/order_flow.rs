//! What a whole order costs in the gateway: no socket, no disk, no network for validation. The
//! client's part, five signatures and a certificate request, is in it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use certlocker_acme::{
    Armed, Clock, Config, Gateway, Links, LocalCa, LocalCaSettings, Parts, ProcessNonces,
    Registration, SystemClock, Validator,
};
use certlocker_benches::{AccountKey, Directory, InProcess, Responder, Session, Zone, complete};
use certlocker_core::{Attempt, FileKey, MemoryStore, Outcome, SealedSecrets};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

const BASE: &str = "https://ca.example/acme";

struct Yes;

#[async_trait]
impl Validator for Yes {
    async fn attempt(&self, challenge: &Armed) -> Attempt {
        Attempt {
            elapsed_ms: 0,
            hops: Vec::new(),
            outcome: Outcome::Proved,
            started: challenge.started,
        }
    }
}

async fn router() -> Router {
    let store = Arc::new(MemoryStore::default());
    let folder = tempfile::tempdir().unwrap();
    let mut random = |bytes: &mut [u8]| aws_lc_rs::rand::fill(bytes).unwrap();
    let key = FileKey::open_or_create(folder.path().join("key"), &mut random).unwrap();
    let secrets = Arc::new(SealedSecrets::new(Arc::clone(&store), key));
    let settings = LocalCaSettings {
        organization: "Bench".to_owned(),
        revocation_list: None,
        validity: Duration::from_secs(90 * 86_400),
    };
    let now = SystemClock::default().now();
    let ca = LocalCa::open_or_create(store.as_ref(), secrets.as_ref(), settings, now);
    let parts = Parts {
        clock: Arc::new(SystemClock::default()),
        issuer: Arc::new(ca.await.unwrap()),
        nonces: Arc::new(ProcessNonces::new().unwrap()),
        revocation_lists: None,
        secrets,
        store,
        validator: Arc::new(Yes),
    };
    let mut config = Config::new(Links::new(BASE));
    config.registration = Registration::Open;
    Router::new().nest("/acme", Gateway::new(parts, config).router())
}

async fn session() -> Session<InProcess> {
    let mut transport = InProcess(router().await);
    let url = format!("{BASE}/directory");
    let directory = Directory::read(&mut transport, &url).await.unwrap();
    let key = Arc::new(AccountKey::generate().unwrap());
    let mut session = Session::new(transport, Arc::new(directory), key, None);
    session.register().await.unwrap();
    session
}

fn order_flow(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut session = runtime.block_on(session());
    let (responder, zone) = (Responder::default(), Zone::unique());
    let mut group = criterion.benchmark_group("order_flow");
    group.throughput(Throughput::Elements(1));
    group.bench_function("memory", |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(complete(&mut session, &zone.fresh(), &responder))
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, order_flow);
criterion_main!(benches);
