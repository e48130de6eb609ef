//! dns-01: the TXT records at `_acme-challenge` ([RFC 8555 section 8.4]).
//!
//! [RFC 8555 section 8.4]: https://www.rfc-editor.org/rfc/rfc8555#section-8.4

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certlocker_core::{DnsName, Failure, FailureKind, Identifier, Outcome};

use super::dial::Network;
use super::printable::printable;
use super::resolve::Answer;
use super::trail::{Step, Trail, no_answer, wrong};
use crate::Armed;

const VALUES_SHOWN: usize = 5;
const LONGEST_SHOWN: usize = 80;

/// Proves `challenge`, or says why not.
///
/// A name without TXT records is no answer yet, as a name that does not exist is: until the record
/// is published the two differ only in what else stands at the name. A record with another value is
/// a definite answer.
pub(super) async fn prove(network: &Network, challenge: &Armed, trail: &mut Trail) -> Step<()> {
    let name = record_name(&challenge.identifier)?;
    trail.open(format!("TXT {name}"));
    trail.doing(FailureKind::Dns, format!("looking up TXT {name}"));
    let found = network.resolver.txt(&name).await;
    trail.hop().dialled = match &found {
        Ok(answer) => answer.server,
        Err(error) => error.server,
    };
    let answer = found.map_err(|error| {
        let detail = format!("no TXT record at {name} was found: {error}");
        no_answer(FailureKind::Dns, detail)
    })?;
    note(&answer, trail);
    judge(&name, &answer, &challenge.key_authorization)
}

fn record_name(identifier: &Identifier) -> Step<String> {
    match identifier {
        Identifier::Dns(name) => Ok(below(&name.base())),
        Identifier::Ip(address) => {
            let detail = format!("dns-01 cannot prove the address {address}");
            Err(wrong(FailureKind::RejectedIdentifier, detail))
        }
    }
}

fn below(name: &DnsName) -> String {
    format!("_acme-challenge.{name}")
}

fn note(answer: &Answer<Vec<u8>>, trail: &mut Trail) {
    let hop = trail.hop();
    hop.first_bytes = Some(listed(&answer.records));
    for alias in answer.aliases.iter() {
        hop.target.push_str(" -> ");
        hop.target
            .push_str(&printable(alias.as_bytes(), LONGEST_SHOWN));
    }
}

fn judge(name: &str, answer: &Answer<Vec<u8>>, key_authorization: &str) -> Step<()> {
    let expected = URL_SAFE_NO_PAD.encode(digest(&SHA256, key_authorization.as_bytes()));
    let right = |record: &Vec<u8>| record.as_slice() == expected.as_bytes();
    if answer.records.iter().any(right) {
        return Ok(());
    }
    let detail = format!(
        "none of the {} TXT records at {name} is the digest of the key authorization: they are \
         from another challenge or another account",
        answer.records.len(),
    );
    let failure = Failure::new(FailureKind::IncorrectResponse, detail);
    Err(Outcome::Wrong(
        failure.compared(expected, listed(&answer.records)),
    ))
}

fn listed(records: &[Vec<u8>]) -> String {
    let shown = records.iter().take(VALUES_SHOWN);
    let shown: Vec<_> = shown
        .map(|record| format!("\"{}\"", printable(record, LONGEST_SHOWN)))
        .collect();
    match records.len().saturating_sub(VALUES_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
