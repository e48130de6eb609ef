//! The sentence, and who must act.

use super::lanes::{Lane, LaneStatus};
use super::{Next, Party, Stage, moment, span};
use crate::{
    Event, Failure, FailureKind, Invalid, Method, Order, Processing, Ready, Reason, Record, State,
    Timestamp, Valid,
};

pub(super) struct Verdict {
    pub(super) expected: Option<String>,
    pub(super) next: Option<Next>,
    pub(super) observed: Option<String>,
    pub(super) sentence: String,
    pub(super) stage: Stage,
    pub(super) waiting_for: Option<Party>,
}

impl Verdict {
    fn new(stage: Stage, waiting_for: impl Into<Option<Party>>, sentence: String) -> Self {
        Self {
            expected: None,
            next: None,
            observed: None,
            sentence,
            stage,
            waiting_for: waiting_for.into(),
        }
    }

    fn because(mut self, failure: &Failure) -> Self {
        self.expected.clone_from(&failure.expected);
        self.observed.clone_from(&failure.observed);
        self
    }

    fn then(mut self, at: Timestamp, what: &'static str) -> Self {
        self.next = Some(Next { at, what });
        self
    }
}

pub(super) fn verdict(
    order: &Order,
    records: &[Record],
    lanes: &[Lane],
    now: Timestamp,
) -> Verdict {
    match order.state() {
        State::Pending => pending(order, lanes, now),
        State::Ready(ready) => self::ready(order, ready, records, now),
        State::Processing(processing) => self::processing(processing, now),
        State::Valid(valid) => self::valid(order, valid, now),
        State::Invalid(invalid) => self::invalid(order, invalid, records, lanes),
    }
}

fn pending(order: &Order, lanes: &[Lane], now: Timestamp) -> Verdict {
    let expires = order.expires();
    if expires <= now {
        let sentence = format!(
            "Its time was up at {}; the server is about to end it.",
            moment(expires, now)
        );
        return Verdict::new(Stage::Challenge, Party::Server, sentence);
    }
    let looking = lanes.iter().find_map(|lane| match &lane.status {
        LaneStatus::Looking(failure) => Some((lane, failure)),
        _ => None,
    });
    match looking {
        Some((lane, Some(failure))) => between_attempts(lane, failure, now),
        Some((lane, None)) => {
            let sentence = format!(
                "The server is looking at {} for {} now.",
                method(lane),
                lane.identifier.value()
            );
            Verdict::new(Stage::Validation, Party::Server, sentence)
        }
        None => untouched(order, lanes, now),
    }
}

fn between_attempts(lane: &Lane, failure: &Failure, now: Timestamp) -> Verdict {
    let at = lane.next.unwrap_or(now);
    let sentence = format!(
        "Attempt {} at {} for {} found no answer: {}. {}; the server looks again at {}.",
        lane.attempts,
        method(lane),
        lane.identifier.value(),
        failure.detail,
        remedy(lane, failure),
        moment(at, now),
    );
    let verdict = Verdict::new(Stage::Validation, who(failure), sentence);
    verdict.because(failure).then(at, "the server looks again")
}

fn untouched(order: &Order, lanes: &[Lane], now: Timestamp) -> Verdict {
    let open: Vec<String> = lanes
        .iter()
        .filter(|lane| lane.status == LaneStatus::Untouched)
        .map(|lane| lane.identifier.value())
        .collect();
    let sentence = format!(
        "The client has not answered a challenge for {}: {} of {} identifiers are proven. The client answers, or the order expires at {}.",
        open.join(", "),
        lanes.len() - open.len(),
        lanes.len(),
        moment(order.expires(), now),
    );
    Verdict::new(Stage::Challenge, Party::Client, sentence)
        .then(order.expires(), "the order expires")
}

fn ready(order: &Order, ready: &Ready, records: &[Record], now: Timestamp) -> Verdict {
    let refused = records.iter().rev().find_map(|record| match &record.event {
        Event::FinalizeRefused { failure, .. } => Some((record.time, failure)),
        _ => None,
    });
    let expires = moment(order.expires(), now);
    let verdict = match refused {
        Some((at, failure)) => {
            let sentence = format!(
                "The certificate request was refused at {}: {}. The client sends another before {expires}.",
                moment(at, now),
                failure.detail,
            );
            Verdict::new(Stage::Finalize, Party::Client, sentence).because(failure)
        }
        None => {
            let sentence = format!(
                "Every identifier has been proven since {}, and the client has not sent its certificate request. It does, or the order expires at {expires}.",
                moment(ready.since, now),
            );
            Verdict::new(Stage::Finalize, Party::Client, sentence)
        }
    };
    verdict.then(order.expires(), "the order expires")
}

fn processing(processing: &Processing, now: Timestamp) -> Verdict {
    let since = moment(processing.since, now);
    match &processing.last_error {
        None => {
            let sentence = format!("The issuer has had the certificate request since {since}.");
            Verdict::new(Stage::Issue, Party::Issuer, sentence)
        }
        Some(failure) => {
            let sentence = format!(
                "The issuer gave no answer {} since {since}: {}. The server asks again at {}.",
                times(processing.attempts),
                failure.detail,
                moment(processing.due, now),
            );
            let verdict = Verdict::new(Stage::Issue, Party::Issuer, sentence);
            verdict
                .because(failure)
                .then(processing.due, "the server asks the issuer again")
        }
    }
}

fn times(count: u32) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}

fn valid(order: &Order, valid: &Valid, now: Timestamp) -> Verdict {
    let names: Vec<String> = order
        .identifiers()
        .iter()
        .map(|identifier| identifier.value())
        .collect();
    let issued = moment(valid.since, now);
    match valid.downloaded {
        Some(at) => {
            let sentence = format!(
                "Done: the certificate for {} was issued at {issued} and fetched {} later.",
                names.join(", "),
                span(at.since(valid.since)),
            );
            Verdict::new(Stage::Download, None, sentence)
        }
        None => {
            let sentence = format!(
                "The certificate for {} was issued at {issued}, and the client has not fetched it.",
                names.join(", ")
            );
            Verdict::new(Stage::Download, Party::Client, sentence)
        }
    }
}

fn invalid(order: &Order, invalid: &Invalid, records: &[Record], lanes: &[Lane]) -> Verdict {
    let at = invalid.since.to_rfc3339_seconds();
    match &invalid.reason {
        Reason::Expired => expired(order, records, lanes),
        Reason::Challenges(_) => failed(order, lanes, &at),
        Reason::AccountDeactivated => {
            let sentence = format!(
                "The account was deactivated by its holder at {at}, and its open orders ended with it."
            );
            Verdict::new(reached(records), Party::Client, sentence)
        }
        Reason::AuthorizationDeactivated(identifier) => {
            let sentence = format!(
                "The client gave back its authorization for {} at {at}, which ended the order. The client places another.",
                identifier.value()
            );
            Verdict::new(Stage::Authorizations, Party::Client, sentence)
        }
        Reason::Issuance(failure) => {
            let sentence = format!(
                "The issuer refused to sign at {at}: {}. The client places another order.",
                failure.detail
            );
            Verdict::new(Stage::Issue, who(failure), sentence).because(failure)
        }
    }
}

fn expired(order: &Order, records: &[Record], lanes: &[Lane]) -> Verdict {
    let stage = reached(records);
    let proven = lanes
        .iter()
        .filter(|lane| lane.status == LaneStatus::Proven)
        .count();
    let after = match stage {
        Stage::Finalize => "every identifier was proven".to_owned(),
        Stage::Order | Stage::Authorizations => "it had placed the order".to_owned(),
        _ => format!("{proven} of {} identifiers were proven", lanes.len()),
    };
    let sentence = format!(
        "Expired at {}: the client never came back after {after}. It places another order.",
        order.expires().to_rfc3339_seconds()
    );
    Verdict::new(stage, Party::Client, sentence)
}

/// The stage after the last one that was passed.
fn reached(records: &[Record]) -> Stage {
    let stage = |record: &Record| match record.event {
        Event::OrderReady { .. } => Some(Stage::Finalize),
        Event::ChallengeArmed { .. } => Some(Stage::Validation),
        Event::OrderCreated { .. } => Some(Stage::Order),
        _ => None,
    };
    records
        .iter()
        .filter_map(stage)
        .max()
        .unwrap_or(Stage::Order)
}

fn failed(order: &Order, lanes: &[Lane], at: &str) -> Verdict {
    let failures: Vec<(&Lane, &Failure)> = lanes
        .iter()
        .filter_map(|lane| match &lane.status {
            LaneStatus::Failed(failure) => Some((lane, failure)),
            _ => None,
        })
        .collect();
    let Some((lane, failure)) = failures.first().copied() else {
        return Verdict::new(
            Stage::Validation,
            Party::Client,
            format!("A challenge was failed at {at}."),
        );
    };
    let all: Vec<String> = failures
        .iter()
        .map(|(lane, failure)| failed_lane(lane, failure))
        .collect();
    let share = match order.identifiers().len() {
        1 => String::new(),
        of => format!(" ({} of {of} identifiers)", failures.len()),
    };
    let sentence = format!(
        "Stopped at {at}{share}: {}. {}, then the client places another order.",
        all.join("; "),
        remedy(lane, failure)
    );
    Verdict::new(Stage::Validation, who(failure), sentence).because(failure)
}

fn failed_lane(lane: &Lane, failure: &Failure) -> String {
    let tries = if lane.attempts > 1 {
        format!(" after {} attempts", lane.attempts)
    } else {
        String::new()
    };
    let answered = match (failure.kind, lane.answered_by()) {
        (FailureKind::IncorrectResponse | FailureKind::Unauthorized, Some(server)) => {
            format!(" (the answer came from {server})")
        }
        _ => String::new(),
    };
    format!(
        "{} for {} failed{tries}: {}{answered}",
        method(lane),
        lane.identifier.value(),
        failure.detail
    )
}

fn method(lane: &Lane) -> &'static str {
    lane.method.map_or("a challenge", Method::as_str)
}

/// Who has to mend what went wrong.
fn who(failure: &Failure) -> Party {
    match failure.kind {
        FailureKind::Dns | FailureKind::Caa => Party::DnsOwner,
        FailureKind::RejectedIdentifier => Party::Operator,
        FailureKind::ServerInternal => Party::Issuer,
        _ => Party::Client,
    }
}

/// What has to be done about it.
fn remedy(lane: &Lane, failure: &Failure) -> String {
    let name = lane.identifier.without_wildcard().value();
    match failure.kind {
        FailureKind::Connection | FailureKind::Tls => {
            match lane.last_hop().and_then(|hop| hop.dialled) {
                Some(address) => format!("Whoever runs {name} opens {address} to this server"),
                None => format!("Whoever runs {name} makes it reachable from this server"),
            }
        }
        FailureKind::Dns => format!("Whoever runs the DNS zone of {name} mends its records"),
        FailureKind::Caa => {
            format!("Whoever runs the DNS zone of {name} allows this authority in CAA")
        }
        FailureKind::RejectedIdentifier => "The operator widens the client's scope".to_owned(),
        _ if lane.method == Some(Method::Dns01) => {
            format!("The client publishes the expected TXT record at _acme-challenge.{name}")
        }
        _ => format!("The client puts its answer where {name} is served from"),
    }
}
