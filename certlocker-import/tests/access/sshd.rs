//! A real sshd for each connection, over loopback.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use certlocker_core::SshKey;
use tempfile::TempDir;

use crate::tool::{command, find, succeed};

pub(crate) struct Sshd {
    address: SocketAddr,
    pub(crate) folder: TempDir,
    keygen: PathBuf,
    ssh: PathBuf,
    /// Whoever runs the test: a server that is not root's lets in nobody else.
    pub(crate) user: String,
}

impl Sshd {
    /// A server whose configuration has these lines; `{}` is its folder. Nothing if OpenSSH is not there.
    pub(crate) fn start(lines: &[&str]) -> Option<Self> {
        let (sshd, ssh, keygen) = (find("sshd")?, find("ssh")?, find("ssh-keygen")?);
        let folder = tempfile::tempdir().unwrap();
        let user = succeed(Command::new("id").arg("-un")).trim().to_owned();
        if user == "root" {
            // Debian's unit makes it before it starts the server.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let host_key = folder.path().join("host_key");
        succeed(make_key(&keygen, &host_key));
        let place = folder.path().display().to_string();
        let mut config = format!("HostKey {}\n{COMMON}", host_key.display());
        for line in lines {
            config += &format!("{}\n", line.replace("{}", &place));
        }
        let path = folder.path().join("sshd_config");
        fs::write(&path, config).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let log = folder.path().join("log");
        thread::spawn(move || serve(&listener, &sshd, &path, &log));
        Some(Self {
            address,
            folder,
            keygen,
            ssh,
            user,
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A new key in a file of this name.
    pub(crate) fn key(&self, name: &str) -> SshKey {
        succeed(make_key(&self.keygen, &self.path(name)));
        let public = fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        public.parse().unwrap()
    }

    pub(crate) fn keygen(&self) -> Command {
        command(&self.keygen, self.folder.path())
    }

    /// Whether the key in this file is let in, with more arguments; and what the server said of that.
    pub(crate) fn lets_in(&self, key: &str, more: &[&str]) -> (bool, String) {
        let log = self.path("log");
        let _ = fs::remove_file(&log);
        let mut ssh = command(&self.ssh, self.folder.path());
        ssh.args(["-F", "none", "-p", &self.address.port().to_string()]);
        for option in CLIENT {
            ssh.args(["-o", option]);
        }
        ssh.arg("-i").arg(self.path(key)).args(more);
        ssh.arg(format!("{}@127.0.0.1", self.user))
            .arg("echo hello");
        let output = ssh.output().unwrap();
        let hello = output.stdout == b"hello\n";
        let said = fs::read_to_string(&log).unwrap_or_default();
        let client = String::from_utf8_lossy(&output.stderr);
        (
            output.status.success() && hello,
            format!("{said}\n{client}"),
        )
    }
}

const COMMON: &str = "AuthenticationMethods publickey
KbdInteractiveAuthentication no
LogLevel VERBOSE
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
StrictModes no
UsePAM no
";

const CLIENT: [&str; 6] = [
    "BatchMode=yes",
    "ConnectTimeout=30",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
];

fn make_key(keygen: &Path, path: &Path) -> &'static mut Command {
    let mut command = Command::new(keygen);
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path);
    Box::leak(Box::new(command))
}

fn serve(listener: &TcpListener, sshd: &Path, config: &Path, log: &Path) {
    for stream in listener.incoming() {
        let input = OwnedFd::from(stream.unwrap());
        let output = input.try_clone().unwrap();
        let mut server = Command::new(sshd);
        server.arg("-i").arg("-f").arg(config).arg("-E").arg(log);
        server.stdin(input).stdout(output).stderr(Stdio::null());
        let child = server.spawn();
        // The command holds the connection too, and has to let it go.
        drop(server);
        child.unwrap().wait().unwrap();
    }
}
