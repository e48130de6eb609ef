//! openrc files: read, never run.

use super::settings::Settings;
use super::{OpenStackCredential, build, nothing};
use crate::credentials::Reading;
use crate::credentials::statement::assignments;
use crate::credentials::text::Text;

/// Reads an openrc file of Horizon's or anybody's, for sh, PowerShell or cmd.
pub fn openstack_rc(bytes: &[u8]) -> Reading<OpenStackCredential> {
    let text = Text::decode(bytes);
    let mut reading = Reading::new();
    let mut settings = Settings::default();
    let mut first = 0;
    for (number, line) in text.lines() {
        if let Some(names) = line.trim().strip_prefix("unset ") {
            forget(names, &mut settings);
        }
        let found = assignments(line)
            .map(|(_, found)| found)
            .unwrap_or_default();
        for (name, value) in found {
            if let Some(name) = name.strip_prefix("OS_") {
                first = if first == 0 { number } else { first };
                settings.set(number, name, &value, &mut reading);
            }
        }
    }
    reading.notes.extend(text.notes);
    if !settings.is_empty() {
        build::credential("openrc", "openrc", first, settings, &mut reading);
    }
    nothing(&mut reading);
    reading.in_order()
}

fn forget(names: &str, settings: &mut Settings) {
    for name in names.split_whitespace() {
        if let Some(name) = name.strip_prefix("OS_") {
            settings.unset(name);
        }
    }
}
