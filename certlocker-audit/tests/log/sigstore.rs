//! sigstore's Python package, which others wrote, checks receipts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use certlocker_audit::log::Log;

use crate::support::{Ram, entries, key};

/// Where `scripts/install-test-tools` puts it.
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/test-tools/sigstore/bin/python"
);
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/check_receipts.py");

/// The interpreter that has the package; where `CERTLOCKER_REQUIRE_CLIENTS` is set it has to.
fn python() -> Option<PathBuf> {
    let path = PathBuf::from(PYTHON);
    let found = path.is_file();
    let required = std::env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_some();
    assert!(
        found || !required,
        "{PYTHON} is missing (scripts/install-test-tools)"
    );
    if !found {
        eprintln!("left out: {PYTHON} is missing (scripts/install-test-tools)");
    }
    found.then_some(path)
}

fn checked(python: &Path, directory: &Path) -> String {
    let vkey = key().verifier().to_string();
    let output = Command::new(python)
        .arg(SCRIPT)
        .arg(vkey)
        .arg(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn sigstore_accepts_receipts_at_every_interesting_size_and_rejects_what_was_changed() {
    let Some(python) = python() else { return };
    let (good, bad) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let put = |directory: &Path, name: &str, receipt: &str, entry: &[u8]| {
        fs::write(directory.join(format!("{name}.receipt")), receipt).unwrap();
        fs::write(directory.join(format!("{name}.entry")), entry).unwrap();
    };
    let mut log = Log::open(Ram::default(), key()).unwrap();
    for size in [1, 255, 256, 257, 70_000] {
        log.append(&entries(log.size(), size)).unwrap();
        for index in [0, size / 2, size - 1] {
            let (name, entry) = (format!("{size}-{index}"), &entries(index, index + 1)[0]);
            let receipt = log.receipt(index).unwrap().unwrap();
            put(good.path(), &name, &receipt.to_string(), entry);
            put(
                bad.path(),
                &format!("{name}-entry"),
                &receipt.to_string(),
                b"another",
            );
            let mut moved = receipt.clone();
            moved.path.push(certlocker_audit::tree::leaf_hash(b"x"));
            put(
                bad.path(),
                &format!("{name}-path"),
                &moved.to_string(),
                entry,
            );
            let other = receipt.to_string().replacen(
                &format!("\n{size}\n"),
                &format!("\n{}\n", size + 1),
                1,
            );
            put(bad.path(), &format!("{name}-size"), &other, entry);
        }
    }
    let said = checked(&python, good.path());
    assert!(
        said.trim().lines().count() == 1 && said.contains(" accepted"),
        "{said}"
    );
    let said = checked(&python, bad.path());
    assert!(said.lines().last().unwrap().starts_with("0 of "), "{said}");
}
