//! The client's configuration, [`ssh_config(5)`](https://man.openbsd.org/ssh_config).

use std::collections::BTreeSet;
use std::fmt::Write;

use super::name::{Names, is_host_name, shown};
use super::{Export, ExportError, HostAt, Settings, Snapshot, comments};

/// A section for each host that has an address, under its name, its names in DNS and its cloud's name for it,
/// each as long as no other host has it. The first section that fits counts, so that no name stands twice.
///
/// # Errors
/// [`ExportError::Setting`].
pub fn ssh_config(snapshot: &Snapshot, settings: &Settings) -> Result<Export, ExportError> {
    settings.check()?;
    let names = Names::of_hosts(&snapshot.hosts);
    let mut notes = names.notes;
    let mut taken: BTreeSet<String> = names.hosts.values().cloned().collect();
    let mut sections = String::new();
    for (id, host) in &snapshot.hosts {
        let Some(destination) = host.destination(settings.address) else {
            let name = shown(&host.name);
            notes.push(format!("host {name} is left out: it has no address"));
            continue;
        };
        let mut section = format!("\nHost {}", names.hosts[id]);
        for alias in aliases(host) {
            if is_host_name(&alias) && taken.insert(alias.clone()) {
                section += &format!(" {alias}");
            }
        }
        let _ = write!(section, "\n    HostName {destination}\n");
        if let Some(user) = host.user(&snapshot.groups).name(host, &mut notes) {
            let _ = writeln!(section, "    User {user}");
        }
        if let Some(port) = settings.port {
            let _ = writeln!(section, "    Port {port}");
        }
        if let Some(identity) = settings.identity(host) {
            let _ = writeln!(section, "    IdentityFile \"{identity}\"");
        }
        sections += &section;
    }
    let text = comments(&notes) + sections.trim_start_matches('\n');
    Ok(Export { notes, text })
}

fn aliases(host: &HostAt) -> impl Iterator<Item = String> {
    let cloud = host.cloud.iter().map(|id| id.instance().to_owned());
    cloud.chain(host.facts.hostnames.iter().cloned())
}
