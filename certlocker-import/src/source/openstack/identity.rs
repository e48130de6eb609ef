//! A token from Keystone: <https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management>.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use super::catalog::Catalog;
use super::error::refusal;
use super::http::{Answer, Http, Question};
use crate::credentials::{
    ApplicationCredential, Named, OpenStackAuth, OpenStackCredential, OpenStackScope, Project, User,
};
use crate::source::SourceError;

/// A token, and what it is for.
pub(super) struct Session {
    pub(super) catalog: Catalog,
    /// The project that it is for, if it is for one.
    pub(super) project: Option<String>,
    pub(super) token: Zeroizing<String>,
}

/// Keystone, under version 3 whether the URL says so or not.
pub(super) fn keystone(auth_url: &str, path: &str) -> Result<Url, SourceError> {
    let base = auth_url.trim_end_matches('/');
    let base = base.strip_suffix("/v2.0").unwrap_or(base);
    let base = base.strip_suffix("/v3").unwrap_or(base);
    Url::parse(&format!("{base}/v3/{path}"))
        .map_err(|error| SourceError::Refused(format!("auth_url is no URL: {error}")))
}

impl Session {
    pub(super) async fn open(
        http: &Http,
        credential: &OpenStackCredential,
        auth_url: &str,
    ) -> Result<Self, SourceError> {
        let url = keystone(auth_url, "auth/tokens")?;
        let given = given_token(credential)?;
        let mut question = Question::get(url.clone());
        match &given {
            // As it is: asking for another by it would give one that is for something else.
            Some(token) => {
                question.headers.push(("X-Auth-Token", token.to_string()));
                question
                    .headers
                    .push(("X-Subject-Token", token.to_string()));
            }
            None => {
                question.method = Method::POST;
                question.body = Some(request(credential)?.to_string().into_bytes());
            }
        }
        let answer = http.ask(&question).await?;
        Self::read(&answer, given, credential, &url)
    }

    fn read(
        answer: &Answer,
        given: Option<Zeroizing<String>>,
        credential: &OpenStackCredential,
        url: &Url,
    ) -> Result<Self, SourceError> {
        if !matches!(answer.status, StatusCode::OK | StatusCode::CREATED) {
            return Err(refused(answer, credential));
        }
        let incomplete = || {
            let place = super::http::place(url);
            SourceError::Misdirected(format!("{place} answers, but not as Keystone does"))
        };
        let header = answer.headers.get("X-Subject-Token");
        let header = header.and_then(|token| token.to_str().ok());
        let token = given.or_else(|| header.map(|token| Zeroizing::new(token.to_owned())));
        let described = answer.json.get("token").ok_or_else(incomplete)?;
        let project = described.pointer("/project/id").and_then(Value::as_str);
        Ok(Self {
            catalog: Catalog::read(described.get("catalog").unwrap_or(&Value::Null)),
            project: project.map(str::to_owned),
            token: token.ok_or_else(incomplete)?,
        })
    }
}

/// A token that is to be used as it is.
fn given_token(credential: &OpenStackCredential) -> Result<Option<Zeroizing<String>>, SourceError> {
    match (&credential.auth, &credential.scope) {
        (OpenStackAuth::Token(token), OpenStackScope::Default) => text(token.expose()).map(Some),
        _ => Ok(None),
    }
}

fn text(secret: &[u8]) -> Result<Zeroizing<String>, SourceError> {
    let text = std::str::from_utf8(secret);
    let text = text.map_err(|_| SourceError::NoIdentity("the secret is no text".to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The body that asks for a token.
fn request(credential: &OpenStackCredential) -> Result<Value, SourceError> {
    let mut auth = json!({ "identity": proof(&credential.auth)? });
    if let Some(scope) = scope(&credential.scope) {
        auth["scope"] = scope;
    }
    Ok(json!({ "auth": auth }))
}

fn proof(auth: &OpenStackAuth) -> Result<Value, SourceError> {
    Ok(match auth {
        OpenStackAuth::ApplicationCredential { credential, secret } => {
            let mut proof = match credential {
                ApplicationCredential::Id(id) => json!({ "id": id }),
                ApplicationCredential::Named { name, user } => {
                    json!({ "name": name, "user": whom(user) })
                }
            };
            proof["secret"] = json!(text(secret.expose())?.as_str());
            json!({ "methods": ["application_credential"], "application_credential": proof })
        }
        OpenStackAuth::Password { password, user } => {
            let missing = "the password is not in the text that was read: give it";
            let password = password
                .as_ref()
                .ok_or_else(|| SourceError::NoIdentity(missing.to_owned()))?;
            let mut user = whom(user);
            user["password"] = json!(text(password.expose())?.as_str());
            json!({ "methods": ["password"], "password": { "user": user } })
        }
        OpenStackAuth::Token(token) => {
            json!({ "methods": ["token"], "token": { "id": text(token.expose())?.as_str() } })
        }
    })
}

fn whom(user: &User) -> Value {
    match user {
        User::Id(id) => json!({ "id": id }),
        User::Named { domain, name } => json!({ "name": name, "domain": named(domain) }),
    }
}

fn named(named: &Named) -> Value {
    match named {
        Named::Id(id) => json!({ "id": id }),
        Named::Name(name) => json!({ "name": name }),
    }
}

fn scope(scope: &OpenStackScope) -> Option<Value> {
    match scope {
        OpenStackScope::Default => None,
        OpenStackScope::Domain(domain) => Some(json!({ "domain": named(domain) })),
        OpenStackScope::Project(Project::Id(id)) => Some(json!({ "project": { "id": id } })),
        OpenStackScope::Project(Project::Named { domain, name }) => {
            Some(json!({ "project": { "name": name, "domain": named(domain) } }))
        }
        OpenStackScope::System => Some(json!({ "system": { "all": true } })),
    }
}

/// Keystone tells nobody what of a credential is wrong, so that nobody can try it out.
fn refused(answer: &Answer, credential: &OpenStackCredential) -> SourceError {
    let is_token = matches!(credential.auth, OpenStackAuth::Token(_));
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND if is_token => SourceError::Expired,
        StatusCode::UNAUTHORIZED => SourceError::Unauthorized(why(answer, credential)),
        // Keystone looks for an application credential before it looks at the secret.
        StatusCode::NOT_FOUND if said(answer).starts_with("Could not find Application") => {
            let text =
                "there is no such application credential: its id is wrong, or it was revoked";
            SourceError::Unauthorized(text.to_owned())
        }
        StatusCode::NOT_FOUND => {
            SourceError::Misdirected("there is no version 3 of Keystone at auth_url".to_owned())
        }
        _ => refusal(answer, "a token of Keystone"),
    }
}

fn why(answer: &Answer, credential: &OpenStackCredential) -> String {
    /// What else Keystone may say, by its first words; whom it says it of is left out.
    const SAID: &[(&str, &str)] = &[
        (
            "The password is expired",
            "the password has expired and has to be changed",
        ),
        ("The account is locked", "the account is locked"),
    ];
    let message = said(answer);
    if let Some((_, text)) = SAID.iter().find(|(begin, _)| message.starts_with(begin)) {
        return (*text).to_owned();
    }
    let what = match &credential.auth {
        OpenStackAuth::ApplicationCredential { .. } => {
            "its id, name or secret is wrong, or it has expired or was revoked"
        }
        _ => "user, domain or password is wrong, or the user is disabled or has no role there",
    };
    format!("Keystone says no more than that; {what}")
}

fn said(answer: &Answer) -> &str {
    let message = answer.json.pointer("/error/message");
    message.and_then(Value::as_str).unwrap_or_default()
}
