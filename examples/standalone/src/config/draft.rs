//! The texts of all settings while the layers are laid over each other.

use std::fmt;

use super::error::ConfigError;
use super::origin::Origin;
use super::table::{Preset, Setting, TABLE};
use super::value::{Form, Value};

/// The texts that were given for a setting, and where.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The setting's field; see [`TABLE`].
    pub field: &'static str,
    /// Where the texts came from.
    pub origin: Origin,
    /// The texts: none when it is unset, several for a list.
    pub texts: Vec<String>,
}

/// Without the texts, at which nobody has looked yet.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("field", &self.field)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// One entry for each setting, in the order of the table.
#[derive(Clone, Debug)]
pub struct Draft(Vec<Entry>);

impl Draft {
    /// Nothing but defaults, those that are made from other settings left open.
    pub(super) fn of_presets() -> Self {
        Self(TABLE.iter().map(preset).collect())
    }

    /// Puts entries of one layer over what is there; a list replaces a list.
    pub(super) fn lay_over(&mut self, layer: Vec<Entry>) {
        for entry in layer {
            if let Some(below) = self.0.iter_mut().find(|row| row.field == entry.field) {
                *below = entry;
            }
        }
    }

    /// Fills in what is made from other settings.
    pub(super) fn derive(&mut self) -> Result<(), ConfigError> {
        for (at, setting) in TABLE.iter().enumerate() {
            let Preset::Derived { from, .. } = setting.preset else {
                continue;
            };
            if matches!(self.0[at].origin, Origin::Derived(_)) {
                self.0[at].texts = vec![from(self)?];
            }
        }
        Ok(())
    }

    pub(super) fn entry(&self, field: &str) -> &Entry {
        let found = self.0.iter().find(|row| row.field == field);
        found.expect("a draft has an entry for each row of the table")
    }

    pub(super) fn read<T: Value>(&self, field: &'static str) -> Result<T, ConfigError> {
        let entry = self.entry(field);
        T::from_texts(&entry.texts).map_err(|misfit| ConfigError::Misfit {
            key: field.replace('_', "-"),
            misfit,
            origin: entry.origin.clone(),
        })
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.0
    }
}

fn preset(setting: &Setting) -> Entry {
    let (origin, texts) = match setting.preset {
        Preset::Text(text) => (Origin::Default, split(setting, text)),
        Preset::Derived { rule, .. } => (Origin::Derived(rule), Vec::new()),
        Preset::Unset { .. } => (Origin::Default, Vec::new()),
    };
    Entry {
        field: setting.field,
        origin,
        texts,
    }
}

/// The texts in one text: those of a list are separated by commas.
pub(crate) fn split(setting: &Setting, text: &str) -> Vec<String> {
    if setting.form != Form::List {
        return vec![text.to_owned()];
    }
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}
