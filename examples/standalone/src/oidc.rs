//! People sign in with accounts that an issuer of OpenID Connect gave them: the authorization code
//! flow with PKCE ([OpenID Connect Core section 3.1](https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth)).

mod claims;
mod error;
mod flow;
mod issuer;

use std::io;
use std::sync::Arc;

use certlocker_acme::{Nonces, SharedKeyError, shared_key};
use certlocker_core::{PersonOrigin, Secret, SecretPurpose, SecretStore, Store, Timestamp};
use openidconnect::core::CoreResponseType;
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    Scope,
};
use serde::Deserialize;

use crate::config::{RoleRule, Settings};
use crate::inventory::Vouched;
use crate::outside::{Outside, OutsideError};
use claims::Said;
use flow::{Begun, FlowKey};
use issuer::Issuer;

pub(crate) use error::OidcError;
pub(crate) use flow::LIFETIME;

/// Where the issuer sends browsers back to, below the URL of the operator plane.
pub const CALLBACK: &str = "/login/oidc/callback";

/// An issuer, and what is done with those for whom it vouches.
pub struct Oidc {
    issuer: Issuer,
    key: FlowKey,
    nonces: Arc<dyn Nonces>,
    rules: Vec<RoleRule>,
    scopes: Vec<String>,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc")
            .field("issuer", &self.issuer.url())
            .finish_non_exhaustive()
    }
}

/// Why nobody can sign in with the accounts of an issuer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableIssuer {
    /// The key that the servers share.
    #[error("the key that seals what browsers keep of a sign-in cannot be had")]
    Key(#[from] SharedKeyError),
    /// The authorities that vouch for it.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The file with the secret.
    #[error("the secret in {}, named by oidc-client-secret-file, cannot be used", path.display())]
    Secret {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A setting that does not fit.
    #[error("{0}")]
    Setting(String),
}

/// What the issuer sends a browser back with.
#[derive(Deserialize)]
pub(crate) struct Returned {
    code: Option<String>,
    error: Option<String>,
    /// [RFC 9207](https://www.rfc-editor.org/rfc/rfc9207).
    iss: Option<String>,
    state: Option<String>,
}

/// Where a browser is sent, and what it keeps meanwhile.
pub(crate) struct Departure {
    pub(crate) kept: String,
    pub(crate) to: String,
}

impl Oidc {
    /// What the settings say, if they name an issuer. The issuer is not asked before somebody signs
    /// in: it may be down while the server starts.
    ///
    /// # Errors
    /// [`UnusableIssuer`].
    pub async fn open(
        settings: &Settings,
        operator_url: &str,
        store: &dyn Store,
        secrets: &dyn SecretStore,
        nonces: Arc<dyn Nonces>,
        now: Timestamp,
    ) -> Result<Option<Self>, UnusableIssuer> {
        let Some(url) = &settings.oidc_issuer else {
            return Ok(None);
        };
        let missing = |what: &str| UnusableIssuer::Setting(format!("{what} is not set"));
        let (Some(id), Some(file)) = (&settings.oidc_client_id, &settings.oidc_client_secret_file)
        else {
            return Err(missing("oidc-client-id or oidc-client-secret-file"));
        };
        let outside = Outside::trusting(settings.oidc_ca_file.as_deref())?;
        let redirect = format!("{operator_url}{CALLBACK}");
        let issuer = Issuer::new(url, id.as_str(), secret(file)?, &redirect, outside)
            .map_err(|error| UnusableIssuer::Setting(error.to_string()))?;
        let key = shared_key(store, secrets, SecretPurpose::SignInKey, now).await?;
        let key = FlowKey::new(&key)
            .ok_or_else(|| UnusableIssuer::Setting("the key has another length".to_owned()))?;
        let scopes = settings.oidc_scope.iter();
        Ok(Some(Self {
            issuer,
            key,
            nonces,
            rules: settings.oidc_role.clone(),
            scopes: scopes.map(|scope| scope.as_str().to_owned()).collect(),
        }))
    }

    /// The name of the issuer's host, for people.
    pub(crate) fn host(&self) -> &str {
        self.issuer.host()
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// [`OidcError::Unreachable`].
    pub(crate) async fn begin(&self, now: Timestamp) -> Result<Departure, OidcError> {
        let known = self.issuer.known(now).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (nonce, state) = (Nonce::new_random(), self.nonces.issue());
        let client = self.issuer.client(&known);
        let (given_nonce, given_state) = (nonce.clone(), CsrfToken::new(state.clone()));
        let mut request = client.authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            move || given_state,
            move || given_nonce,
        );
        for scope in &self.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (to, ..) = request.set_pkce_challenge(challenge).url();
        let begun = Begun {
            nonce: nonce.secret().clone(),
            state,
            until: now.after(LIFETIME),
            verifier: verifier.into_secret(),
        };
        Ok(Departure {
            kept: self.key.seal(&begun)?,
            to: to.into(),
        })
    }

    /// Ends a sign-in: who the issuer says that it is. What it began with counts once.
    ///
    /// # Errors
    /// [`OidcError`].
    pub(crate) async fn end(
        &self,
        kept: Option<&str>,
        returned: Returned,
        now: Timestamp,
    ) -> Result<Vouched, OidcError> {
        let begun = kept.and_then(|kept| self.key.open(kept, now));
        let begun = begun.ok_or(OidcError::NotBegun)?;
        if returned.state.as_deref() != Some(begun.state.as_str()) {
            return Err(OidcError::State);
        }
        if !self.nonces.redeem(&begun.state).await? {
            return Err(OidcError::Replayed);
        }
        let other = |iss: &String| iss != self.issuer.url();
        if returned.iss.as_ref().is_some_and(other) {
            return Err(OidcError::Issuer);
        }
        let code = match (returned.code, returned.error) {
            (Some(code), None) => AuthorizationCode::new(code),
            (_, error) => return Err(OidcError::denied(error.as_deref())),
        };
        let verifier = PkceCodeVerifier::new(begun.verifier);
        let answer = self.issuer.exchange(code, verifier, now).await?;
        let said = self
            .issuer
            .said(&answer, &Nonce::new(begun.nonce), now)
            .await?;
        self.vouched(&said)
    }

    fn vouched(&self, said: &Said) -> Result<Vouched, OidcError> {
        let subject = said.text("sub").unwrap_or_default();
        Ok(Vouched {
            name: said.name(),
            origin: PersonOrigin::new(self.issuer.url(), subject)?,
            roles: said.roles(&self.rules),
        })
    }
}

/// The secret in a file; a line end behind it is none of it.
fn secret(path: &std::path::Path) -> Result<Secret, UnusableIssuer> {
    let unusable = |source| UnusableIssuer::Secret {
        path: path.to_owned(),
        source,
    };
    let mut bytes = std::fs::read(path).map_err(unusable)?;
    bytes.truncate(bytes.trim_ascii_end().len());
    let secret = Secret::new(bytes);
    match std::str::from_utf8(secret.expose()) {
        Ok(text) if !text.is_empty() => Ok(secret),
        _ => Err(unusable(io::Error::other("expected one line of text"))),
    }
}
