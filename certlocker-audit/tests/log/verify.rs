//! The verifier of files names what is wrong, and where.

use certlocker_audit::checkpoint::SignedCheckpoint;
use certlocker_audit::files::{Files, Source};
use certlocker_audit::log::Log;
use certlocker_audit::verify::{Finding, Kind, Known, Report, verify_tiles};

use crate::support::{Ram, entries, key};

fn log(size: u64) -> Ram {
    let files = Ram::default();
    Log::open(files.clone(), key())
        .unwrap()
        .append(&entries(0, size))
        .unwrap();
    files
}

fn verify(files: &Ram) -> Report {
    verify_tiles(files, key().verifier(), &Known::default())
}

fn flipped(files: &Ram, path: &str, place: usize) -> Ram {
    let (mut bytes, damaged) = (files.read(path).unwrap(), files.copy());
    bytes[place] ^= 1;
    damaged.set(path, bytes);
    damaged
}

fn checkpoint(files: &Ram) -> SignedCheckpoint {
    SignedCheckpoint::open(&files.read("checkpoint").unwrap(), key().verifier()).unwrap()
}

#[test]
fn logs_of_every_interesting_size_are_good() {
    for size in [0, 1, 255, 256, 257, 1_000] {
        let report = verify(&log(size));
        assert!(report.is_good(), "{report:?}");
        assert_eq!((report.looked_at, report.size), (size, Some(size)));
    }
}

/// The entry that a byte of a bundle belongs to.
fn entry_at(size: u64, place: usize) -> u64 {
    let mut end = 0;
    let lengths = entries(0, size).into_iter().map(|entry| entry.len() + 2);
    let before = lengths.take_while(|length| {
        end += length;
        end <= place
    });
    before.count() as u64
}

#[test]
fn every_flipped_byte_is_found_and_named() {
    let files = log(12);
    for path in files.paths() {
        for place in 0..files.read(&path).unwrap().len() {
            let report = verify(&flipped(&files, &path, place));
            let first = report.findings.first();
            let first = first.unwrap_or_else(|| panic!("{path}, byte {place} is not found"));
            assert_eq!(first.place, path, "byte {place}: {first}");
            let (kinds, index): (&[Kind], _) = match path.as_str() {
                "checkpoint" => (&[Kind::Checkpoint], None),
                "tile/0/000.p/12" => (&[Kind::Tile], Some(place as u64 / 32)),
                _ => (&[Kind::Entry, Kind::Missing], Some(entry_at(12, place))),
            };
            assert!(
                kinds.contains(&first.kind) && first.index == index,
                "byte {place}: {first}"
            );
        }
    }
}

#[test]
fn flipped_bytes_are_found_at_every_level() {
    let files = log(600);
    for path in files.paths() {
        let length = files.read(&path).unwrap().len();
        for place in (0..length).step_by(length.div_ceil(23)) {
            let report = verify(&flipped(&files, &path, place));
            let named = report.findings.iter().any(|finding| finding.place == path);
            assert!(named, "{path}, byte {place}: {:?}", report.findings);
        }
    }
}

#[test]
fn a_file_that_is_missing_cut_off_or_longer_is_named() {
    let files = log(600);
    for path in files.paths() {
        let damaged = files.copy();
        damaged.remove(&path).unwrap();
        assert_eq!(verify(&damaged).findings[0].place, path);
        let bytes = files.read(&path).unwrap();
        for wrong in [
            bytes[..bytes.len() - 1].to_vec(),
            [&bytes[..], b"x"].concat(),
        ] {
            let damaged = files.copy();
            damaged.set(&path, wrong);
            let report = verify(&damaged);
            let named = report.findings.iter().any(|finding| finding.place == path);
            assert!(named, "{path}: {:?}", report.findings);
        }
    }
}

#[test]
fn an_older_log_and_another_one_are_told_from_an_anchor() {
    let files = log(300);
    let anchor = checkpoint(&files);
    let known = Known::anchors(vec![anchor, checkpoint(&log(299)), checkpoint(&log(0))]);
    assert!(verify_tiles(&files, key().verifier(), &known).is_good());
    assert!(verify_tiles(&log(700), key().verifier(), &known).is_good());
    let kind = |findings: &[Finding]| {
        findings
            .iter()
            .map(|finding| finding.kind)
            .collect::<Vec<_>>()
    };
    let older = verify_tiles(&log(299), key().verifier(), &known);
    assert_eq!(kind(&older.findings), [Kind::Rollback]);
    let other = Ram::default();
    let mut fork = entries(0, 400);
    fork[7] = b"another".to_vec();
    Log::open(other.clone(), key())
        .unwrap()
        .append(&fork)
        .unwrap();
    let fork = verify_tiles(&other, key().verifier(), &known);
    assert_eq!(kind(&fork.findings), [Kind::Fork, Kind::Fork]);
}

#[test]
fn pruned_entries_are_accepted_only_below_what_the_auditor_knows() {
    let files = log(1_000);
    Log::open(files.clone(), key()).unwrap().prune(600).unwrap();
    let mut known = Known::default();
    known.minimum = 600;
    let report = verify_tiles(&files, key().verifier(), &known);
    assert!(
        report.is_good() && report.looked_at == 1_000 - 512,
        "{report:?}"
    );
    let missing = verify(&files);
    assert_eq!(missing.findings[0].kind, Kind::Missing);
}
