//! What a certificate says, decided from who may use the host.

use certlocker_core::host::{EffectiveAccess, HostAccess, Presence};
use certlocker_core::{IssuedSshCertificate, Random, SshCertificateId, SshPrincipals, Timestamp};

use super::lint::{BACKDATE, lint};
use super::request::{CertificateRequest, Refusal};

/// The certificate that answers a request at `now`, if `access` to the host allows it. It ends no later
/// than the entry that allows it; of several entries, that which holds longest counts.
///
/// # Errors
/// [`Refusal`].
pub fn contents(
    request: &CertificateRequest,
    access: &HostAccess,
    principals: SshPrincipals,
    random: Random<'_>,
    now: Timestamp,
) -> Result<IssuedSshCertificate, Refusal> {
    super::key::check(&request.key)?;
    let entry = allowing(request, access)?;
    let end = now.after(request.ttl);
    let end = entry.until.map_or(end, |until| end.min(until));
    let certificate = IssuedSshCertificate {
        access_id: entry.access_id,
        extensions: request.extensions.iter().map(ToString::to_string).collect(),
        force_command: request.force_command.clone(),
        host_id: request.host,
        id: SshCertificateId::new(now, random),
        key: request.key.fingerprint(),
        login: request.login.clone(),
        principals: vec![principals.principal(&request.login, &request.host)],
        source_addresses: request
            .source_addresses
            .iter()
            .map(|net| net.trunc())
            .collect(),
        valid_after: now.whole_seconds().before(BACKDATE),
        valid_before: end.whole_seconds(),
        who: entry.line.who.clone(),
    };
    lint(&certificate, request.root)?;
    Ok(certificate)
}

/// A refusal names so many accounts.
const NAMED: usize = 10;

fn allowing<'a>(
    request: &CertificateRequest,
    access: &'a HostAccess,
) -> Result<&'a EffectiveAccess, Refusal> {
    if access.presence != Presence::Here {
        return Err(Refusal::Gone);
    }
    let key = request.key.fingerprint();
    let own = access.entries.iter().filter(|entry| entry.line.key == key);
    let own: Vec<&EffectiveAccess> = own.collect();
    let is_login = |entry: &&&EffectiveAccess| entry.line.login.as_deref() == Some(&*request.login);
    // One without an end holds longest.
    let ends = |entry: &&&EffectiveAccess| (entry.until.is_none(), entry.until);
    if let Some(entry) = own.iter().filter(is_login).max_by_key(ends) {
        return Ok(entry);
    }
    let mut others: Vec<String> = own
        .iter()
        .filter_map(|entry| entry.line.login.clone())
        .filter(|login| crate::export::is_login(login))
        .collect();
    others.sort();
    others.dedup();
    others.truncate(NAMED);
    Err(match (own.is_empty(), others.is_empty()) {
        (true, _) => Refusal::NoEntry,
        (false, true) => Refusal::UnknownLogin,
        (false, false) => Refusal::OtherLogins(others),
    })
}
