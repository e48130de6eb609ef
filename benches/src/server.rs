//! The server that is loaded, as a process of its own.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

/// How the built server is started, always in the same way.
#[derive(Clone, Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every part is a decision of the caller"
)]
pub struct Binary {
    /// The program.
    pub path: PathBuf,
    /// What it keeps, and its log.
    pub folder: PathBuf,
    /// Where validation finds web servers.
    pub http01_port: u16,
    /// Where it listens: the gateway, then the operators' plane.
    pub listen: [SocketAddr; 2],
    /// Where it looks names up.
    pub resolver: SocketAddr,
}

/// What a server says once it serves.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Ready {
    /// The root that it is trusted by.
    pub ca_file: PathBuf,
    /// Its directory.
    pub directory: String,
}

/// A running server; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    ready: PathBuf,
    started: Instant,
}

const READY_WITHIN: Duration = Duration::from_secs(60);

impl Binary {
    /// The program beside the one that runs.
    ///
    /// # Errors
    /// When that one cannot be told.
    pub fn beside() -> io::Result<PathBuf> {
        let own = std::env::current_exe()?;
        Ok(own.with_file_name("certlocker"))
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.data().join("certlocker.sqlite")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts it; it serves once [`Server::wait`] says so.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self) -> io::Result<Server> {
        let ready = self.folder.join("ready.json");
        // A process that was killed left its own behind.
        match fs::remove_file(&ready) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("server.log"))?;
        let mut command = self.command(&ready);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let started = Instant::now();
        Ok(Server {
            child: command.spawn()?,
            ready,
            started,
        })
    }

    fn command(&self, ready: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command
            .env_clear()
            .arg("serve")
            .arg("--data-dir")
            .arg(self.data());
        for (flag, value) in [
            ("--listen", self.listen[0].to_string()),
            ("--operator-listen", self.listen[1].to_string()),
            ("--resolver", self.resolver.to_string()),
            ("--http01-port", self.http01_port.to_string()),
            ("--allow-validation-to", "127.0.0.0/8".to_owned()),
        ] {
            command.args([flag, &value]);
        }
        command
            .arg("--open-registration")
            .arg("--ready-file")
            .arg(ready);
        command
    }
}

impl Server {
    /// Waits until it serves; the answer is what it says and how long it took to start.
    ///
    /// # Errors
    /// When it ends before, or takes too long.
    pub fn wait(&mut self) -> io::Result<(Ready, Duration)> {
        loop {
            if let Ok(text) = fs::read_to_string(&self.ready) {
                let took = self.started.elapsed();
                return Ok((serde_json::from_str(&text)?, took));
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!(
                    "the server ended before it served: {status}"
                )));
            }
            if self.started.elapsed() > READY_WITHIN {
                return Err(io::Error::other("the server did not serve in time"));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a loss of power to the process does: at once, whatever it is doing.
    ///
    /// # Errors
    /// When it cannot be ended, or had ended by itself.
    pub fn kill(mut self) -> io::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(io::Error::other(format!(
                "the server ended by itself: {status}"
            )));
        }
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Tells it to stop, and waits until it has.
    ///
    /// # Errors
    /// When it does not end in good order.
    pub fn stop(mut self) -> io::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "the server stopped with {status}"
        )))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
