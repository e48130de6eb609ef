//! Bundles: entries one after the other, each behind its length in two bytes.

/// How long an entry may be: its length has two bytes.
pub const MAX_ENTRY: usize = u16::MAX as usize;

/// An entry that does not fit behind a length of two bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry has {0} bytes, and {MAX_ENTRY} is the most that one can have")]
#[allow(clippy::exhaustive_structs, reason = "a length is all there is to it")]
pub struct EntryTooLong(pub usize);

/// Adds an entry to a bundle.
///
/// # Errors
/// [`EntryTooLong`]; the bundle is as it was.
pub fn encode_entry(entry: &[u8], bundle: &mut Vec<u8>) -> Result<(), EntryTooLong> {
    let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong(entry.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle, as far as they can be read; an entry that is cut off is the last, and
/// none.
pub fn entries(mut bundle: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if bundle.is_empty() {
            return None;
        }
        let entry = bundle.split_first_chunk::<2>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        });
        bundle = entry.map_or(&[], |(_, rest)| rest);
        Some(entry.map(|(entry, _)| entry))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_back_up_to_where_they_are_cut_off() {
        let mut bundle = Vec::new();
        for entry in [&b"one"[..], b"", b"three"] {
            encode_entry(entry, &mut bundle).unwrap();
        }
        let all: Vec<_> = entries(&bundle).collect();
        assert_eq!(all, [Some(&b"one"[..]), Some(b""), Some(b"three")]);
        for cut in 1..7 {
            let read: Vec<_> = entries(&bundle[..bundle.len() - cut]).collect();
            assert_eq!(read, [Some(&b"one"[..]), Some(b""), None], "{cut}");
        }
        assert_eq!(entries(&bundle[..7]).count(), 2);
    }

    #[test]
    fn an_entry_that_is_too_long_is_refused() {
        let mut bundle = Vec::new();
        encode_entry(&vec![0; MAX_ENTRY], &mut bundle).unwrap();
        let length = bundle.len();
        assert_eq!(
            encode_entry(&vec![0; MAX_ENTRY + 1], &mut bundle),
            Err(EntryTooLong(65_536))
        );
        assert_eq!(bundle.len(), length);
    }
}
