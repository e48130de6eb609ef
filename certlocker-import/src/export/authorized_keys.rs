//! The keys that may use an account of a host, [`authorized_keys`](https://man.openbsd.org/sshd#AUTHORIZED_KEYS_FILE_FORMAT).

use std::collections::BTreeSet;
use std::fmt::Write;

use certlocker_core::host::Through;
use certlocker_core::{SshKey, Timestamp};
use ipnet::IpNet;

use super::name::printable;
use super::{EntryAt, Export, ExportError, HostAt, Snapshot, comments, is_login};

/// The file of one account of one host: each key with the time when it ends, and who has it by which entry.
/// With `from`, keys are accepted from there only. An entry without an account that is known is for none.
///
/// # Errors
/// [`ExportError::SeveralLogins`] when the host has several accounts and none is named.
pub fn authorized_keys(
    snapshot: &Snapshot,
    host: &HostAt,
    login: Option<&str>,
    from: &BTreeSet<IpNet>,
) -> Result<Export, ExportError> {
    let login = match login {
        Some(login) => Some(login.to_owned()),
        None => only_login(host)?,
    };
    let mut notes = Vec::new();
    let unknown = host.entries.iter().filter(|entry| entry.login.is_none());
    for entry in unknown {
        let who = super::shown(&entry.who);
        notes.push(format!("the key of {who} is left out: no account is known"));
    }
    let mut entries: Vec<&EntryAt> = host.entries.iter().collect();
    entries.sort_by_key(|entry| (&entry.who, entry.access_id));
    let mut lines = String::new();
    for entry in entries {
        if entry.login.is_none() || entry.login != login {
            continue;
        }
        if !is_known(&entry.key) {
            let who = super::shown(&entry.who);
            notes.push(format!("a key of {who} is left out: its kind is not known"));
            continue;
        }
        let _ = writeln!(lines, "{}", line(snapshot, entry, from));
    }
    let text = comments(&notes) + &lines;
    Ok(Export { notes, text })
}

/// The accounts that somebody may use.
pub fn logins(host: &HostAt) -> BTreeSet<&str> {
    let logins = host
        .entries
        .iter()
        .filter_map(|entry| entry.login.as_deref());
    logins.filter(|login| is_login(login)).collect()
}

fn only_login(host: &HostAt) -> Result<Option<String>, ExportError> {
    let logins: Vec<String> = logins(host).into_iter().map(str::to_owned).collect();
    match logins.len() {
        0 | 1 => Ok(logins.into_iter().next()),
        _ => Err(ExportError::SeveralLogins {
            host: host.name.clone(),
            logins,
        }),
    }
}

/// A line that begins with something else than the name of an algorithm would begin with options.
fn is_known(key: &SshKey) -> bool {
    let algorithm = ssh_key::Algorithm::new(key.algorithm());
    algorithm.is_ok_and(|algorithm| !matches!(algorithm, ssh_key::Algorithm::Other(_)))
        && ssh_key::PublicKey::from_bytes(key.blob()).is_ok()
}

fn line(snapshot: &Snapshot, entry: &EntryAt, from: &BTreeSet<IpNet>) -> String {
    let from: Vec<String> = from.iter().map(|net| net.trunc().to_string()).collect();
    let from = (!from.is_empty()).then(|| format!("from=\"{}\"", from.join(",")));
    let until = entry
        .until
        .map(|until| format!("expiry-time=\"{}\"", compact(until)));
    let options: Vec<String> = [until, from].into_iter().flatten().collect();
    let key = &entry.key;
    let comment = comment(snapshot, entry);
    match options.is_empty() {
        true => format!("{key} {comment}"),
        false => format!("{} {key} {comment}", options.join(",")),
    }
}

/// Who has the key, by which entry, and what made that.
fn comment(snapshot: &Snapshot, entry: &EntryAt) -> String {
    let through = match &entry.through {
        Through::Direct => None,
        Through::Group(id) => snapshot.groups.get(id),
    };
    let through = through.map_or_else(String::new, |group| format!(" group={}", group.name));
    let text = format!(
        "{} access:{}{through} {}",
        entry.who, entry.access_id, entry.origin
    );
    // Some readers take what follows `#` for a comment of another kind.
    printable(&text).replace('#', "\\u{23}")
}

/// `YYYYMMDDHHMMSSZ`.
fn compact(at: Timestamp) -> String {
    let text = at.to_rfc3339_seconds();
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() && *c != 'T')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_sshd_reads_them() {
        let at = Timestamp::parse("2026-11-25T08:40:07.5Z").unwrap();
        assert_eq!(compact(at), "20261125084007Z");
    }
}
