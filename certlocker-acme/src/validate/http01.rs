//! http-01: a file under `/.well-known/acme-challenge/` ([RFC 8555 section 8.3]).
//!
//! [RFC 8555 section 8.3]: https://www.rfc-editor.org/rfc/rfc8555#section-8.3

use certlocker_core::{Failure, FailureKind, Outcome};
use hyper::StatusCode;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::dial::{Host, Network};
use super::exchange::{self, Answer, Body, End};
use super::location::{Location, Ports, Scheme};
use super::printable::printable;
use super::tls;
use super::trail::{Step, Trail, wrong};
use crate::Armed;

const LONGEST_SHOWN: usize = 80;

/// Proves `challenge`, or says why not, following redirects.
pub(super) async fn prove(
    network: &Network,
    connector: &TlsConnector,
    challenge: &Armed,
    trail: &mut Trail,
) -> Step<()> {
    let ports = Ports::from(&network.config);
    let mut location = Location::first(challenge, ports)?;
    for _ in 0..=network.config.max_redirects {
        let answer = ask(network, connector, &location, trail).await?;
        if !is_redirect(answer.status) {
            return judge(&location, answer, &challenge.key_authorization);
        }
        location = next(&location, &answer, ports)?;
    }
    let most = network.config.max_redirects;
    let detail = format!("more than {most} redirects, the last one to {location}");
    Err(wrong(FailureKind::IncorrectResponse, detail))
}

async fn ask(
    network: &Network,
    connector: &TlsConnector,
    location: &Location,
    trail: &mut Trail,
) -> Step<Answer> {
    trail.open(location.to_string());
    let connection = network.dial(&location.host, location.port, trail).await?;
    let config = &network.config;
    match location.scheme {
        Scheme::Http => exchange::get(connection.0, location, config, trail).await,
        Scheme::Https => {
            trail.doing(
                FailureKind::Connection,
                format!("the TLS handshake with {}", connection.1),
            );
            let name = server_name(location)?;
            let limit = config.timeouts.read;
            let stream = tls::handshake(connector, name, connection, limit).await?;
            exchange::get(stream, location, config, trail).await
        }
    }
}

fn server_name(location: &Location) -> Step<ServerName<'static>> {
    let name = match &location.host {
        Host::Address(address) => return Ok(ServerName::from(*address)),
        Host::Name(name) => name.clone(),
    };
    ServerName::try_from(name).map_err(|_| {
        let detail = format!("the host of {location} does not fit into a TLS server name");
        wrong(FailureKind::IncorrectResponse, detail)
    })
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

fn next(location: &Location, answer: &Answer, ports: Ports) -> Step<Location> {
    match &answer.location {
        Some(value) => location.redirected(value, ports),
        None => {
            let detail = format!("{location} answered {} without a Location", answer.status);
            Err(wrong(FailureKind::IncorrectResponse, detail))
        }
    }
}

fn judge(location: &Location, answer: Answer, key_authorization: &str) -> Step<()> {
    let Body { bytes, end } = answer.body;
    if answer.status == StatusCode::OK {
        match end {
            End::Broken(outcome) => return Err(outcome),
            End::Overlong => return Err(overlong(location, &bytes, key_authorization)),
            End::Complete => {}
        }
    }
    match judge_answer(answer.status.as_u16(), &bytes, key_authorization) {
        Outcome::Proved => Ok(()),
        Outcome::Wrong(failure) => Err(Outcome::Wrong(at(location, failure))),
        Outcome::NoAnswer(failure) => Err(Outcome::NoAnswer(at(location, failure))),
    }
}

fn at(location: &Location, failure: Failure) -> Failure {
    let detail = format!("{location}: {}", failure.detail);
    Failure { detail, ..failure }
}

fn overlong(location: &Location, bytes: &[u8], key_authorization: &str) -> Outcome {
    let read = bytes.len();
    let detail = format!(
        "{location}: the body is longer than {read} bytes, so it is not the key authorization"
    );
    let failure = Failure::new(FailureKind::IncorrectResponse, detail);
    Outcome::Wrong(failure.compared(key_authorization, printable(bytes, LONGEST_SHOWN)))
}

/// What a complete answer that is no redirect means.
///
/// Only a status of 200 with the key authorization proves anything; white space after it is
/// ignored. A status of 500 or more is no answer, any other is a wrong one.
pub fn judge_answer(status: u16, body: &[u8], key_authorization: &str) -> Outcome {
    let observed = printable(body, LONGEST_SHOWN);
    if status != 200 {
        let shown = match observed.as_str() {
            "" => "is empty".to_owned(),
            observed => format!("begins `{observed}`"),
        };
        let detail = format!("the status is {status} instead of 200, the body {shown}");
        let failure = Failure::new(FailureKind::IncorrectResponse, detail);
        let outcome = if status >= 500 {
            Outcome::NoAnswer
        } else {
            Outcome::Wrong
        };
        return outcome(failure);
    }
    if body.trim_ascii_end() == key_authorization.as_bytes() {
        return Outcome::Proved;
    }
    let detail = "the body is not the key authorization: the file is from another challenge or \
                  another account, or another server answers for this name";
    let failure = Failure::new(FailureKind::IncorrectResponse, detail);
    Outcome::Wrong(failure.compared(key_authorization, observed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_200_with_the_key_authorization_proves_anything() {
        let cases: [(u16, &[u8], &str); 15] = [
            (200, b"tok.print", "proved"),
            (200, b"tok.print\n", "proved"),
            (200, b"tok.print \t\r\n", "proved"),
            (200, b"", "wrong"),
            (200, b" tok.print", "wrong"),
            (200, b"tok.print.", "wrong"),
            (200, b"tok.print\nx", "wrong"),
            (200, b"TOK.print", "wrong"),
            (200, b"\xff\xfe", "wrong"),
            (201, b"tok.print", "wrong"),
            (206, b"tok.print", "wrong"),
            (304, b"tok.print", "wrong"),
            (404, b"tok.print", "wrong"),
            (500, b"tok.print", "no answer"),
            (503, b"", "no answer"),
        ];
        for (status, body, expected) in cases {
            let found = match judge_answer(status, body, "tok.print") {
                Outcome::Proved => "proved",
                Outcome::Wrong(_) => "wrong",
                Outcome::NoAnswer(_) => "no answer",
            };
            assert_eq!(found, expected, "{status} {}", body.escape_ascii());
        }
    }

    #[test]
    fn a_wrong_body_is_shown_beside_the_right_one() {
        let Outcome::Wrong(failure) = judge_answer(200, b"<html>\n", "tok.print") else {
            panic!("a wrong body is a wrong answer");
        };
        assert_eq!(failure.expected.as_deref(), Some("tok.print"));
        assert_eq!(failure.observed.as_deref(), Some("<html>\\n"));
    }
}
