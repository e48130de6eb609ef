//! Looks for the proofs of http-01, dns-01 and tls-alpn-01 over the network.
//!
//! [`NetworkValidator`] is the [`Validator`] that does so; the functions beside it judge what was
//! found, without a network.
//!
//! What an attempt finds is told apart by whether another look could find better. An HTTP status
//! other than 200 and below 500, another body, a redirect that must not be followed, TXT records
//! without the right one, a wrong certificate, a TLS alert and a name whose addresses must not be
//! dialled are wrong. A connection that fails or breaks, silence, an HTTP status from 500, a TLS
//! alert about an internal error, and a name server that fails or knows no such name or record are
//! no answer.

mod address_policy;
mod admission;
mod config;
mod dial;
mod dns01;
mod exchange;
mod http01;
mod location;
mod name_server;
mod printable;
mod resolve;
mod tls;
mod tls_alpn01;
mod tls_alpn_certificate;
mod trail;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use certlocker_core::{Attempt, FailureKind, Method, Outcome};
use hyper::header::HeaderValue;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use self::admission::Admission;
use self::dial::Network;
use self::trail::{Step, Trail, wrong};
use crate::{Armed, Validator};

pub use self::address_policy::AddressPolicy;
pub use self::config::{Config, InvalidConfig, Timeouts};
pub use self::http01::judge_answer;
pub use self::location::judge_redirect;
pub use self::name_server::NameServers;
pub use self::printable::printable;
pub use self::resolve::{Answer, DnsResolver, LookupError, LookupFault};
pub use self::tls_alpn_certificate::judge_certificate;

/// Looks where a challenge says, from this host.
///
/// Every connection is made for one request and to an address that was resolved, judged by the
/// [`AddressPolicy`] and noted in the attempt. No proxy is used, nothing is cached, and memory and
/// time of an attempt are bounded whatever the other side sends. It needs a tokio runtime with
/// input, output and time.
pub struct NetworkValidator {
    acme_tls: TlsConnector,
    admission: Admission,
    https: TlsConnector,
    network: Network,
}

impl NetworkValidator {
    /// A validator that resolves names as `config` says.
    ///
    /// The name servers of the system are read once, here.
    ///
    /// # Errors
    ///
    /// If the system's name servers are asked for and cannot be read, or a value cannot be used.
    pub fn new(config: Config) -> Result<Self, InvalidConfig> {
        let wait = config.timeouts.dns;
        let resolver = match config.resolver {
            Some(server) => NameServers::single(server, wait),
            None => NameServers::of_system(wait)?,
        };
        Self::with_resolver(config, Arc::new(resolver))
    }

    /// A validator that asks `resolver`, whatever `config` says about one.
    ///
    /// # Errors
    ///
    /// If a value of `config` cannot be used.
    pub fn with_resolver(
        config: Config,
        resolver: Arc<dyn DnsResolver>,
    ) -> Result<Self, InvalidConfig> {
        if HeaderValue::from_str(&config.user_agent).is_err() {
            return Err(InvalidConfig::UserAgent(config.user_agent));
        }
        Ok(Self {
            acme_tls: tls::client(&[tls_alpn01::ACME_TLS]),
            admission: Admission::new(config.max_attempts, config.max_attempts_per_identifier),
            https: tls::client(&[b"http/1.1"]),
            network: Network {
                policy: AddressPolicy::admitting(config.allow.clone()),
                config,
                resolver,
            },
        })
    }

    async fn prove(&self, challenge: &Armed, trail: &mut Trail) -> Step<()> {
        let _turn = self.admission.enter(&challenge.identifier).await;
        match challenge.method {
            Method::Http01 => http01::prove(&self.network, &self.https, challenge, trail).await,
            Method::Dns01 => dns01::prove(&self.network, challenge, trail).await,
            Method::TlsAlpn01 => {
                tls_alpn01::prove(&self.network, &self.acme_tls, challenge, trail).await
            }
            other => {
                let detail = format!("this validator does not know the method {other}");
                Err(wrong(FailureKind::ServerInternal, detail))
            }
        }
    }
}

impl fmt::Debug for NetworkValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkValidator")
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Validator for NetworkValidator {
    async fn attempt(&self, challenge: &Armed) -> Attempt {
        let begun = Instant::now();
        let mut trail = Trail::waiting("waiting for other attempts to end");
        let limit = self.network.config.timeouts.attempt;
        let outcome = match timeout(limit, self.prove(challenge, &mut trail)).await {
            Ok(Ok(())) => Outcome::Proved,
            Ok(Err(outcome)) => outcome,
            Err(_) => trail.out_of_time(limit),
        };
        Attempt {
            elapsed_ms: u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX),
            hops: trail.into_hops(),
            outcome,
            started: challenge.started,
        }
    }
}
