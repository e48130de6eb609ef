//! In which form a record is written.

use certlocker_core::Record;

use super::ocsf;

/// The form of a record outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// As it is hashed: the bytes of the log's entry.
    #[default]
    Canonical,
    /// The Open Cybersecurity Schema Framework.
    Ocsf,
}

impl Format {
    /// One line of JSON, without its end.
    pub fn line(self, record: &Record) -> Vec<u8> {
        match self {
            Self::Canonical => record.to_canonical(),
            Self::Ocsf => ocsf(record).to_string().into_bytes(),
        }
    }
}
