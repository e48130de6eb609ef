//! What comes from outside is read or refused, and what was read is written as it was.

use certlocker_audit::checkpoint::{Checkpoint, SignedCheckpoint};
use certlocker_audit::files::Source;
use certlocker_audit::log::Log;
use certlocker_audit::note::{Note, VerifierKey};
use certlocker_audit::policy::Policy;
use certlocker_audit::proof::Receipt;
use certlocker_audit::tile::{Resource, entries as bundled};
use certlocker_audit::verify::{Known, verify_tiles};
use proptest::prelude::*;

use crate::support::{Ram, entries, key};

fn samples() -> Vec<String> {
    let mut log = Log::open(Ram::default(), key()).unwrap();
    log.append(&entries(0, 9)).unwrap();
    let vkey = key().verifier().to_string();
    vec![
        log.checkpoint().to_string(),
        log.receipt(3).unwrap().unwrap().to_string(),
        format!("log {vkey}\nquorum none\n"),
        vkey,
        "tile/1/x001/234.p/7".to_owned(),
    ]
}

/// A sample with parts cut out, doubled and replaced.
fn mangled() -> impl Strategy<Value = String> {
    let edit = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        "\\PC{0,4}|\n{0,2}",
    );
    (0..samples().len(), prop::collection::vec(edit, 0..4)).prop_map(|(which, edits)| {
        let mut text: Vec<char> = samples()[which].chars().collect();
        for (from, length, new) in edits {
            let from = from.index(text.len() + 1);
            let to = (from + length.index(9)).min(text.len());
            text.splice(from..to, new.chars());
        }
        text.into_iter().collect()
    })
}

fn written_as_it_was<T: std::str::FromStr + ToString>(text: &str) -> bool {
    text.parse::<T>()
        .map_or(true, |read| read.to_string() == text)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused_or_reads_back_as_it_was(text in prop_oneof![mangled(), "\\PC{0,80}"]) {
        prop_assert!(written_as_it_was::<Note>(&text));
        prop_assert!(written_as_it_was::<Receipt>(&text));
        prop_assert!(written_as_it_was::<Resource>(&text));
        prop_assert!(written_as_it_was::<VerifierKey>(&text));
        let _ = (text.parse::<Checkpoint>(), text.parse::<Policy>());
        let opened = SignedCheckpoint::open(text.as_bytes(), key().verifier());
        prop_assert!(opened.is_err() || samples().contains(&text));
    }

    #[test]
    fn a_log_of_any_bytes_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), which in 0..3_usize) {
        let files = Ram::default();
        Log::open(files.clone(), key()).unwrap().append(&entries(0, 5)).unwrap();
        let path = &files.paths()[which];
        let same = files.read(path).unwrap() == bytes;
        files.set(path, bytes.clone());
        prop_assert!(same || !verify_tiles(&files, key().verifier(), &Known::default()).is_good());
        prop_assert!(bundled(&bytes).count() <= bytes.len());
    }
}
