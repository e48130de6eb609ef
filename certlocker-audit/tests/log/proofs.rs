//! Proofs from files.

use certlocker_audit::files::Source;
use certlocker_audit::log::Log;
use certlocker_audit::proof::Receipt;
use certlocker_audit::tree::verify_consistency;

use crate::support::{Ram, entries, key};

#[test]
fn a_receipt_of_every_entry_is_checked_without_the_log() {
    let mut log = Log::open(Ram::default(), key()).unwrap();
    log.append(&entries(0, 300)).unwrap();
    for (index, entry) in entries(0, 300).iter().enumerate() {
        let text = log.receipt(index as u64).unwrap().unwrap().to_string();
        let receipt: Receipt = text.parse().unwrap();
        receipt.verify(entry, key().verifier()).unwrap();
    }
    assert_eq!(log.receipt(300).unwrap(), None);
}

#[test]
fn a_log_grown_in_any_steps_has_the_same_files_and_is_consistent() {
    let whole = Ram::default();
    Log::open(whole.clone(), key())
        .unwrap()
        .append(&entries(0, 600))
        .unwrap();
    let (files, mut seen) = (Ram::default(), Vec::new());
    let mut size = 0;
    for step in [1, 1, 100, 154, 1, 255, 3, 85] {
        let mut log = Log::open(files.clone(), key()).unwrap();
        let checkpoint = log
            .append(&entries(size, size + step))
            .unwrap()
            .checkpoint()
            .clone();
        size += step;
        for (old, old_root) in &seen {
            let proof = log.consistency(*old).unwrap().unwrap();
            verify_consistency(*old, size, &proof, old_root, &checkpoint.root).unwrap();
        }
        seen.push((size, checkpoint.root));
    }
    // Beside them are the partial ones of the sizes before, for those who have such a checkpoint.
    for path in whole.paths() {
        assert_eq!(
            files.read(&path).unwrap(),
            whole.read(&path).unwrap(),
            "{path}"
        );
    }
}

#[test]
fn pruned_entries_are_gone_and_every_proof_stays() {
    let files = Ram::default();
    let mut log = Log::open(files.clone(), key()).unwrap();
    log.append(&entries(0, 1_000)).unwrap();
    log.prune(700).unwrap();
    let bundles = || {
        files
            .paths()
            .into_iter()
            .filter(|path| path.contains("entries"))
            .count()
    };
    assert_eq!(bundles(), 2);
    log.prune(1_000).unwrap();
    assert_eq!(bundles(), 1);
    let receipt = log.receipt(3).unwrap().unwrap();
    receipt.verify(&entries(3, 4)[0], key().verifier()).unwrap();
    let mut log = Log::open(files, key()).unwrap();
    assert_eq!(
        log.append(&entries(1_000, 1_001))
            .unwrap()
            .checkpoint()
            .size,
        1_001
    );
}
