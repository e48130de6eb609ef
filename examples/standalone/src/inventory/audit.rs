//! Questions about what happened.

use certlocker_audit::checkpoint::SignedCheckpoint;
use certlocker_audit::files::Source;
use certlocker_audit::log::receipt;
use certlocker_audit::why::{Renewal, Step, renewal, sentence, trigger_sentence, why};
use certlocker_core::{
    Actor, CertificateId, Direction, Event, Record, RecordQuery, Sequence, Subject, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::view::TimelineEntry;
use super::{Inventory, InventoryError};
use crate::audit::AuditError;

/// Which records, as they are asked for from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "built from arguments")]
pub struct RecordsRequest {
    /// Who did it, as `kind:name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What was done, by the name or the code of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What it was done to, as `kind:id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// From when on, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Before when, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The number of the last record of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// The oldest first instead of the newest.
    #[serde(default)]
    pub oldest_first: bool,
}

const USUAL: usize = 50;
const MOST: usize = 1_000;

impl RecordsRequest {
    fn query(&self) -> Result<RecordQuery, InventoryError> {
        let limit = self.limit.unwrap_or(USUAL).clamp(1, MOST);
        let mut query = RecordQuery::newest(limit);
        if self.oldest_first {
            query.direction = Direction::OldestFirst;
        }
        query.about = self
            .about
            .clone()
            .map(Subject::try_from)
            .transpose()
            .map_err(invalid)?;
        query.actor = self
            .actor
            .clone()
            .map(Actor::try_from)
            .transpose()
            .map_err(invalid)?;
        query.code = self.action.as_deref().map(code).transpose()?;
        query.since = self
            .since
            .as_deref()
            .map(Timestamp::parse)
            .transpose()
            .map_err(invalid)?;
        query.until = self
            .until
            .as_deref()
            .map(Timestamp::parse)
            .transpose()
            .map_err(invalid)?;
        query.after = self.cursor.map(Sequence::new);
        Ok(query)
    }

    /// The request as the query of a URL.
    pub fn to_query(&self) -> String {
        to_query(self)
    }
}

/// The members of a request as the query of a URL.
pub(super) fn to_query(request: &impl Serialize) -> String {
    let value = serde_json::to_value(request).unwrap_or_default();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in value.as_object().into_iter().flatten() {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        query.append_pair(name, &text);
    }
    query.finish()
}

fn invalid(error: impl std::fmt::Display) -> InventoryError {
    InventoryError::Invalid(error.to_string())
}

/// The code of an event, from its code or its name.
fn code(action: &str) -> Result<String, InventoryError> {
    let mut known = Event::VOCABULARY.iter();
    let found = known.find(|(code, name)| *code == action || *name == action);
    found.map(|(code, _)| (*code).to_owned()).ok_or_else(|| {
        let near = Event::VOCABULARY.iter().map(|(_, name)| *name);
        let near = near.max_by(|one, other| {
            strsim::jaro_winkler(one, action).total_cmp(&strsim::jaro_winkler(other, action))
        });
        let near = near.unwrap_or_default();
        invalid(format!(
            "`{action}` is the name or code of no event; is `{near}` meant?"
        ))
    })
}

/// Why something is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_audit::why")]
#[non_exhaustive]
pub struct WhyView {
    pub subject: String,
    pub steps: Vec<WhyStep>,
    pub root: String,
}

/// What happened during a renewal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_audit::why")]
#[non_exhaustive]
pub struct RenewalView {
    pub order: String,
    pub certificate: Option<String>,
    pub replaces: Option<String>,
    /// All that happened to the order.
    pub records: Vec<WhyStep>,
    pub way: Vec<WhyStep>,
    pub root: String,
}

/// One step of the way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_audit::why")]
#[non_exhaustive]
pub struct WhyStep {
    pub record: u64,
    pub time: String,
    pub code: String,
    pub about: String,
    pub actor: String,
    pub trigger: String,
    pub sentence: String,
}

/// The proof that a record is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in certlocker_audit::proof")]
#[non_exhaustive]
pub struct ReceiptView {
    pub record: u64,
    /// The entry that is proven.
    pub entry: String,
    /// The proof, in the form of c2sp.org/tlog-proof.
    pub receipt: String,
}

impl Inventory {
    /// The records that are asked for.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn find_records(
        &self,
        request: &RecordsRequest,
    ) -> Result<Vec<TimelineEntry>, InventoryError> {
        let found = self.store.find_records(&request.query()?).await?;
        Ok(found.iter().map(TimelineEntry::from).collect())
    }

    /// Why a thing is there; a certificate also by its serial number, an order by its URL.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn why(&self, kind: &str, id: &str) -> Result<WhyView, InventoryError> {
        let subject = self.subject(kind, id).await?;
        let steps = why(self.store.as_ref(), subject).await?;
        if steps.is_empty() {
            return Err(InventoryError::NotFound(format!("record about {subject}")));
        }
        Ok(WhyView {
            subject: subject.to_string(),
            steps: steps.iter().map(WhyStep::from).collect(),
            root: root_of(&steps),
        })
    }

    /// What happened during the renewal that a certificate came of, or that an order was.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn renewal(&self, kind: &str, id: &str) -> Result<RenewalView, InventoryError> {
        let subject = self.subject(kind, id).await?;
        let told = renewal(self.store.as_ref(), subject).await?;
        let missing = || InventoryError::NotFound(format!("record of an order of {subject}"));
        told.as_ref().map(RenewalView::from).ok_or_else(missing)
    }

    async fn subject(&self, kind: &str, id: &str) -> Result<Subject, InventoryError> {
        if kind == "certificate" && id.parse::<CertificateId>().is_err() {
            let found = self.certificate_by_serial(id).await?;
            return Ok(Subject::Certificate(*found.value.id()));
        }
        let id = id.rsplit('/').next().unwrap_or(id);
        Subject::try_from(format!("{kind}:{id}")).map_err(invalid)
    }

    /// The proof that a record is in the log.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub async fn receipt(&self, record: u64) -> Result<ReceiptView, InventoryError> {
        let before = record.checked_sub(1);
        let before = before.ok_or_else(|| invalid("records are counted from 1"))?;
        let stored = self.store.stored_records(Sequence::new(before), 1).await?;
        let missing = || InventoryError::NotFound(format!("record {record}"));
        let stored = stored.first().ok_or_else(missing)?;
        let entry = certlocker_audit::entry_of(stored.sequence, &stored.bytes).into_owned();
        let checkpoint = self.checkpoint_over(before)?;
        let receipt = receipt(self.audit.files(), &checkpoint, before).map_err(AuditError::Log)?;
        let later = || InventoryError::NotFound(format!("entry of record {record} in the log yet"));
        Ok(ReceiptView {
            record,
            entry: String::from_utf8_lossy(&entry).into_owned(),
            receipt: receipt.ok_or_else(later)?.to_string(),
        })
    }

    /// The newest checkpoint that witnesses cosigned, if it has this entry; otherwise the newest.
    fn checkpoint_over(&self, index: u64) -> Result<SignedCheckpoint, InventoryError> {
        let witnessed = self.audit.witnessed()?;
        match witnessed.filter(|witnessed| witnessed.checkpoint().size > index) {
            Some(witnessed) => Ok(witnessed),
            None => self.checkpoint(),
        }
    }

    /// The newest checkpoint of the log.
    ///
    /// # Errors
    /// [`InventoryError::Audit`].
    pub fn checkpoint(&self) -> Result<SignedCheckpoint, InventoryError> {
        let path = certlocker_audit::tile::CHECKPOINT;
        let read = self.audit.files().read(path);
        let bytes = read.map_err(|source| AuditError::File {
            path: self.audit.files().path().join(path),
            source,
        })?;
        let opened = SignedCheckpoint::open(&bytes, &self.audit.verifier()?);
        Ok(opened.map_err(|error| AuditError::Log(error.into()))?)
    }
}

/// What set the first step off.
fn root_of(steps: &[Step]) -> String {
    let last = steps.last();
    last.map(|step| root(&step.record)).unwrap_or_default()
}

/// What set a record off, with its number.
pub(super) fn root(record: &Record) -> String {
    format!("Record {}: {}", record.sequence, trigger_sentence(record))
}

impl From<&Renewal> for RenewalView {
    fn from(told: &Renewal) -> Self {
        let about = Subject::Order(told.order);
        let records = told.records.iter();
        Self {
            order: told.order.to_string(),
            certificate: told.certificate.map(|id| id.to_string()),
            replaces: told.replaces.map(|id| id.to_string()),
            records: records.map(|record| WhyStep::of(&about, record)).collect(),
            way: told.way.iter().map(WhyStep::from).collect(),
            root: root_of(&told.way),
        }
    }
}

impl WhyStep {
    pub(super) fn of(about: &Subject, record: &Record) -> Self {
        Self {
            record: record.sequence.get(),
            time: record.time.to_rfc3339_seconds(),
            code: record.event.code().to_owned(),
            about: about.to_string(),
            actor: record.actor.to_string(),
            trigger: record.cause.trigger.to_string(),
            sentence: sentence(record),
        }
    }
}

impl From<&Step> for WhyStep {
    fn from(step: &Step) -> Self {
        Self::of(&step.about, &step.record)
    }
}
