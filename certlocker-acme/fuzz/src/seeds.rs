//! The seeds, fed to the targets by ordinary tests.

use std::collections::BTreeSet;
use std::path::Path;

use crate::{TARGETS, Target};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/seeds"))
}

pub(crate) fn feed(name: &str, target: Target) {
    let mut fed = 0;
    for seed in std::fs::read_dir(folder().join(name)).unwrap() {
        target(&std::fs::read(seed.unwrap().path()).unwrap());
        fed += 1;
    }
    assert!(fed > 0, "{name} has no seeds");
    target(&[]);
}

#[test]
fn every_folder_of_seeds_belongs_to_a_target() {
    let folders: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, targets);
}
