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
use tokio::sync::watch;

/// What the clients and whoever kills under them share.
pub(crate) struct Shared {
    pub(crate) stop: AtomicBool,
    /// How many steps were taken.
    pub(crate) steps: watch::Sender<usize>,
    /// Requests that were refused for what happened to a gateway.
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
pub(crate) async fn run(
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
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            stop: AtomicBool::new(false),
            steps: watch::Sender::new(0),
            noticed: AtomicUsize::new(0),
            worst: AtomicUsize::new(0),
        })
    }

    /// A finalization that was acted on, and whose answer a gateway took with it, is not taken twice;
    /// that is all that a client may notice.
    fn note(&self, error: &Error) {
        let said = format!("{error:?}");
        assert!(said.contains("error:orderNotReady"), "{said}");
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
            if let Some(order) = self.noted(placed) {
                break order;
            }
        };
        loop {
            let step = advance(&mut order, request.der(), answers).await;
            if let Some(Some(chain)) = self.noted(step) {
                let order = order.url().rsplit('/').next().unwrap().to_owned();
                return Held { order, chain };
            }
        }
    }

    fn noted<T>(&mut self, step: Result<T, Error>) -> Option<T> {
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

/// Between two looks at something that the server is at work on.
const PAUSE: Duration = Duration::from_millis(20);

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
