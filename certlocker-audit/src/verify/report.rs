//! What was looked at, and what is wrong with it.

use std::fmt;

use crate::tree::Hash;

/// What a verification came to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The index of the first entry that was there to be looked at; those before it were removed, as
    /// far as that was known to be allowed.
    pub first: Option<u64>,
    /// How many entries or records were looked at.
    pub looked_at: u64,
    /// The signed size, if there is a checkpoint.
    pub size: Option<u64>,
    /// The signed root, if there is a checkpoint.
    pub root: Option<Hash>,
    /// What is wrong, the first first; of many, the first [`Report::MOST`].
    pub findings: Vec<Finding>,
    /// How many more things are wrong.
    pub more: u64,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// The index of the first entry that it is about; record `index + 1`.
    pub index: Option<u64>,
    /// Where it was found.
    pub place: String,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

/// Kinds of things that can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// There is no checkpoint, or the log has not signed it.
    Checkpoint,
    /// An entry or a record is not the one that the log has at its place.
    Entry,
    /// The log is another one than at an anchored checkpoint.
    Fork,
    /// A record is missing.
    Gap,
    /// A record is found by something else than what it says.
    Index,
    /// A file is missing, cut off or longer than it may be.
    Missing,
    /// A record does not read, or is not in its canonical form.
    Record,
    /// The log is smaller than at an anchored checkpoint.
    Rollback,
    /// Everything together is not what was signed.
    Root,
    /// A sealed secret is not the one that was stored last.
    Secret,
    /// A tile is not the one above its entries.
    Tile,
    /// The ledger ends before the log does.
    Truncated,
}

impl Kind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Entry => "entry",
            Self::Fork => "fork",
            Self::Gap => "gap",
            Self::Index => "index",
            Self::Missing => "missing",
            Self::Record => "record",
            Self::Rollback => "rollback",
            Self::Root => "root",
            Self::Secret => "secret",
            Self::Tile => "tile",
            Self::Truncated => "truncated",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.place)?;
        if let Some(index) = self.index {
            write!(f, ", entry {index}")?;
        }
        write!(
            f,
            ": {} was expected, and {} is there",
            self.expected, self.seen
        )
    }
}

impl Report {
    /// How many findings are kept.
    pub const MOST: usize = 100;

    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    /// Takes the findings of another look at the same thing.
    pub fn merge(&mut self, other: Self) {
        self.first = self.first.or(other.first);
        self.looked_at = self.looked_at.max(other.looked_at);
        self.size = self.size.or(other.size);
        self.root = self.root.or(other.root);
        self.more += other.more;
        for finding in other.findings {
            if !self.findings.contains(&finding) {
                self.add(finding);
            }
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        if self.findings.len() < Self::MOST {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn wrong(
        &mut self,
        kind: Kind,
        index: Option<u64>,
        place: impl fmt::Display,
        expected: impl fmt::Display,
        seen: impl fmt::Display,
    ) {
        self.add(Finding {
            kind,
            index,
            place: place.to_string(),
            expected: expected.to_string(),
            seen: seen.to_string(),
        });
    }
}
