//! Programs from Debian packages: found, run for a bounded time, and quoted when they fail.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How long one run may take, in the notation of `timeout`.
const LIMIT: &str = "180s";

/// A program that is installed.
pub(crate) struct Tool {
    path: PathBuf,
}

impl Tool {
    /// Looks for `name` in the search path.
    ///
    /// Where `CERTLOCKER_REQUIRE_CLIENTS` is set a missing program fails the test, otherwise the test leaves it out and says so.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file());
        if found.is_none() {
            let left_out = format!("{name} is not installed (scripts/install-test-tools)");
            assert!(
                env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_none(),
                "{left_out}"
            );
            eprintln!("left out: {left_out}");
        }
        found.map(|path| Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A command that is ended when it takes too long, and sees nothing of the surrounding environment but the search path.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("timeout");
        command.arg(LIMIT).arg(&self.path).env_clear();
        command.env("PATH", env::var_os("PATH").unwrap_or_default());
        command
    }
}

/// Runs `command`, which must succeed, and returns what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{command:?}\n{}",
        output.status,
        printed(&output)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs `command`, which must fail, and returns what it printed on either stream.
pub(crate) fn fail(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        !output.status.success(),
        "succeeded, but must fail: {command:?}\n{}",
        printed(&output)
    );
    printed(&output)
}

fn printed(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|stream| String::from_utf8_lossy(stream))
        .concat()
}
