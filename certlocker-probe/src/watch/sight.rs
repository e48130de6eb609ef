//! Between the words of the prober and those that are stored.

use certlocker_core::Timestamp;
use certlocker_core::endpoint::{
    EndpointSpec, Expectation, Level as Stored, Look, Place, Sighting, StaleCause,
    Timings as StoredTimings, Verdict as Told,
};

use crate::{Cause, Facts, Fingerprint, Level, Report, Target, Verdict};

/// What the one item of an endpoint's inventory is called.
pub(super) const ITEM: &str = "this endpoint";

/// Where to look.
///
/// # Errors
/// What does not read; another version may have written it.
pub(super) fn target(spec: &EndpointSpec) -> Result<Target, String> {
    let protocol = spec.protocol.parse();
    let protocol = protocol.map_err(|error: crate::UnknownProtocol| error.to_string())?;
    let mut target = Target::new(spec.host.clone(), spec.port);
    ITEM.clone_into(&mut target.item);
    target.connect_to.clone_from(&spec.connect_to);
    target.on_disk = spec.disk.as_deref().and_then(Fingerprint::parse);
    target.protocol = protocol;
    target.without_name = spec.without_name;
    Ok(target)
}

/// A look that could not begin.
pub(super) fn nowhere(why: String, expectation: Option<Expectation>, at: Timestamp) -> Look {
    let sighting = Sighting {
        chain: Vec::new(),
        level: Stored::Failure,
        lifetime: None,
        place: Place {
            address: None,
            algorithm: None,
            named: true,
        },
        timings: None,
        verdict: Told::Unreachable { why },
    };
    Look {
        at,
        expectation,
        sightings: vec![sighting],
    }
}

pub(super) fn sighting(report: &Report, verdict: Told) -> Sighting {
    let chain = report.captured.iter().flat_map(|captured| &captured.chain);
    let leaf = report.captured.as_ref();
    let leaf = leaf.and_then(|captured| Facts::read(&captured.chain.first()?.0).ok());
    let cell = report.cell.as_ref();
    let algorithm = cell.and_then(|cell| cell.algorithm);
    Sighting {
        chain: chain
            .map(|der| Fingerprint::of(&der.0).to_string())
            .collect(),
        level: level(report.level),
        lifetime: leaf.map(|leaf| (leaf.not_before, leaf.not_after)),
        place: Place {
            address: cell.map(|cell| cell.address),
            algorithm: algorithm.map(|algorithm| format!("{algorithm:?}").to_lowercase()),
            named: cell.is_none_or(|cell| cell.named),
        },
        timings: report.timings.map(|timings| StoredTimings {
            certificate_us: timings.certificate_us,
            connect_us: timings.connect_us,
        }),
        verdict,
    }
}

fn level(level: Level) -> Stored {
    match level {
        Level::Fine => Stored::Fine,
        Level::Notice => Stored::Notice,
        Level::Warning => Stored::Warning,
        Level::Failure => Stored::Failure,
    }
}

pub(super) fn verdict(verdict: &Verdict) -> Told {
    match verdict {
        Verdict::Expected => Told::Expected,
        Verdict::Ahead => Told::Ahead,
        Verdict::WaitingForReload { since, until } => Told::WaitingForReload {
            since: *since,
            until: *until,
        },
        Verdict::Previous { cause, since } => Told::Previous {
            cause: match cause {
                Cause::NotDeployed => StaleCause::NotDeployed,
                Cause::NotReloaded => StaleCause::NotReloaded,
                Cause::Unknown => StaleCause::Unknown,
            },
            since: *since,
        },
        Verdict::OtherItem { item } => Told::OtherItem { item: item.clone() },
        Verdict::Unknown => Told::Unknown,
        Verdict::Unusable => Told::Unusable,
        Verdict::NoCertificate { why } => Told::NoCertificate { why: why.clone() },
        Verdict::Unreachable { why } => Told::Unreachable { why: why.clone() },
    }
}

/// A certificate of the lineage that is older than those that were compared.
pub(super) fn older(newest_from: Timestamp) -> Told {
    Told::Previous {
        cause: StaleCause::Unknown,
        since: newest_from,
    }
}
