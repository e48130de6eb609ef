//! Validation over real sockets on the loopback interface.

#![cfg(feature = "validate")]

mod dns01;
mod http01;
mod redirects;
#[path = "../servers/mod.rs"]
mod servers;
mod tls_alpn01;

use std::sync::Arc;
use std::time::Duration;

use certlocker_acme::validate::{Config, DnsResolver, NetworkValidator};
use certlocker_acme::{Armed, Validator};
use certlocker_core::{Attempt, Failure, FailureKind, Identifier, Method, Outcome, Timestamp};

use self::servers::names::Names;

const KEY_AUTHORIZATION: &str = "token-1.thumbprint-1";
const PATH: &str = "/.well-known/acme-challenge/token-1";

fn armed(method: Method, identifier: &str) -> Armed {
    Armed {
        identifier: Identifier::try_from(identifier.to_owned()).unwrap(),
        key_authorization: KEY_AUTHORIZATION.to_owned(),
        method,
        started: Timestamp::from_seconds(1_800_000_000),
        token: "token-1".to_owned(),
    }
}

/// Loopback is admitted, and nobody waits long.
fn config() -> Config {
    let mut config = Config::default();
    config.allow = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    config.timeouts.attempt = Duration::from_secs(5);
    config
}

/// Every attempt is to end well before the time that the engine counts on.
async fn attempt(config: Config, names: impl Into<Arc<Names>>, challenge: &Armed) -> Attempt {
    let names: Arc<dyn DnsResolver> = names.into();
    let validator = NetworkValidator::with_resolver(config, names).unwrap();
    validator.attempt(challenge).await
}

#[track_caller]
fn wrong(attempt: &Attempt, kind: FailureKind, part: &str) -> Failure {
    match &attempt.outcome {
        Outcome::Wrong(failure) => described(failure, kind, part),
        other => panic!("expected a wrong answer: {other:?}"),
    }
}

#[track_caller]
fn no_answer(attempt: &Attempt, kind: FailureKind, part: &str) -> Failure {
    match &attempt.outcome {
        Outcome::NoAnswer(failure) => described(failure, kind, part),
        other => panic!("expected no answer: {other:?}"),
    }
}

#[track_caller]
fn described(failure: &Failure, kind: FailureKind, part: &str) -> Failure {
    assert_eq!(failure.kind, kind, "{}", failure.detail);
    assert!(failure.detail.contains(part), "{}", failure.detail);
    failure.clone()
}
