//! Programs that others wrote.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program in the search path, or in the folder of system programs.
///
/// Where `CERTLOCKER_REQUIRE_CLIENTS` is set a missing program fails the test, otherwise the test leaves it
/// out and says so.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    present(
        folders
            .map(|folder| folder.join(name))
            .find(|path| path.is_file()),
        name,
    )
}

/// A program of Ansible.
pub(crate) fn ansible(name: &str) -> Option<PathBuf> {
    let place = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/test-tools/ansible/bin"
    );
    let path = Path::new(place).join(name);
    present(path.is_file().then_some(path), name)
}

fn present(found: Option<PathBuf>, name: &str) -> Option<PathBuf> {
    if found.is_none() {
        let left_out = format!("{name} is not installed (scripts/install-test-tools)");
        assert!(
            env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_none(),
            "{left_out}"
        );
        eprintln!("left out: {left_out}");
    }
    found
}

/// A command that sees nothing of the surrounding environment but the search path.
pub(crate) fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8");
    command
}

/// Runs `command`, which must succeed, and returns what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{command:?}: {}", said.concat());
    String::from_utf8(output.stdout).unwrap()
}
