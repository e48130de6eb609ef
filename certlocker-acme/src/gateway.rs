//! The RFC 8555 server as an engine: requests in, answers out, no transport.

mod account;
mod authorization;
mod certificate;
mod eab;
mod finalize;
mod jobs;
mod key_change;
mod limits;
mod order;
mod refusals;
mod revocation;
mod signed;
mod telemetry;

use std::sync::Arc;
use std::time::{Duration, Instant};

use certlocker_core::{
    Attribution, Issuer, Retry, SecretStore, Store, StoreError, Timestamp, Trigger,
};
use tokio::sync::Semaphore;

use crate::call::{Answer, Call};
use crate::clock::Clock;
use crate::crl::{LatestList, RevocationLists};
use crate::links::Links;
use crate::nonce::Nonces;
use crate::problem::{Problem, ProblemType};
use crate::rate::RateLimits;
use crate::route::{Operation, Verbs};
use crate::validator::Validator;
use crate::wire::{Meta, WireDirectory};

#[cfg(feature = "local-ca")]
pub(crate) use certificate::pem_block;

use jobs::Jobs;
use limits::Limiters;
use refusals::Refusals;
use signed::{KeyCache, Signed};

/// What the gateway works with; every part can be one's own.
#[derive(Clone)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every part is a decision of the embedder"
)]
pub struct Parts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Turns finalized orders into chains.
    pub issuer: Arc<dyn Issuer>,
    /// Issues and redeems nonces.
    pub nonces: Arc<dyn Nonces>,
    /// Signs revocation lists, if the issuer is an authority of our own.
    pub revocation_lists: Option<Arc<dyn RevocationLists>>,
    /// Opens the MAC keys of scoped clients.
    pub secrets: Arc<dyn SecretStore>,
    /// Keeps everything.
    pub store: Arc<dyn Store>,
    /// Looks at challenges.
    pub validator: Arc<dyn Validator>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// How the gateway behaves where the RFC leaves a choice.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How long a challenge or finalize request waits for its outcome before it is answered
    /// `processing`.
    pub answer_wait: Duration,
    /// How long a proof of control counts.
    pub authorization_lifetime: Duration,
    /// How long an issuer that gives no answer is asked again.
    pub issuer_patience: Duration,
    /// The URLs.
    pub links: Links,
    /// How long a revocation list is current.
    pub list_lifetime: Duration,
    /// How many identifiers one order may name.
    pub max_identifiers: usize,
    /// The longest validity that an order may ask for.
    pub max_validity: Duration,
    /// How many challenges are looked at, and certificates issued, at the same time.
    pub max_jobs: usize,
    /// How many requests are worked on at the same time; more are told to come again.
    pub max_requests: usize,
    /// How long an order can be completed.
    pub order_lifetime: Duration,
    /// How many orders one page of the orders list shows.
    pub orders_per_page: usize,
    /// What clients may ask for.
    pub rate_limits: RateLimits,
    /// Who may register an account.
    pub registration: Registration,
    /// When a challenge without an answer is looked at again.
    pub retry: Retry,
    /// How old an untouched order for the same names may be to be given again.
    pub same_order_window: Duration,
    /// The terms of service that have to be agreed to.
    pub terms_of_service: Option<String>,
    /// A page about the service.
    pub website: Option<String>,
}

/// Who may register an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "with a credential, or anybody")]
pub enum Registration {
    /// Holders of a scoped client's credential.
    Credential,
    /// Anybody; a credential that is shown is checked, and its scope holds.
    Open,
}

impl Config {
    /// The defaults, with the gateway's resources at `links`.
    pub fn new(links: Links) -> Self {
        const HOUR: u64 = 3600;
        Self {
            answer_wait: Duration::from_millis(300),
            authorization_lifetime: Duration::from_secs(30 * 24 * HOUR),
            issuer_patience: Duration::from_secs(HOUR),
            links,
            list_lifetime: Duration::from_secs(7 * 24 * HOUR),
            max_identifiers: 100,
            max_validity: Duration::from_secs(397 * 24 * HOUR),
            max_jobs: 256,
            max_requests: 1024,
            order_lifetime: Duration::from_secs(7 * 24 * HOUR),
            orders_per_page: 50,
            rate_limits: RateLimits::default(),
            registration: Registration::Credential,
            retry: Retry {
                first: Duration::from_millis(500),
                window: Duration::from_secs(10),
            },
            same_order_window: Duration::from_secs(HOUR),
            terms_of_service: None,
            website: None,
        }
    }
}

/// The RFC 8555 server. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    jobs: Jobs,
    keys: KeyCache,
    latest_list: LatestList,
    limiters: Limiters,
    parts: Parts,
    refusals: Refusals,
    room: Semaphore,
}

impl Gateway {
    /// A gateway over these parts. Its jobs run as long as [`Gateway::run`] does, and besides that
    /// whenever a request sets one off.
    pub fn new(parts: Parts, config: Config) -> Self {
        Self(Arc::new(Inner {
            jobs: Jobs::new(config.max_jobs),
            keys: KeyCache::default(),
            latest_list: LatestList::default(),
            limiters: Limiters::from(&config.rate_limits),
            parts,
            refusals: Refusals::default(),
            room: Semaphore::new(config.max_requests.min(Semaphore::MAX_PERMITS)),
            config,
        }))
    }

    /// Answers a request.
    pub async fn answer(&self, call: Call) -> Answer {
        let begun = Instant::now();
        let found = Operation::find(call.path());
        let answer = match &found {
            Some((_, route, _)) if !route.verbs.admits(&call.method) => {
                Err(method_not_allowed(route.verbs))
            }
            Some((operation, _, values)) => match self.0.room.try_acquire() {
                Ok(_room) => self.dispatch(*operation, values, &call).await,
                Err(_) => Err(Problem::unavailable(
                    "as many requests as the server takes at a time are in progress; nothing was changed",
                )),
            },
            None => Err(Problem::malformed("there is no such resource here").with_status(404)),
        };
        let operation = found.map(|(operation, ..)| operation);
        telemetry::answered(operation, &call, &answer, begun.elapsed());
        let answer = answer.unwrap_or_else(|problem| Answer::from(&problem));
        self.finish(answer, operation, &call.method)
    }

    /// The answer to a request that could not be read, or whose handler broke: it carries what
    /// every answer does.
    pub fn refuse(&self, problem: &Problem, method: &str) -> Answer {
        telemetry::count_problem(None, problem);
        self.finish(Answer::from(problem), None, method)
    }

    /// What every answer carries: a nonce for each POST, and the way to the directory.
    fn finish(&self, answer: Answer, operation: Option<Operation>, method: &str) -> Answer {
        let wants_nonce = method == "POST" || operation == Some(Operation::NewNonce);
        let nonce = wants_nonce.then(|| self.0.parts.nonces.issue());
        let answer = match nonce {
            Some(nonce) => answer
                .header("replay-nonce", nonce)
                .header("cache-control", "no-store"),
            None => answer,
        };
        match operation {
            Some(Operation::Directory) => answer,
            _ => answer.link(&self.links().directory(), "index"),
        }
    }

    async fn dispatch(
        &self,
        operation: Operation,
        values: &[&str],
        call: &Call,
    ) -> Result<Answer, Problem> {
        match (operation, call.method.as_str()) {
            (Operation::Directory, "GET" | "HEAD") => Ok(self.directory()),
            (Operation::NewNonce, "GET") => Ok(Answer::empty(204)),
            (Operation::NewNonce, "HEAD") => Ok(Answer::empty(200)),
            (Operation::RevocationList, _) => self.revocation_list().await,
            _ => self.signed(operation, values, call).await,
        }
    }

    fn directory(&self) -> Answer {
        let (config, links) = (&self.0.config, self.links());
        let meta = Meta {
            external_account_required: config.registration == Registration::Credential,
            terms_of_service: config.terms_of_service.clone(),
            website: config.website.clone(),
        };
        let directory = WireDirectory {
            key_change: links.url("/key-change"),
            new_account: links.url("/new-account"),
            new_nonce: links.url("/new-nonce"),
            new_order: links.url("/new-order"),
            revoke_cert: links.url("/revoke-cert"),
            meta,
        };
        Answer::json(200, &directory)
    }

    /// Performs a verified request.
    async fn perform(
        &self,
        operation: Operation,
        values: &[&str],
        signed: &Signed,
        call: &Call,
    ) -> Result<Answer, Refused> {
        let value = values.first().copied().unwrap_or_default();
        match operation {
            Operation::Directory => signed.as_get(self.directory()),
            Operation::NewNonce => signed.as_get(Answer::empty(204)),
            Operation::NewAccount => self.new_account(signed).await,
            Operation::NewOrder => self.new_order(signed).await,
            Operation::RevokeCert => self.revoke_certificate(signed).await,
            Operation::KeyChange => self.change_key(signed).await,
            Operation::Account => self.account(value, signed).await,
            Operation::Orders => self.orders(value, signed, call).await,
            Operation::Order => self.order(value, signed).await,
            Operation::Finalize => self.finalize(value, signed).await,
            Operation::Authorization => self.authorization(value, signed).await,
            Operation::Challenge => self.challenge(value, signed).await,
            Operation::Certificate => self.certificate(value, signed).await,
            Operation::RevocationList => Err(Problem::not_found().into()),
        }
    }

    fn links(&self) -> &Links {
        &self.0.config.links
    }

    fn store(&self) -> &dyn Store {
        self.0.parts.store.as_ref()
    }

    fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The parts it was made with.
    pub fn parts(&self) -> &Parts {
        &self.0.parts
    }
}

/// Random bytes for ids and tokens.
pub(crate) fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes)
        .expect("the system's random source was there when the process started");
}

fn method_not_allowed(verbs: Verbs) -> Problem {
    let detail = format!("this resource answers to {} only", verbs.allow());
    let mut problem = Problem::malformed(detail).with_status(405);
    problem.allow = Some(verbs.allow());
    problem
}

/// A refusal on its way to the record: what the client is told, and the fact if there is a better
/// one than "a request was refused".
#[derive(Debug)]
struct Refused {
    problem: Box<Problem>,
    fact: Option<Box<certlocker_core::Fact>>,
}

impl Refused {
    fn new(problem: Problem, fact: certlocker_core::Fact) -> Self {
        Self {
            problem: Box::new(problem),
            fact: Some(Box::new(fact)),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            fact: None,
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        store_problem(&error).into()
    }
}

/// When to come again, in seconds, once nothing can be recorded: what is in the way is not gone at
/// once.
const AUDIT_PAUSE: u32 = 5;

/// What a client is told when the store fails: what cannot be recorded and why, and whether to come
/// again.
fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::NotFound => Problem::not_found(),
        StoreError::Conflict => {
            Problem::unavailable("somebody else changed this at the same time; try again")
        }
        StoreError::Unavailable(_) => {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "nothing can be recorded, so nothing is changed"
            );
            let refusal = error.audit_unavailable().map(|refusal| refusal.to_string());
            let mut problem = Problem::unavailable(refusal.unwrap_or_default());
            problem.retry_after = Some(AUDIT_PAUSE);
            problem
        }
        StoreError::Indeterminate(_) => {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "the store broke off"
            );
            Problem::unavailable(
                "the store broke off; read the resource again before you repeat the request",
            )
        }
        StoreError::Corrupt(_) => {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "stored data does not read"
            );
            Problem::new(
                ProblemType::ServerInternal,
                "what is stored here does not read; the operator has to look at the log",
            )
        }
    }
}

/// Who did something, and that a request set it off.
fn attribution(actor: certlocker_core::Actor, call: &Call) -> Attribution {
    let mut attribution = Attribution::new(actor, Trigger::Request(call.request_id.clone()));
    attribution.traceparent = call
        .traceparent
        .clone()
        .and_then(|text| text.try_into().ok());
    attribution
}
