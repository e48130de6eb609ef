//! The shape of the workspace: which crate may know which, and what stays out of default core.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn metadata() -> Value {
    serde_json::from_str(&cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--all-features",
        "--locked",
    ]))
    .unwrap()
}

fn members(metadata: &Value) -> Vec<&Value> {
    let ids: BTreeSet<&str> = metadata["workspace_members"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .filter(|package| ids.contains(package["id"].as_str().unwrap()))
        .collect()
}

/// The crates of the family beside core; they sit on core and never on each other.
const SIBLINGS: [&str; 4] = [
    "certlocker-acme",
    "certlocker-audit",
    "certlocker-import",
    "certlocker-probe",
];

#[test]
fn crates_point_at_core_and_never_at_each_other() {
    let metadata = metadata();
    for package in members(&metadata) {
        let name = package["name"].as_str().unwrap();
        let dependencies = package["dependencies"].as_array().unwrap();
        let family: BTreeSet<&str> = dependencies
            .iter()
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|other| other.starts_with("certlocker") && *other != name)
            .collect();
        let allowed: &[&str] = match name {
            "certlocker-core" => &[],
            sibling if SIBLINGS.contains(&sibling) => &["certlocker-core"],
            _ => continue,
        };
        assert!(
            family.iter().all(|other| allowed.contains(other)),
            "{name} depends on {family:?}, and may on {allowed:?}"
        );
    }
}

#[test]
fn default_core_has_no_runtime_no_http_and_no_sql() {
    for features in [&["--no-default-features"][..], &[]] {
        let tree = cargo(
            &[
                &[
                    "tree",
                    "-p",
                    "certlocker-core",
                    "-e",
                    "normal",
                    "--prefix",
                    "none",
                    "--locked",
                ],
                features,
            ]
            .concat(),
        );
        let crates: BTreeSet<&str> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        for heavy in [
            "tokio",
            "hyper",
            "axum",
            "rusqlite",
            "libsqlite3-sys",
            "tokio-postgres",
            "rustls",
            "aws-lc-rs",
        ] {
            assert!(
                !crates.contains(heavy),
                "{heavy} came into core with {features:?}"
            );
        }
    }
}

#[test]
fn the_sdk_of_a_cloud_is_built_only_for_whoever_asks_for_it() {
    for package in [
        "certlocker-import",
        "certlocker-acme-fuzz",
        "certlocker-benches",
        "certlocker",
    ] {
        let words = [
            "tree", "-p", package, "-e", "normal", "--prefix", "none", "--locked",
        ];
        let tree = cargo(&words);
        assert!(!tree.contains("aws-sdk-"), "it came into {package}");
    }
}

#[test]
fn rust_version_is_the_highest_that_a_dependency_asks_for() {
    let metadata = metadata();
    let version = |package: &Value| {
        let text = package["rust_version"].as_str()?;
        let mut parts = text.split('.').map(|part| part.parse::<u32>().unwrap());
        let mut next = || parts.next().unwrap_or(0);
        Some((next(), next(), next()))
    };
    let own: BTreeSet<&str> = members(&metadata)
        .iter()
        .filter_map(|package| package["id"].as_str())
        .collect();
    let packages = metadata["packages"].as_array().unwrap();
    let used = used(&metadata);
    let others = packages.iter().filter(|package| {
        let id = package["id"].as_str().unwrap();
        !own.contains(id) && used.contains(id)
    });
    let highest = others
        .filter_map(|package| Some((version(package)?, package["name"].as_str()?)))
        .max()
        .unwrap();
    for package in members(&metadata) {
        assert_eq!(
            version(package),
            Some(highest.0),
            "{} in view of {}",
            package["name"],
            highest.1
        );
    }
}

/// What is built for users, without what only tests need.
fn used(metadata: &Value) -> BTreeSet<String> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let mut open: Vec<String> = metadata["workspace_members"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !found.insert(id.clone()) {
            continue;
        }
        let node = nodes.iter().find(|node| node["id"] == id.as_str()).unwrap();
        let normal = node["deps"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| {
                dependency["dep_kinds"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|kind| kind["kind"] != "dev")
            });
        open.extend(normal.filter_map(|dependency| dependency["pkg"].as_str().map(str::to_owned)));
    }
    found
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in members(&metadata()) {
        let manifest = std::fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{}",
            package["name"]
        );
    }
}

#[test]
fn no_source_file_is_longer_than_it_can_be_read_at_once() {
    const LONGEST: usize = 500;
    let files = cargo_sources(&root());
    assert!(files.len() > 50, "the sources were not found");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let product = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        assert!(
            product.lines().count() <= LONGEST,
            "{} has two topics",
            file.display()
        );
    }
}

fn cargo_sources(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "fuzz", "tests", ".git"].contains(&name.as_str()) {
            found.extend(cargo_sources(&path));
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
    found
}
