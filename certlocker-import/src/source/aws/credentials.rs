//! Keys of the SDK from an [`Identity`](super::Identity).

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_http_client::tls;

use super::super::SourceError;
use super::connection::sts;
use super::error::{Question, explain};
use super::identity::{Base, Identity, Role};
use super::options::Options;

/// What signs, of which each role is assumed with what is before it.
pub(super) fn provider(
    identity: &Identity,
    config: &SdkConfig,
    options: &Options,
) -> Result<SharedCredentialsProvider, SourceError> {
    let mut provider = match &identity.base {
        Base::InstanceProfile => SharedCredentialsProvider::new(metadata(options)?),
        Base::Key(key) => SharedCredentialsProvider::new(Given(key.clone())),
    };
    for role in &identity.roles {
        let base = config.to_builder().credentials_provider(provider).build();
        provider = SharedCredentialsProvider::new(Assumed::new(&base, role.clone(), options));
    }
    Ok(provider)
}

/// A key that works until some time.
#[derive(Debug)]
struct Given(Credentials);

impl ProvideCredentials for Given {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let is_over = |at: SystemTime| at <= SystemTime::now();
        future::ProvideCredentials::ready(match self.0.expiry() {
            Some(at) if is_over(at) => Err(CredentialsError::provider_error(SourceError::Expired)),
            _ => Ok(self.0.clone()),
        })
    }
}

/// What the metadata service gives out. It is never asked by way of a proxy, which would see it.
fn metadata(options: &Options) -> Result<ImdsCredentialsProvider, SourceError> {
    let client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::AwsLc,
        ))
        .build_https();
    let config = ProviderConfig::without_region().with_http_client(client);
    let mut service = aws_config::imds::Client::builder().configure(&config);
    if let Some(endpoint) = &options.metadata_endpoint {
        let set = service.endpoint(endpoint);
        service = set.map_err(|error| SourceError::NoIdentity(error.to_string()))?;
    }
    let provider = ImdsCredentialsProvider::builder().configure(&config);
    Ok(provider.imds_client(service.build()).build())
}

/// A role, as STS gives its keys.
struct Assumed {
    client: aws_sdk_sts::Client,
    mfa_code: Option<String>,
    place: String,
    role: Role,
}

impl std::fmt::Debug for Assumed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assumed")
            .field("arn", &self.role.arn)
            .finish_non_exhaustive()
    }
}

impl Assumed {
    fn new(config: &SdkConfig, role: Role, options: &Options) -> Self {
        let mfa_code = options
            .mfa_code
            .as_ref()
            .filter(|_| role.mfa_serial.is_some());
        let mfa_code = mfa_code.map(|code| String::from_utf8_lossy(code.expose()).into_owned());
        Self {
            client: sts(config),
            mfa_code,
            place: place(config),
            role,
        }
    }

    async fn assume(&self) -> provider::Result {
        if self.role.mfa_serial.is_some() && self.mfa_code.is_none() {
            let text = format!(
                "the code of the device that {} needs was expected",
                self.role.arn
            );
            return Err(CredentialsError::provider_error(SourceError::NoIdentity(
                text,
            )));
        }
        let session = self
            .role
            .session_name
            .as_deref()
            .unwrap_or("certlocker-import");
        let seconds = self
            .role
            .duration_seconds
            .and_then(|seconds| seconds.try_into().ok());
        let request = self
            .client
            .assume_role()
            .role_arn(&self.role.arn)
            .role_session_name(session)
            .set_duration_seconds(seconds)
            .set_external_id(self.role.external_id.clone())
            .set_serial_number(self.role.mfa_serial.clone())
            .set_token_code(self.mfa_code.clone());
        let question = Question {
            action: "sts:AssumeRole",
            is_known: false,
            place: &self.place,
        };
        let answer = request.send().await.map_err(|error| {
            CredentialsError::provider_error(explain(&error, question, SystemTime::now()))
        })?;
        let keys = answer.credentials.ok_or_else(|| {
            let text = format!("the answer of {} has no keys", self.place);
            CredentialsError::provider_error(SourceError::Incomplete(text))
        })?;
        let expires = SystemTime::try_from(keys.expiration).ok();
        let token = Some(keys.session_token);
        Ok(Credentials::new(
            keys.access_key_id,
            keys.secret_access_key,
            token,
            expires,
            "role",
        ))
    }
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

fn place(config: &SdkConfig) -> String {
    let region = || config.region().map(ToString::to_string);
    let endpoint = config.endpoint_url().map(str::to_owned);
    endpoint.or_else(region).unwrap_or_default()
}

/// How long the SDK may take to have keys: a role of a role of a machine is three questions, each
/// with its attempts.
pub(super) const LOADING: Duration = Duration::from_secs(120);
