//! Who may use the operator plane, and for what.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use certlocker_acme::Route;
use certlocker_core::{
    Actor, Attribution, Holder, InvalidToken, Person, SessionText, StoreError, Subject, Token,
    TokenRefusal, TokenScopes, TokenText, Traceparent, Trigger, Versioned,
};

use super::Desk;
use super::api::problem;
use super::page;
use super::table::{Needs, Surface};
use crate::inventory::{InventoryError, TokenReach};

/// What stands in front of a route.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) desk: Desk,
    pub(super) needs: Needs,
    pub(super) route: Route,
    pub(super) surface: Surface,
}

/// Whoever sent a request, once it is known what they may do.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) by: Attribution,
    pub(super) operation: String,
    pub(super) scopes: TokenScopes,
    pub(super) who: Who,
}

/// Who that is.
#[derive(Clone, Debug)]
pub(super) enum Who {
    Person(Versioned<Person>),
    Token(Versioned<Token>),
}

impl Who {
    fn actor(&self) -> Actor {
        match self {
            Self::Person(person) => Actor::Person(*person.value.id()),
            Self::Token(token) => Actor::Token(*token.value.id()),
        }
    }

    fn scopes(&self) -> TokenScopes {
        match self {
            Self::Person(person) => person.value.scopes(),
            Self::Token(token) => token.value.grant().scopes.clone(),
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Person(person) => Subject::Person(*person.value.id()),
            Self::Token(token) => Subject::Token(*token.value.id()),
        }
    }
}

/// Whoever sent a request for which nobody needs to be known.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) by: Attribution,
    pub(super) peer: Option<IpAddr>,
}

impl Caller {
    /// The tokens that are the caller's to look at and to revoke.
    pub(super) fn reach(&self) -> TokenReach {
        match &self.who {
            _ if self.scopes.is_admin() => TokenReach::All,
            Who::Person(person) => TokenReach::Of(*person.value.id()),
            Who::Token(token) => TokenReach::From(*token.value.id()),
        }
    }
}

/// Why nobody is known to have sent a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    #[error("{}", .1)]
    Dead(Box<Versioned<Token>>, TokenRefusal),
    #[error("{0}")]
    Malformed(#[from] InvalidToken),
    #[error(
        "this needs a token: `Authorization: Bearer TOKEN`; `certlocker token create` makes one"
    )]
    Missing,
    #[error("the roles of the person who made this token no longer allow what it does")]
    Outgrown,
    #[error("the person who made this token was switched off")]
    Ownerless,
    #[error("nobody has this token")]
    Unknown,
    #[error("it cannot be looked up now whether the token counts")]
    Store(#[from] StoreError),
}

impl Rejection {
    /// A word for records, which does not change.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Dead(_, refusal) => refusal.as_str(),
            Self::Malformed(_) => "malformed",
            Self::Missing => "missing",
            Self::Outgrown => "outgrown",
            Self::Ownerless => "ownerless",
            Self::Unknown => "unknown",
            Self::Store(_) => "unavailable",
        }
    }
}

/// Lets a request through if its token permits it.
pub(super) async fn authorize(
    State(gate): State<Gate>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if gate.surface == Surface::Page && is_foreign(request.method(), headers) {
        let detail = "this page takes forms from itself only";
        return page::failure(StatusCode::FORBIDDEN, detail);
    }
    if gate.needs == Needs::Nothing {
        let peer = peer(&request);
        let by = attribution(headers, Actor::anonymous(peer));
        request.extensions_mut().insert(Visitor { by, peer });
        return next.run(request).await;
    };
    let peer = peer(&request);
    let who = match (gate.surface, session(headers)) {
        (Surface::Page, Some(text)) => resume(&gate.desk, &text, peer).await,
        _ => authenticate(&gate.desk, bearer(headers), peer)
            .await
            .map(Who::Token),
    };
    let who = match who {
        Ok(who) => who,
        Err(rejection) => return gate.rejected(&rejection, &request, peer),
    };
    if let Who::Token(token) = &who {
        gate.desk.guard.note_use(&gate.desk, token);
    }
    let caller = Caller {
        by: attribution(headers, who.actor()).because_of(who.subject()),
        operation: format!("{} {}", request.method(), gate.route.path),
        scopes: who.scopes(),
        who,
    };
    match (gate.needs, &caller.who) {
        (Needs::Permission(needed), _) if !caller.scopes.permit(needed) => {
            return gate.denied(&caller, needed.as_str()).await;
        }
        (Needs::Person, Who::Token(_)) => return gate.denied(&caller, "a person").await,
        _ => {}
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// The token that a text is, if it counts for requests from `peer` now.
pub(super) async fn authenticate(
    desk: &Desk,
    presented: Option<&str>,
    peer: Option<IpAddr>,
) -> Result<Versioned<Token>, Rejection> {
    let text: TokenText = presented.ok_or(Rejection::Missing)?.trim().parse()?;
    let token = match desk.inventory.store.token(text.id()).await {
        Ok(token) => token,
        Err(StoreError::NotFound) => return Err(Rejection::Unknown),
        Err(error) => return Err(Rejection::Store(error)),
    };
    if !token.value.is(&text) {
        return Err(Rejection::Unknown);
    }
    counting(desk, token, peer).await
}

/// The token, if it counts for requests from `peer` now, and whoever made it is there.
async fn counting(
    desk: &Desk,
    token: Versioned<Token>,
    peer: Option<IpAddr>,
) -> Result<Versioned<Token>, Rejection> {
    if let Err(refusal) = token.value.check_from(peer, desk.inventory.clock.now()) {
        return Err(Rejection::Dead(Box::new(token), refusal));
    }
    if let Some(owner) = token.value.owner() {
        let owner = desk.inventory.store.person(owner).await?;
        if owner.value.disabled().is_some() {
            return Err(Rejection::Ownerless);
        }
        // What an issuer says of people changes, and with it what they may hand out.
        let allowed = owner.value.scopes();
        if allowed.exceeded_by(&token.value.grant().scopes).is_some() {
            return Err(Rejection::Outgrown);
        }
    }
    Ok(token)
}

/// Whoever is behind a session, if it lasts and they are still let in.
async fn resume(desk: &Desk, text: &SessionText, peer: Option<IpAddr>) -> Result<Who, Rejection> {
    let (store, now) = (&desk.inventory.store, desk.inventory.clock.now());
    let session = match store.session(text).await {
        Ok(session) if session.value.lasts(now) => session,
        Ok(_) | Err(StoreError::NotFound) => return Err(Rejection::Missing),
        Err(error) => return Err(error.into()),
    };
    match session.value.holder() {
        Holder::Person(id) => match store.person(&id).await? {
            person if person.value.disabled().is_none() => Ok(Who::Person(person)),
            _ => Err(Rejection::Missing),
        },
        Holder::Token(id) => {
            let token = store.token(&id).await?;
            Ok(Who::Token(counting(desk, token, peer).await?))
        }
    }
}

impl Gate {
    fn rejected(&self, rejection: &Rejection, request: &Request, peer: Option<IpAddr>) -> Response {
        if let Rejection::Store(error) = rejection {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a token was not looked up"
            );
            return self.refusal(StatusCode::SERVICE_UNAVAILABLE, &rejection.to_string());
        }
        let by = attribution(request.headers(), Actor::anonymous(peer));
        self.desk.guard.note_rejection(&self.desk, rejection, &by);
        if self.surface == Surface::Page {
            return Redirect::to("/login").into_response();
        }
        let challenge = match rejection {
            Rejection::Missing => "Bearer realm=\"certlocker\"".to_owned(),
            _ => format!(
                "Bearer realm=\"certlocker\", error=\"invalid_token\", error_description=\"{}\"",
                rejection.as_str()
            ),
        };
        let response = self.refusal(StatusCode::UNAUTHORIZED, &rejection.to_string());
        challenged(response, &challenge)
    }

    /// The answer to a caller who lacks what is needed, once that is on record.
    async fn denied(&self, caller: &Caller, needed: &str) -> Response {
        match deny(&self.desk, caller, needed).await {
            Ok(detail) => {
                let response = self.refusal(StatusCode::FORBIDDEN, &detail);
                challenged(response, &insufficient(needed))
            }
            Err(error) => {
                let error = InventoryError::from(error);
                self.refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
            }
        }
    }

    fn refusal(&self, status: StatusCode, detail: &str) -> Response {
        match self.surface {
            Surface::Api | Surface::Files => problem(status, detail),
            Surface::Page => page::failure(status, detail),
        }
    }
}

/// Records that a caller lacks what is needed; the answer says so.
pub(super) async fn deny(desk: &Desk, caller: &Caller, needed: &str) -> Result<String, StoreError> {
    let now = desk.inventory.clock.now();
    let (fact, who) = match &caller.who {
        Who::Person(person) => {
            let fact = person.denied(needed, &caller.operation, now);
            (fact, format!("the roles of {} allow", person.value.name()))
        }
        Who::Token(token) => {
            let fact = token.denied(needed, &caller.operation, now);
            (fact, format!("token {} has", token.value.id()))
        }
    };
    let changes = certlocker_core::Changeset::fact(&fact, &caller.by);
    desk.inventory.store.commit(changes).await?;
    Ok(format!("this needs {needed}, and {who} {}", caller.scopes))
}

/// What [RFC 6750 section 3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1) answers with.
pub(super) fn insufficient(needed: &str) -> String {
    format!("Bearer realm=\"certlocker\", error=\"insufficient_scope\", scope=\"{needed}\"")
}

pub(super) fn challenged(mut response: Response, challenge: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(challenge) {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

fn peer(request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| peer.ip().to_canonical())
}

/// The API takes a token from this header only, so that no page elsewhere can use a cookie.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Browsers take a cookie of this name only from the host itself, over TLS.
pub(super) const COOKIE: &str = "__Host-certlocker-session";

/// The session that a browser has.
pub(super) fn session(headers: &HeaderMap) -> Option<SessionText> {
    cookie(headers, COOKIE).map(SessionText::given)
}

/// What a browser keeps under a name.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Whether a form comes from another site, or from nobody knows where. The cookie is not sent along
/// from other sites; this also holds for the login, and for sites that share the host's name.
fn is_foreign(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if method != Method::POST {
        return false;
    }
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site != "same-origin";
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.strip_prefix("https://") != Some(host),
        // No browser: those send an origin with every form.
        (None, _) => false,
        (Some(_), None) => true,
    }
}

/// Whoever acts, and in which request.
fn attribution(headers: &HeaderMap, actor: Actor) -> Attribution {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let id = text("x-request-id").filter(|id| is_request_id(id));
    let id = id.map_or_else(new_request_id, str::to_owned);
    let mut by = Attribution::new(actor, Trigger::Request(id));
    by.traceparent = traceparent(headers);
    by
}

/// The trace that a request belongs to, if it says so once and as it has to be said.
fn traceparent(headers: &HeaderMap) -> Option<Traceparent> {
    let mut values = headers.get_all("traceparent").iter();
    let (Some(only), None) = (values.next(), values.next()) else {
        return None;
    };
    only.to_str().ok()?.to_owned().try_into().ok()
}

fn is_request_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn new_request_id() -> String {
    let mut bytes = [0; 8];
    crate::random::fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            (
                header::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        lines.collect()
    }

    #[test]
    fn forms_of_other_sites_are_foreign() {
        for (lines, foreign) in [
            (&[("sec-fetch-site", "same-origin")][..], false),
            (&[("sec-fetch-site", "same-site")], true),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://a"),
                    ("host", "a"),
                ],
                true,
            ),
            (&[("origin", "https://a:8444"), ("host", "a:8444")], false),
            (&[("origin", "https://b:8444"), ("host", "a:8444")], true),
            (&[("origin", "http://a:8444"), ("host", "a:8444")], true),
            (&[("origin", "null"), ("host", "a:8444")], true),
            (&[("host", "a:8444")], false),
        ] {
            assert_eq!(
                is_foreign(&Method::POST, &headers(lines)),
                foreign,
                "{lines:?}"
            );
            assert!(!is_foreign(&Method::GET, &headers(lines)));
        }
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        for (value, token) in [
            ("Bearer cl_1", Some("cl_1")),
            ("bearer cl_1", Some("cl_1")),
            ("Basic cl_1", None),
            ("Bearer", None),
        ] {
            assert_eq!(
                bearer(&headers(&[("authorization", value)])),
                token,
                "{value}"
            );
        }
    }

    #[test]
    fn a_request_has_the_id_that_it_came_with_if_that_is_printable() {
        let trigger = |lines| match attribution(&headers(lines), Actor::anonymous(None))
            .cause
            .trigger
        {
            Trigger::Request(id) => id,
            other => other.to_string(),
        };
        assert_eq!(trigger(&[("x-request-id", "abc-1")]), "abc-1");
        assert_eq!(trigger(&[("x-request-id", "a b")]).len(), 16);
        assert_eq!(trigger(&[]).len(), 16);
    }
}
