//! Sealed secrets against what the records say of them.

use std::collections::BTreeMap;

use certlocker_core::{Event, Page, RecordedSecret, SecretId, SecretRows, StoreError};

use super::{Finding, Kind};

const PAGE: usize = 500;

/// Which bytes of each secret are the current ones, and the entry that says so.
#[derive(Debug, Default)]
pub(super) struct Secrets(BTreeMap<SecretId, (u64, RecordedSecret)>);

impl Secrets {
    /// Takes what a record says; a later one holds.
    pub(super) fn note(&mut self, index: u64, event: &Event) {
        if let Some(recorded) = RecordedSecret::of(event) {
            self.0.insert(recorded.id, (index, recorded));
        }
    }

    /// What is wrong with what is stored.
    pub(super) async fn compare(&self, rows: &dyn SecretRows) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::new();
        for (index, recorded) in self.0.values() {
            let seen = match rows.sealed(&recorded.id).await {
                Ok(sealed) => {
                    let seen = RecordedSecret::from(&sealed.value);
                    if seen == *recorded {
                        continue;
                    }
                    seen.to_string()
                }
                Err(StoreError::NotFound) => "nothing".to_owned(),
                Err(StoreError::Corrupt(error)) => error.to_string(),
                Err(error) => return Err(error),
            };
            findings.push(finding(
                Some(*index),
                &recorded.id,
                recorded.to_string(),
                seen,
            ));
        }
        findings.extend(self.unrecorded(rows).await?);
        Ok(findings)
    }

    /// Secrets that no record stored.
    async fn unrecorded(&self, rows: &dyn SecretRows) -> Result<Vec<Finding>, StoreError> {
        let (mut findings, mut after) = (Vec::new(), None);
        loop {
            let page = match rows.sealed_secrets(Page::oldest(PAGE).after(after)).await {
                // Which one does not read was said above, unless no record is about it.
                Err(StoreError::Corrupt(_)) => return Ok(findings),
                page => page?,
            };
            let Some(last) = page.last() else {
                return Ok(findings);
            };
            after = Some(last.value.id().to_string());
            for sealed in &page {
                let id = sealed.value.id();
                if !self.0.contains_key(id) {
                    let seen = RecordedSecret::from(&sealed.value).to_string();
                    findings.push(finding(
                        None,
                        id,
                        "a record that stored it".to_owned(),
                        seen,
                    ));
                }
            }
        }
    }
}

fn finding(index: Option<u64>, id: &SecretId, expected: String, seen: String) -> Finding {
    Finding {
        kind: Kind::Secret,
        index,
        place: format!("secret {id}"),
        expected,
        seen,
    }
}
