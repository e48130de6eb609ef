//! What is kept: one line for each commit, whole or not at all.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use base64::prelude::{BASE64_STANDARD, Engine};
use certlocker_core::{Changeset, Entry, Sequence};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A commit as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) writes: Vec<Written>,
    pub(crate) records: Vec<Recorded>,
}

/// What one row becomes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(crate) kind: String,
    pub(crate) key: String,
    /// The version that has to be there; 0 for none.
    pub(crate) expected: u64,
    pub(crate) version: u64,
    /// In base64; none removes the row.
    snapshot: Option<String>,
    pub(crate) removed: Vec<Found>,
    pub(crate) added: Vec<Found>,
}

/// By what a row is found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) unique: bool,
}

/// A record in its place.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Recorded {
    bytes: String,
    pub(crate) code: String,
    pub(crate) subjects: Vec<String>,
}

impl Line {
    /// A changeset whose first record comes after `head`.
    pub(crate) fn of(changes: &Changeset, mut head: Sequence) -> Self {
        let written = |write: &certlocker_core::Write| Written {
            kind: write.kind.as_str().to_owned(),
            key: write.key.clone(),
            expected: write.expected.makes().get() - 1,
            version: write.expected.makes().get(),
            snapshot: write
                .snapshot
                .as_ref()
                .map(|bytes| BASE64_STANDARD.encode(bytes)),
            removed: write.removed.iter().map(Found::of).collect(),
            added: write.added.iter().map(Found::of).collect(),
        };
        let records = changes.drafts().iter().map(|draft| {
            head = head.next();
            Recorded {
                bytes: BASE64_STANDARD.encode(draft.at(head)),
                code: draft.code().to_owned(),
                subjects: draft.subjects().iter().map(ToString::to_string).collect(),
            }
        });
        Self {
            writes: changes.writes().iter().map(written).collect(),
            records: records.collect(),
        }
    }
}

impl Written {
    pub(crate) fn snapshot(&self) -> Option<Vec<u8>> {
        self.snapshot.as_deref().map(decoded)
    }
}

impl Recorded {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        decoded(&self.bytes)
    }
}

/// A line is read only if its digest is right: what stands there was encoded by us.
fn decoded(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap_or_default()
}

impl Found {
    fn of(entry: &Entry) -> Self {
        Self {
            name: entry.name.to_owned(),
            value: entry.value.clone(),
            unique: entry.unique,
        }
    }
}

/// Where a journal is: a file, or what a test takes for one.
pub trait Disk: Send {
    /// All that is there.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&mut self) -> io::Result<Vec<u8>>;

    /// Adds bytes at the end; some of them, if it fails.
    ///
    /// # Errors
    /// When there is no room.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Takes back what is beyond `length`.
    ///
    /// # Errors
    /// When it cannot be written.
    fn cut(&mut self, length: u64) -> io::Result<()>;

    /// Comes back when everything would survive a loss of power.
    ///
    /// # Errors
    /// When it cannot be written.
    fn settle(&mut self) -> io::Result<()>;
}

impl Disk for File {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.seek(SeekFrom::Start(0))?;
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A disk, and how much of it is lines that were acknowledged.
pub(crate) struct Journal {
    disk: Box<dyn Disk>,
    length: u64,
}

/// What became of a line.
pub(crate) enum Appended {
    Durably,
    NotAtAll(io::Error),
    Perhaps(io::Error),
}

impl Journal {
    pub(crate) fn on(disk: Box<dyn Disk>) -> Self {
        Self { disk, length: 0 }
    }

    /// Every line, without one at the end that a crash has torn. What is read is settled first: it
    /// may come from a commit of which nothing is known.
    pub(crate) fn read(&mut self) -> io::Result<Vec<Line>> {
        let bytes = self.disk.read()?;
        let (mut lines, mut whole) = (Vec::new(), 0);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(read) = parsed(line) else { break };
            lines.push(read);
            whole += line.len();
        }
        let rest = &bytes[whole..];
        if let Some(end) = rest.iter().position(|byte| *byte == b'\n')
            && end + 1 < rest.len()
        {
            let text = format!("line {} is damaged, and others follow", lines.len() + 1);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let whole = whole as u64;
        self.disk.cut(whole)?;
        self.disk.settle()?;
        self.length = whole;
        Ok(lines)
    }

    /// Adds a line. If that fails and can be taken back, nothing was written.
    pub(crate) fn append(&mut self, line: &Line) -> Appended {
        let text = written(line);
        let added = self.disk.append(&text).and_then(|()| self.disk.settle());
        let Err(error) = added else {
            self.length += text.len() as u64;
            return Appended::Durably;
        };
        let length = self.length;
        let taken_back = self.disk.cut(length).and_then(|()| self.disk.settle());
        match taken_back {
            Ok(()) => Appended::NotAtAll(error),
            Err(_) => Appended::Perhaps(error),
        }
    }
}

/// The digest tells a line that is whole from one that a crash has torn.
fn written(line: &Line) -> Vec<u8> {
    let json = serde_json::to_string(line).expect("texts and numbers become JSON");
    format!("{} {json}\n", digest(json.as_bytes())).into_bytes()
}

fn parsed(line: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (seen, json) = text.split_once(' ')?;
    (seen == digest(json.as_bytes())).then(|| serde_json::from_str(json).ok())?
}

fn digest(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(bytes))
}
