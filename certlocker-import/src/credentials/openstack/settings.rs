//! The settings of one cloud, from whatever file they come.

use std::collections::BTreeMap;

use certlocker_core::Secret;
use zeroize::Zeroizing;

use super::Named;
use crate::credentials::{NoteKind, Reading};

/// Settings that are used here.
const USED: &[&str] = &[
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "auth_token",
    "auth_type",
    "auth_url",
    "cacert",
    "default_domain",
    "default_domain_id",
    "default_domain_name",
    "domain_id",
    "domain_name",
    "endpoint_type",
    "insecure",
    "interface",
    "password",
    "project_domain_id",
    "project_domain_name",
    "project_id",
    "project_name",
    "region_name",
    "system_scope",
    "tenant_id",
    "tenant_name",
    "token",
    "trust_id",
    "user_domain_id",
    "user_domain_name",
    "user_id",
    "username",
    "verify",
];

/// Settings that are known and of no use for an import.
const OTHER: &[&str] = &[
    "api_timeout",
    "auth_methods",
    "baremetal_api_version",
    "cert",
    "cloud",
    "cloud_name",
    "compute_api_version",
    "floating_ip_source",
    "force_ipv4",
    "identity_api_version",
    "image_api_version",
    "key",
    "network_api_version",
    "networks",
    "passcode",
    "placement_api_version",
    "prefer_ipv6",
    "volume_api_version",
];

/// Names with their lines and values; the value that was set last holds.
#[derive(Default)]
pub(super) struct Settings(BTreeMap<&'static str, Setting>);

/// A value and its line.
pub(super) struct Setting {
    pub(super) line: usize,
    pub(super) text: Zeroizing<String>,
}

impl Settings {
    /// One setting; what is not used is said in a note that names it if its name is known.
    pub(super) fn set<T>(&mut self, line: usize, name: &str, value: &str, notes: &mut Reading<T>) {
        let name = plain(name);
        if let Some(used) = known(USED, &name) {
            let text = Zeroizing::new(value.trim().to_owned());
            if !text.is_empty() {
                self.0.insert(used, Setting { line, text });
            }
            return;
        }
        let text = match known(OTHER, &name) {
            Some(name) => format!("`{name}` is of no use for an import"),
            None => "a setting that is not known here".to_owned(),
        };
        notes.note(line, NoteKind::Ignored, text);
    }

    /// Forgets a setting.
    pub(super) fn unset(&mut self, name: &str) {
        self.0.remove(plain(name).as_str());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The domain of whatever has none of its own: the default one, or the one of the token.
    pub(super) fn shared_domain(&self) -> Option<Named> {
        let text = |name| {
            self.0
                .get(name)
                .map(|setting: &Setting| (*setting.text).clone())
        };
        let ids = ["default_domain_id", "default_domain", "domain_id"];
        let names = ["default_domain_name", "domain_name"];
        let by_id = ids.into_iter().find_map(text).map(Named::Id);
        by_id.or_else(|| names.into_iter().find_map(text).map(Named::Name))
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Setting> {
        self.0.remove(name)
    }

    /// The first of these that is set.
    pub(super) fn any(&mut self, names: &[&str]) -> Option<String> {
        names
            .iter()
            .find_map(|name| self.take(name))
            .map(|setting| (*setting.text).clone())
    }

    /// The first of these that is set, as a secret.
    pub(super) fn secret(&mut self, names: &[&str]) -> Option<Secret> {
        let setting = names.iter().find_map(|name| self.take(name))?;
        Some(Secret::new(setting.text.as_bytes().to_vec()))
    }
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

fn known(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.iter().find(|known| **known == name).copied()
}
