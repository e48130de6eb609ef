//! What is served at an endpoint, against what should be, and who must act.

use super::Endpoint;
use super::look::{Level, StaleCause, Standing, Verdict};
use crate::explain::moment;
use crate::{Party, Timestamp};

/// An endpoint, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointExplanation {
    /// How bad the worst is; nothing before the first look.
    pub level: Option<Level>,
    /// One sentence for each place.
    pub places: Vec<String>,
    /// One sentence for whoever has to act.
    pub sentence: String,
    /// Who must act; nobody when all is as it should be.
    pub waiting_for: Option<Party>,
}

/// Explains an endpoint from what was last seen, as of `now`.
pub fn explain_endpoint(endpoint: &Endpoint, now: Timestamp) -> EndpointExplanation {
    let standings = endpoint.standings();
    let places = standings.iter().map(|one| place(one, now)).collect();
    let worst = standings.iter().max_by_key(|one| one.level());
    let name = endpoint.spec().name();
    let (sentence, waiting_for) = match worst {
        None => (
            format!(
                "Nobody has looked at {name} yet; it is due {}.",
                moment(endpoint.due(), now)
            ),
            Some(Party::Server),
        ),
        Some(worst) if worst.level() == Level::Fine => (served(endpoint, now), None),
        Some(worst) => wrong(endpoint, worst, now),
    };
    EndpointExplanation {
        level: endpoint.level(),
        places,
        sentence,
        waiting_for,
    }
}

fn served(endpoint: &Endpoint, now: Timestamp) -> String {
    let name = endpoint.spec().name();
    let mut sentence = format!("{name} serves what is expected at every place");
    if let Some(rotation) = endpoint.rotation()
        && let Some(converged) = rotation.converged
    {
        sentence += &format!(", since {} at the latest", moment(converged, now));
        if let Some(old) = rotation.last_old {
            sentence += &format!("; the one before was seen last at {}", moment(old.at, now));
        }
    }
    sentence + "."
}

fn wrong(endpoint: &Endpoint, worst: &Standing, now: Timestamp) -> (String, Option<Party>) {
    let agreeing = endpoint
        .standings()
        .iter()
        .filter(|one| one.level() == Level::Fine);
    let name = endpoint.spec().name();
    let (remedy, party) = remedy(worst);
    let sentence = format!(
        "{name}: {} of {} places serve what is expected. At {}. {remedy}.",
        agreeing.count(),
        endpoint.standings().len(),
        place(worst, now),
    );
    (sentence, Some(party))
}

fn place(standing: &Standing, now: Timestamp) -> String {
    let sighting = &standing.sighting;
    let address = sighting.place.address;
    let address = address.map_or_else(|| "no address".to_owned(), |at| at.to_string());
    let key = sighting.place.algorithm.as_deref();
    let key = key.map_or_else(String::new, |key| format!(" ({key})"));
    let unnamed = match sighting.place.named {
        true => "",
        false => ", told no name",
    };
    format!(
        "{address}{key}{unnamed}, {}, seen since {}",
        answer(sighting.level, &sighting.verdict, now),
        moment(standing.since, now)
    )
}

fn answer(level: Level, verdict: &Verdict, now: Timestamp) -> String {
    match verdict {
        Verdict::Expected if level >= Level::Warning => {
            "the expected certificate is served, and something else is wrong with how".to_owned()
        }
        Verdict::Expected => "the expected certificate is served".to_owned(),
        Verdict::Ahead => "a certificate is served that is to be served later".to_owned(),
        Verdict::WaitingForReload { since, until } => format!(
            "the previous certificate is served, which should have gone at {}; this is waited for until {}",
            moment(*since, now),
            moment(*until, now)
        ),
        Verdict::Previous { cause, since } => format!(
            "a previous certificate is still served, which should have gone at {} (cause: {})",
            moment(*since, now),
            cause.as_str()
        ),
        Verdict::OtherItem { item } => format!("the certificate for {item} is served"),
        Verdict::Unknown => "a certificate is served that is not in the inventory".to_owned(),
        Verdict::Unusable => "what is served is no certificate".to_owned(),
        Verdict::NoCertificate { why } => format!("no certificate came: {why}"),
        Verdict::Unreachable { why } => format!("nobody answered: {why}"),
    }
}

fn remedy(standing: &Standing) -> (&'static str, Party) {
    match &standing.sighting.verdict {
        Verdict::Expected => (
            "`certlocker probe run` on it names what is wrong with the chain, the name or the time",
            Party::Operator,
        ),
        Verdict::Ahead | Verdict::WaitingForReload { .. } => {
            ("The server looks again", Party::Server)
        }
        Verdict::Previous {
            cause: StaleCause::NotReloaded,
            ..
        } => (
            "The file has the new one: whoever runs the endpoint has it read again",
            Party::Client,
        ),
        Verdict::Previous {
            cause: StaleCause::NotDeployed,
            ..
        } => (
            "The file does not have the new one: whoever runs the endpoint installs it",
            Party::Client,
        ),
        Verdict::Previous { .. } => (
            "Whoever runs the endpoint installs the new one and has it read; which of the two is missing is known once the fingerprint on the disk is (`endpoint add --disk`)",
            Party::Client,
        ),
        Verdict::OtherItem { .. } => (
            "Whoever runs the endpoint mends which name leads to which certificate",
            Party::Client,
        ),
        Verdict::Unknown => (
            "Whoever runs the endpoint says where this certificate comes from, or installs the expected one",
            Party::Client,
        ),
        Verdict::Unusable | Verdict::NoCertificate { .. } => {
            ("Whoever runs the endpoint mends its TLS", Party::Client)
        }
        Verdict::Unreachable { .. } => (
            "Whoever runs the endpoint, or the network to it, makes it reachable from here",
            Party::Client,
        ),
    }
}
