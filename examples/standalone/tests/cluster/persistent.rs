//! A client that goes on with its order whatever happens, and counts what it noticed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::platform::Platform;

/// What the clients and whoever kills under them share.
pub(crate) struct Shared {
    /// What clients may notice.
    expected: &'static [&'static str],
    stop: AtomicBool,
    /// How many steps were taken.
    steps: watch::Sender<usize>,
    /// How often they did.
    pub(crate) noticed: AtomicUsize,
    /// How often one step failed in a row, at most.
    pub(crate) worst: AtomicUsize,
}

/// A certificate, and the order that it came from.
pub(crate) struct Held {
    pub(crate) order: String,
    pub(crate) chain: String,
}

/// Registers, and obtains certificates until it is told to stop.
async fn run(
    root: impl AsRef<Path>,
    directory: String,
    answers: impl AsRef<Path>,
    name: String,
    shared: Arc<Shared>,
) -> Vec<Held> {
    let mut client = Client {
        account: account(root.as_ref(), &directory, &shared).await,
        failures: 0,
        shared,
    };
    let mut held = Vec::new();
    while !client.shared.stop.load(Ordering::Relaxed) {
        let name = format!("n{}.{name}.example", held.len());
        held.push(client.obtain(&name, answers.as_ref()).await);
    }
    held
}

async fn account(root: &Path, directory: &str, shared: &Shared) -> Account {
    let new = NewAccount {
        contact: &[],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    loop {
        let builder = Account::builder_with_root(root).unwrap();
        match builder.create(&new, directory.to_owned(), None).await {
            Ok((account, _)) => return account,
            Err(error) => shared.note(&error),
        }
    }
}

impl Shared {
    /// Waits until the clients have taken so many steps more.
    pub(crate) async fn later(&self, steps: usize) {
        let mut taken = self.steps.subscribe();
        let target = *taken.borrow() + steps;
        let reached = taken.wait_for(|taken| *taken >= target);
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        reached.expect("the clients go on").unwrap();
    }

    /// Lets every client complete its order; gives what they hold.
    pub(crate) async fn end(&self, clients: Vec<JoinHandle<Vec<Held>>>) -> Vec<Held> {
        self.stop.store(true, Ordering::Relaxed);
        let mut held = Vec::new();
        for client in clients {
            held.extend(client.await.unwrap());
        }
        held
    }

    pub(crate) fn new(expected: &'static [&'static str]) -> Arc<Self> {
        Arc::new(Self {
            expected,
            stop: AtomicBool::new(false),
            steps: watch::Sender::new(0),
            noticed: AtomicUsize::new(0),
            worst: AtomicUsize::new(0),
        })
    }

    fn note(&self, error: &Error) {
        let said = format!("{error:?}");
        let is_expected = self.expected.iter().any(|one| said.contains(one));
        assert!(is_expected, "{said}");
        self.noticed.fetch_add(1, Ordering::Relaxed);
    }
}

struct Client {
    account: Account,
    /// In a row.
    failures: usize,
    shared: Arc<Shared>,
}

impl Client {
    async fn obtain(&mut self, name: &str, answers: &Path) -> Held {
        let key = KeyPair::generate().unwrap();
        let mut request = CertificateParams::new([name.to_owned()]).unwrap();
        request.distinguished_name = DistinguishedName::new();
        let request = request.serialize_request(&key).unwrap();
        let names = [Identifier::Dns(name.to_owned())];
        let mut order = loop {
            let placed = self.account.new_order(&NewOrder::new(&names)).await;
            if let Some(order) = self.noted(placed).await {
                break order;
            }
        };
        loop {
            let step = advance(&mut order, request.der(), answers).await;
            if let Some(Some(chain)) = self.noted(step).await {
                let order = order.url().rsplit('/').next().unwrap().to_owned();
                return Held { order, chain };
            }
        }
    }

    async fn noted<T>(&mut self, step: Result<T, Error>) -> Option<T> {
        self.shared.steps.send_modify(|steps| *steps += 1);
        match step {
            Ok(done) => {
                self.failures = 0;
                Some(done)
            }
            Err(error) => {
                self.failures += 1;
                self.shared
                    .worst
                    .fetch_max(self.failures, Ordering::Relaxed);
                self.shared.note(&error);
                tokio::time::sleep(PAUSE).await;
                None
            }
        }
    }
}

/// One step, from what the server says now: nothing is assumed of what was sent before.
async fn advance(
    order: &mut Order,
    request: &[u8],
    answers: &Path,
) -> Result<Option<String>, Error> {
    match order.refresh().await?.status {
        OrderStatus::Pending => prove(order, answers).await.map(|()| None),
        OrderStatus::Ready => order.finalize_csr(request).await.map(|()| None),
        OrderStatus::Processing => {
            tokio::time::sleep(PAUSE).await;
            Ok(None)
        }
        OrderStatus::Valid => order.certificate().await,
        OrderStatus::Invalid => panic!("an order of ours became invalid: {:?}", order.state()),
    }
}

/// So many clients, under load until they are told to stop.
pub(crate) fn start(
    count: usize,
    runtime: &Runtime,
    platform: &Platform,
    shared: &Arc<Shared>,
) -> Vec<JoinHandle<Vec<Held>>> {
    let client = |number| {
        runtime.spawn(run(
            platform.proxy.root.clone(),
            platform.directory().to_owned(),
            platform.answers(),
            format!("c{number}"),
            Arc::clone(shared),
        ))
    };
    (0..count).map(client).collect()
}

/// Between two looks at something that the server is at work on, or does not do.
const PAUSE: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);

async fn prove(order: &mut Order, answers: &Path) -> Result<(), Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let mut challenge = authorization.challenge(ChallengeType::Http01).unwrap();
        let answer = challenge.key_authorization();
        fs::write(answers.join(&challenge.token), answer.as_str()).unwrap();
        challenge.set_ready().await?;
    }
    Ok(())
}
