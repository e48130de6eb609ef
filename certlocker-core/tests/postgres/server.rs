//! A PostgreSQL server from Debian's package, for one test program and for nothing else.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

/// A server with a data folder of its own, gone with the test program, however that ends.
pub(crate) struct Server {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    /// The server stops when this is closed.
    _lifeline: ChildStdin,
    keeper: Child,
    /// Whether it was started by another program, which may have given it file systems of its own.
    is_wrapped: bool,
}

/// Makes a server, says where, and takes everything away once nobody holds its standard input.
const KEEPER: &str = r#"
set -eu
bin=$1 port=$2 wal=${3:-}
dir=$(mktemp -d "${TMPDIR:-/tmp}/certlocker-postgres.XXXXXX")
stop() {
    "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
"$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C --no-sync \
    ${wal:+--waldir="$wal"} --auth=trust >"$dir/initdb" 2>&1 || { cat "$dir/initdb" >&2; exit 1; }
# A password costs thousands of hashes for each connection: `guest` alone has to give one.
sed -i '1i host all guest 127.0.0.1/32 scram-sha-256' "$dir/data/pg_hba.conf"
cat >>"$dir/data/postgresql.conf" <<EOF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$dir'
max_connections = 300
log_line_prefix = '%m [%p] '
EOF
"$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 start >/dev/null || { cat "$dir/log" >&2; exit 1; }
echo "$dir"
read -r _ || true
"#;

impl Server {
    /// The server that the whole test program shares; none if PostgreSQL is not installed.
    ///
    /// Where `CERTLOCKER_REQUIRE_CLIENTS` is set a missing one fails the test, otherwise the test
    /// leaves it out and says so.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER.get_or_init(Self::start).as_ref()
    }

    /// A server of one test's own.
    pub(crate) fn start() -> Option<Self> {
        Self::start_within(&[], None)
    }

    /// The same, started by another program, whose words these are; with its write-ahead log in an
    /// empty folder, if there is one.
    pub(crate) fn start_within(wrapper: &[String], wal: Option<&Path>) -> Option<Self> {
        let Some(bin) = binaries() else {
            let left_out = "postgresql is not installed (scripts/install-test-tools)";
            assert!(
                env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_none(),
                "{left_out}"
            );
            eprintln!("left out: {left_out}");
            return None;
        };
        // Between here and the server's start somebody else could take the port; the start says so.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut keep = unprivileged("sh");
        keep.args(["-c", KEEPER, "sh"])
            .arg(&bin)
            .arg(port.to_string())
            .args(wal);
        let mut keeper = wrapped(wrapper, keep)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lifeline = keeper.stdin.take().unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        let folder = PathBuf::from(said.trim());
        assert!(folder.is_dir(), "the server did not start");
        Some(Self {
            bin,
            folder,
            port,
            _lifeline: lifeline,
            keeper,
            is_wrapped: !wrapper.is_empty(),
        })
    }

    /// The URL of a database, over TCP.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) fn create_database(&self, name: &str) {
        let made = Command::new(self.bin.join("createdb"))
            .args(["-h", "127.0.0.1", "-U", "postgres", "-p"])
            .arg(self.port.to_string())
            .arg(name)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `pg_ctl` with these words, on this server.
    pub(crate) fn control(&self, words: &[&str]) {
        let mut control = unprivileged(&self.bin.join("pg_ctl").display().to_string());
        control
            .arg("-D")
            .arg(self.folder.join("data"))
            .arg("-l")
            .arg(self.folder.join("log"))
            .args(words);
        let keeper = self.keeper.id().to_string();
        let enter = ["nsenter", "--mount", "--target", &keeper, "--"].map(str::to_owned);
        let wrapper: &[String] = if self.is_wrapped { &enter } else { &[] };
        let output = wrapped(wrapper, control)
            .current_dir("/")
            .stdout(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "pg_ctl {words:?}: {}", self.log());
    }

    /// Adds lines to its configuration.
    pub(crate) fn configure(&self, lines: &str) {
        let path = self.folder.join("data/postgresql.conf");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{before}\n{lines}\n")).unwrap();
    }

    /// A file in its folder that the server alone can read.
    pub(crate) fn provide(&self, name: &str, content: &str) {
        let path = self.folder.join(name);
        let mut keeper = unprivileged("sh")
            .args(["-c", "umask 077; cat >\"$1\"", "sh"])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = keeper.stdin.take().unwrap();
        input.write_all(content.as_bytes()).unwrap();
        drop(input);
        assert!(keeper.wait().unwrap().success(), "{name}");
    }

    /// A path of the server, as it is seen from outside its file systems.
    pub(crate) fn inside(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.keeper.id(), path.display()))
    }

    /// A folder that the server can read.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// The newest version in Debian's place, or the one in the search path.
fn binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let found = versions.map(|entry| entry.unwrap().path());
    let newest = found
        .filter(|path| path.join("bin/initdb").is_file())
        .max_by_key(version);
    newest.map(|path| path.join("bin")).or_else(|| {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).find(|folder| folder.join("initdb").is_file())
    })
}

fn wrapped(wrapper: &[String], command: Command) -> Command {
    let Some((program, words)) = wrapper.split_first() else {
        return command;
    };
    let mut wrapped = Command::new(program);
    wrapped.args(words).arg(command.get_program());
    wrapped.args(command.get_args());
    wrapped
}

/// The server refuses to run as root; Debian's package brings a user for it.
fn unprivileged(program: &str) -> Command {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let is_root = uid.is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"));
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", program]);
    command
}
