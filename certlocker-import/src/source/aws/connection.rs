//! Clients of the SDK for each region, and the one way in which they are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::IdentityCache;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::super::SourceError;
use super::credentials::{LOADING, provider};
use super::error::{Question, explain};
use super::identity::Identity;
use super::options::Options;
use super::whole::WholeAnswers;

/// Clients that sign as the same one.
pub(super) struct Connection {
    /// Regions that have accepted the credentials.
    accepted: Mutex<BTreeSet<String>>,
    clients: Mutex<BTreeMap<String, aws_sdk_ec2::Client>>,
    config: SdkConfig,
    endpoint: Option<String>,
    sts_endpoint: Option<String>,
}

impl Connection {
    /// Nothing is asked yet.
    pub(super) fn new(
        identity: &Identity,
        options: &Options,
        home: &str,
    ) -> Result<Self, SourceError> {
        let retries = RetryConfig::standard()
            .with_max_attempts(options.attempts.max(1))
            .with_initial_backoff(options.pause)
            .with_max_backoff(options.pause_limit);
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(options.attempt_timeout)
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .identity_cache(IdentityCache::lazy().load_timeout(LOADING).build())
            .region(Region::new(home.to_owned()))
            .retry_config(retries)
            .timeout_config(timeouts);
        config.set_app_name(AppName::new("certlocker-import").ok());
        let sts_endpoint = options
            .sts_endpoint
            .clone()
            .or_else(|| options.endpoint.clone());
        let mut of_sts = config.build().to_builder();
        of_sts.set_endpoint_url(sts_endpoint.clone());
        let of_sts = of_sts.build();
        let provider = provider(identity, &of_sts, options)?;
        let config = of_sts.to_builder().credentials_provider(provider);
        Ok(Self {
            accepted: Mutex::default(),
            clients: Mutex::default(),
            config: config.build(),
            endpoint: options.endpoint.clone(),
            sts_endpoint,
        })
    }

    /// The client for a region.
    pub(super) fn ec2(&self, region: &str) -> aws_sdk_ec2::Client {
        let mut clients = locked(&self.clients);
        let client = || {
            let mut config = self.config.to_builder();
            config.set_region(Region::new(region.to_owned()));
            config.set_endpoint_url(self.endpoint.clone());
            let config = aws_sdk_ec2::config::Builder::from(&config.build());
            aws_sdk_ec2::Client::from_conf(config.interceptor(WholeAnswers).build())
        };
        clients
            .entry(region.to_owned())
            .or_insert_with(client)
            .clone()
    }

    /// A client for STS in a region.
    pub(super) fn sts(&self, region: &str) -> aws_sdk_sts::Client {
        let mut config = self.config.to_builder();
        config.set_region(Region::new(region.to_owned()));
        config.set_endpoint_url(self.sts_endpoint.clone());
        sts(&config.build())
    }

    /// Whether everything is asked at one address.
    pub(super) fn is_custom(&self) -> bool {
        self.endpoint.is_some()
    }

    /// What comes of a question.
    ///
    /// The SDK shows tokens and whole requests to whoever listens to its events at their finest; here
    /// nobody does. What there is to know of a failure is in the error.
    pub(super) async fn ask<T, E>(
        &self,
        action: &'static str,
        region: &str,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, SourceError>
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let answer = request.with_subscriber(NoSubscriber::default()).await;
        let answer = answer.map_err(|error| {
            let question = Question {
                action,
                is_known: self.is_known_elsewhere(region),
                place: &self.place(action, region),
            };
            explain(&error, question, SystemTime::now())
        })?;
        locked(&self.accepted).insert(region.to_owned());
        Ok(answer)
    }

    fn is_known_elsewhere(&self, region: &str) -> bool {
        let accepted = locked(&self.accepted);
        !accepted.is_empty() && !accepted.contains(region)
    }

    fn place(&self, action: &str, region: &str) -> String {
        let endpoint = match action.starts_with("sts:") {
            true => &self.sts_endpoint,
            false => &self.endpoint,
        };
        endpoint.clone().unwrap_or_else(|| region.to_owned())
    }
}

/// A client for STS, as it is configured.
pub(super) fn sts(config: &SdkConfig) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::config::Builder::from(config);
    aws_sdk_sts::Client::from_conf(config.interceptor(WholeAnswers).build())
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
