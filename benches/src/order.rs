//! A whole order, from its names to its certificate.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::session::{json, location};
use crate::{Failure, Responder, Session, Step, Transport};

/// An order as the server shows it, with its URL.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Placed {
    /// Its one authorization.
    pub authorization: String,
    /// Where its certificate is, once it is there.
    pub certificate: Option<String>,
    /// Where the request for the certificate goes.
    pub finalize: String,
    /// The RFC's word for how far it came.
    pub status: String,
    /// Its own URL.
    pub url: String,
}

#[derive(Deserialize)]
struct WireOrder {
    authorizations: Vec<String>,
    certificate: Option<String>,
    finalize: String,
    status: String,
}

#[derive(Deserialize)]
struct WireAuthorization {
    #[serde(default)]
    challenges: Vec<WireChallenge>,
    status: String,
}

#[derive(Deserialize)]
struct WireChallenge {
    status: String,
    #[serde(default)]
    token: String,
    #[serde(rename = "type")]
    kind: String,
    url: String,
}

impl Placed {
    /// Reads an order.
    ///
    /// # Errors
    /// [`Failure::Unexpected`] for anything else.
    pub(crate) fn parse(url: String, body: &[u8]) -> Result<Self, Failure> {
        let order: WireOrder = json(body)?;
        let none = || Failure::Unexpected("the order has no authorization".to_owned());
        Ok(Self {
            authorization: order.authorizations.into_iter().next().ok_or_else(none)?,
            certificate: order.certificate,
            finalize: order.finalize,
            status: order.status,
            url,
        })
    }
}

/// Places an order for one name.
///
/// # Errors
/// [`Failure`].
pub async fn place<T: Transport>(session: &mut Session<T>, name: &str) -> Result<Placed, Failure> {
    let url = session.directory().new_order.clone();
    let payload = format!(r#"{{"identifiers":[{{"type":"dns","value":"{name}"}}]}}"#);
    let reply = session.post(Step::NewOrder, &url, &payload).await?;
    Placed::parse(location(&reply)?, &reply.body)
}

/// Puts the answer to the http-01 challenge in place and says so; the answer is whether the
/// challenge is valid already.
pub(crate) async fn prove<T: Transport>(
    session: &mut Session<T>,
    authorization: &str,
    responder: &Responder,
) -> Result<bool, Failure> {
    let reply = session.read(Step::Authorization, authorization).await?;
    let shown: WireAuthorization = json(&reply.body)?;
    let mut challenges = shown.challenges.into_iter();
    let challenge = challenges.find(|challenge| challenge.kind == "http-01");
    let none = || Failure::Unexpected("http-01 is not offered".to_owned());
    let challenge = challenge.ok_or_else(none)?;
    let answer = session.key().authorize(&challenge.token);
    responder.answer(challenge.token, answer);
    let reply = session.post(Step::Challenge, &challenge.url, "{}").await?;
    let shown: WireChallenge = json(&reply.body)?;
    Ok(shown.status == "valid")
}

/// Hands in a certificate request with a fresh key.
pub(crate) async fn finalize<T: Transport>(
    session: &mut Session<T>,
    order: &Placed,
    name: &str,
) -> Result<Placed, Failure> {
    let request = URL_SAFE_NO_PAD.encode(crate::fresh_request(name)?);
    let payload = format!(r#"{{"csr":"{request}"}}"#);
    let reply = session
        .post(Step::Finalize, &order.finalize, &payload)
        .await?;
    Placed::parse(order.url.clone(), &reply.body)
}

/// Reads an order again.
pub(crate) async fn reread<T: Transport>(
    session: &mut Session<T>,
    url: &str,
) -> Result<Placed, Failure> {
    let reply = session.read(Step::OrderPoll, url).await?;
    Placed::parse(url.to_owned(), &reply.body)
}

/// Fetches a chain.
pub(crate) async fn download<T: Transport>(
    session: &mut Session<T>,
    url: &str,
) -> Result<(), Failure> {
    let reply = session.read(Step::Certificate, url).await?;
    if reply.body.starts_with(b"-----BEGIN CERTIFICATE-----") {
        return Ok(());
    }
    Err(Failure::Unexpected("a chain is not PEM".to_owned()))
}

/// Takes one order through every step that a client has to do, each answer waited for.
///
/// # Errors
/// [`Failure`] of the first step that did not work.
pub async fn complete<T: Transport>(
    session: &mut Session<T>,
    name: &str,
    responder: &Responder,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let order = place(session, name).await?;
    let mut pause = Pause::default();
    if !prove(session, &order.authorization, responder).await? {
        pause.take().await?;
    }
    while !is_proven(session, &order.authorization).await? {
        pause.take().await?;
    }
    let mut order = finalize(session, &order, name).await?;
    let mut pause = Pause::default();
    while order.status != "valid" {
        expect(&order.status, &["processing", "ready"])?;
        pause.take().await?;
        order = reread(session, &order.url).await?;
    }
    let none = || Failure::Unexpected("a valid order has no certificate".to_owned());
    download(session, &order.certificate.ok_or_else(none)?).await?;
    session.meter.note_order(begun.elapsed());
    Ok(())
}

async fn is_proven<T: Transport>(session: &mut Session<T>, url: &str) -> Result<bool, Failure> {
    let reply = session.read(Step::AuthorizationPoll, url).await?;
    let shown: WireAuthorization = json(&reply.body)?;
    expect(&shown.status, &["pending", "valid"])?;
    Ok(shown.status == "valid")
}

fn expect(status: &str, good: &[&str]) -> Result<(), Failure> {
    if good.contains(&status) {
        return Ok(());
    }
    Err(Failure::Unexpected(format!("it became {status}")))
}

/// Pauses between polls that grow, and an end to patience. What the server proposes is not
/// followed: its whole seconds would measure nothing but themselves.
struct Pause {
    begun: Instant,
    next: Duration,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            next: Duration::from_millis(5),
        }
    }
}

impl Pause {
    const LONGEST: Duration = Duration::from_millis(80);
    const PATIENCE: Duration = Duration::from_secs(30);

    async fn take(&mut self) -> Result<(), Failure> {
        if self.begun.elapsed() > Self::PATIENCE {
            return Err(Failure::Timeout);
        }
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(Self::LONGEST);
        Ok(())
    }
}
