//! The issuer: what it says of itself, and what it is asked.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use certlocker_core::{Secret, Timestamp};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::url::ParseError;
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AsyncHttpClient, AuthType, AuthorizationCode, ClientId,
    ClientSecret, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IdTokenClaims, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, StandardErrorResponse, StandardTokenResponse,
    TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::claims::Said;
use super::error::{OidcError, printable};
use crate::config;
use crate::outside::Outside;

/// The issuer, asked as the client that it knows us as.
pub(super) struct Issuer {
    host: String,
    id: ClientId,
    known: Mutex<Option<Arc<Known>>>,
    outside: Caller,
    redirect: RedirectUrl,
    secret: Secret,
    url: IssuerUrl,
}

/// What the issuer says of itself.
#[derive(Debug)]
pub(super) struct Known {
    at: Timestamp,
    metadata: CoreProviderMetadata,
}

/// Whatever an issuer says besides what the standard has.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Others(Map<String, Value>);

impl AdditionalClaims for Others {}

type Claims = IdTokenClaims<Others, CoreGenderClaim>;
type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
pub(super) type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Client = openidconnect::Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// For so long, what the issuer says of itself is not asked for again.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Nor for so long if a key is not among its keys: anybody can send a token with another.
const SETTLED: Duration = Duration::from_secs(30);

/// Signatures that show who made a token: none with a secret that both sides have, and not none.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
];

impl Issuer {
    pub(super) fn new(
        url: &config::IssuerUrl,
        id: &str,
        secret: Secret,
        redirect: &str,
        outside: Outside,
    ) -> Result<Self, ParseError> {
        Ok(Self {
            host: url.host().to_owned(),
            id: ClientId::new(id.to_owned()),
            known: Mutex::new(None),
            outside: Caller(outside),
            redirect: RedirectUrl::new(redirect.to_owned())?,
            secret,
            url: IssuerUrl::new(url.as_str().to_owned())?,
        })
    }

    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// What the issuer says of itself: as it was asked not long ago, or else anew.
    pub(super) async fn known(&self, now: Timestamp) -> Result<Arc<Known>, OidcError> {
        self.known_since(now.before(FRESH), now).await
    }

    /// The same, asked at `since` or later. One asks for all who wait.
    async fn known_since(&self, since: Timestamp, now: Timestamp) -> Result<Arc<Known>, OidcError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.at >= since) {
            return Ok(Arc::clone(known));
        }
        let found = CoreProviderMetadata::discover_async(self.url.clone(), &self.outside).await;
        let metadata = found.map_err(|error| OidcError::Unreachable(causes(&error)))?;
        let new = Arc::new(Known { at: now, metadata });
        *known = Some(Arc::clone(&new));
        Ok(new)
    }

    /// Us, as the issuer knows us.
    pub(super) fn client(&self, known: &Known) -> Client {
        let secret = String::from_utf8_lossy(self.secret.expose()).into_owned();
        let (metadata, secret) = (known.metadata.clone(), ClientSecret::new(secret));
        let by_body = only_by_body(&metadata);
        let client = Client::from_provider_metadata(metadata, self.id.clone(), Some(secret))
            .set_redirect_uri(self.redirect.clone());
        match by_body {
            true => client.set_auth_type(AuthType::RequestBody),
            false => client,
        }
    }

    /// Gives a code for tokens.
    pub(super) async fn exchange(
        &self,
        code: AuthorizationCode,
        verifier: PkceCodeVerifier,
        now: Timestamp,
    ) -> Result<Tokens, OidcError> {
        let client = self.client(&*self.known(now).await?);
        let request = client.exchange_code(code);
        let request = request.map_err(|error| OidcError::Unreachable(error.to_string()))?;
        let request = request.set_pkce_verifier(verifier);
        request
            .request_async(&self.outside)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(said) => {
                    OidcError::Code(printable(said.error().as_ref()))
                }
                other => OidcError::Unreachable(causes(&other)),
            })
    }

    /// What the tokens say of somebody, once it is sure that the issuer says it, to us, now, and in
    /// this sign-in.
    pub(super) async fn said(
        &self,
        tokens: &Tokens,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<Said, OidcError> {
        let mut known = self.known(now).await?;
        let mut claims = self.claims(&known, tokens, nonce);
        if claims.as_ref().is_err_and(OidcError::is_unknown_key) {
            known = self.known_since(now.before(SETTLED), now).await?;
            claims = self.claims(&known, tokens, nonce);
        }
        let claims = claims?;
        let said = Said::new(members(claims));
        Ok(match self.user_info(&known, tokens, claims).await? {
            Some(more) => said.and(more),
            None => said,
        })
    }

    fn claims<'t>(
        &self,
        known: &Known,
        tokens: &'t Tokens,
        nonce: &Nonce,
    ) -> Result<&'t Claims, OidcError> {
        let client = self.client(known);
        let token = tokens.id_token().ok_or(OidcError::NoToken)?;
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let claims = token.claims(&verifier, nonce).map_err(OidcError::Token)?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(|_| OidcError::AccessToken)?;
            let key = token
                .signing_key(&verifier)
                .map_err(|_| OidcError::AccessToken)?;
            let given = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
            if given.ok().as_ref() != Some(expected) {
                return Err(OidcError::AccessToken);
            }
        }
        Ok(claims)
    }

    /// What the issuer says to whoever has the access token, about the same person; some say there
    /// what groups somebody is in, and not in the ID token.
    async fn user_info(
        &self,
        known: &Known,
        tokens: &Tokens,
        claims: &Claims,
    ) -> Result<Option<Map<String, Value>>, OidcError> {
        let (client, subject) = (self.client(known), claims.subject().clone());
        let token = tokens.access_token().clone();
        let Ok(request) = client.user_info(token, Some(subject)) else {
            return Ok(None);
        };
        let said: Result<UserInfoClaims<Others, CoreGenderClaim>, _> =
            request.request_async(&self.outside).await;
        let said = said.map_err(|error| OidcError::Unreachable(causes(&error)))?;
        Ok(Some(members(&said)))
    }
}

/// Whether the issuer takes the secret in the body of a request only.
fn only_by_body(metadata: &CoreProviderMetadata) -> bool {
    let methods = metadata.token_endpoint_auth_methods_supported();
    methods.is_some_and(|methods| {
        methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
    })
}

fn members(claims: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    printable(&said)
}

/// Other machines, as the protocol asks them.
struct Caller(Outside);

/// Keys, and what is said of a person.
const LARGEST_ANSWER: usize = 1 << 20;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoAnswer(String);

impl<'c> AsyncHttpClient<'c> for Caller {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { self.0.call(request, LARGEST_ANSWER).await.map_err(NoAnswer) })
    }
}
