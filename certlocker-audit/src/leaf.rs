//! Which entry of the log a record becomes.

use std::borrow::Cow;

use certlocker_core::Sequence;
use sha2::{Digest, Sha256};

use crate::tile::MAX_ENTRY;

/// The entry of a record: its canonical bytes.
///
/// A record that is longer than an entry can be is bound by its digest instead, in an entry that
/// says so; the log does not stop at it.
pub fn entry_of(sequence: Sequence, record: &[u8]) -> Cow<'_, [u8]> {
    if record.len() <= MAX_ENTRY {
        return Cow::Borrowed(record);
    }
    let digest = Sha256::digest(record);
    let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let length = record.len();
    let entry =
        format!(r#"{{"length":{length},"sequence":{sequence},"sha256":"{hexadecimal}","v":0}}"#);
    Cow::Owned(entry.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_too_long_is_bound_by_its_digest() {
        let place = Sequence::new(7);
        let short = vec![b'x'; MAX_ENTRY];
        assert_eq!(entry_of(place, &short), short);
        let entry = entry_of(place, &[b'x'; MAX_ENTRY + 1]).into_owned();
        let entry = String::from_utf8(entry).unwrap();
        assert!(
            entry.starts_with(r#"{"length":65536,"sequence":7,"sha256":""#),
            "{entry}"
        );
        assert_ne!(entry.as_bytes(), &*entry_of(place, &[b'y'; MAX_ENTRY + 1]));
    }
}
