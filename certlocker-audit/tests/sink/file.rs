use std::fs;
use std::path::Path;
use std::sync::Arc;

use certlocker_audit::sink::conformance::{Fresh, records};
use certlocker_audit::sink::{AuditSink, FileSink, Format, Rotation};
use certlocker_core::Record;
use pollster::block_on;

fn fresh() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let sink = Arc::new(FileSink::new(&path, Format::Canonical, Rotation::default()));
    Fresh::new(
        sink,
        move || lines(&directory.path().join("audit.jsonl")),
        crate::run,
    )
}

certlocker_audit::sink_conformance!(fresh);

fn lines(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(path).unwrap_or_default();
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.map(|line| line[..line.len() - 1].to_vec()).collect()
}

fn wanted(records: &[Record]) -> Vec<Vec<u8>> {
    records.iter().map(Record::to_canonical).collect()
}

#[test]
fn a_file_that_is_moved_or_removed_is_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let sink = FileSink::new(&path, Format::Canonical, Rotation::default());
    let all = records(&["a"; 6]);
    block_on(sink.deliver(&all[..2])).unwrap();
    fs::rename(&path, directory.path().join("moved")).unwrap();
    block_on(sink.deliver(&all[2..4])).unwrap();
    assert_eq!(lines(&path), wanted(&all[2..4]));
    fs::remove_file(&path).unwrap();
    block_on(sink.deliver(&all[4..])).unwrap();
    assert_eq!(lines(&path), wanted(&all[4..]));
}

#[test]
fn a_line_that_a_crash_cut_off_goes_because_its_record_comes_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let all = records(&["a"; 3]);
    let mut cut = all[0].to_canonical();
    cut.push(b'\n');
    cut.extend(&all[1].to_canonical()[..20]);
    fs::write(&path, cut).unwrap();
    let sink = FileSink::new(&path, Format::Canonical, Rotation::default());
    block_on(sink.deliver(&all[1..])).unwrap();
    assert_eq!(lines(&path), wanted(&all));
}

#[test]
fn a_full_file_is_kept_beside_and_the_oldest_go() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let rotation = Rotation { bytes: 1, kept: 2 };
    let sink = FileSink::new(&path, Format::Canonical, rotation);
    let all = records(&["a"; 4]);
    for record in &all {
        block_on(sink.deliver(std::slice::from_ref(record))).unwrap();
    }
    let numbered = |ending: &str| lines(&directory.path().join(format!("audit.jsonl{ending}")));
    assert_eq!(numbered(""), wanted(&all[3..]));
    assert_eq!(numbered(".1"), wanted(&all[2..3]));
    assert_eq!(numbered(".2"), wanted(&all[1..2]));
    assert_eq!(directory.path().read_dir().unwrap().count(), 3);
}

#[test]
fn a_full_disk_is_said() {
    let sink = FileSink::new("/dev/full", Format::Canonical, Rotation::default());
    let error = block_on(sink.deliver(&records(&["a"]))).unwrap_err();
    assert!(
        error.to_string().contains("/dev/full was not written"),
        "{error}"
    );
}
