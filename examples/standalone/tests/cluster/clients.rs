//! lego and certbot as operators run them, through the proxy.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::tool::Tool;
use crate::platform::Platform;

/// A program that orders a certificate, and where that is afterwards.
pub(crate) struct Client {
    command: Command,
    chain: std::path::PathBuf,
}

impl Client {
    /// lego, for one name.
    pub(crate) fn lego(platform: &Platform, name: &str) -> Option<Self> {
        let (folder, tool) = (platform.path(name), Tool::find("lego")?);
        let mut command = platform.command(&tool);
        command
            .args(["--accept-tos", "--email", "ops@go.example", "--server"])
            .arg(platform.directory())
            .arg("--path")
            .arg(&folder)
            .args(["-d", name, "--http", "--http.webroot"])
            .arg(platform.path("www"))
            .arg("run");
        Some(Self {
            command,
            chain: folder.join("certificates").join(format!("{name}.crt")),
        })
    }

    /// certbot, for one name.
    pub(crate) fn certbot(platform: &Platform, name: &str) -> Option<Self> {
        let (folder, tool) = (platform.path(name), Tool::find("certbot")?);
        let mut command = platform.command(&tool);
        command
            .args(["certonly", "--non-interactive", "--agree-tos"])
            .args(["-m", "ops@bot.example", "--server"])
            .arg(platform.directory())
            .args(["-d", name, "--webroot", "-w"])
            .arg(platform.path("www"));
        for (option, below) in [
            ("--config-dir", "etc"),
            ("--work-dir", "work"),
            ("--logs-dir", "logs"),
        ] {
            command.arg(option).arg(folder.join(below));
        }
        Some(Self {
            command,
            chain: folder.join("etc/live").join(name).join("fullchain.pem"),
        })
    }

    /// Runs it until it succeeds, so often at most; gives the chain that it holds then, and how often it failed.
    pub(crate) fn obtain(mut self, most: usize) -> (String, usize) {
        let mut said = String::new();
        for failures in 0..most {
            let output = self.command.output().unwrap();
            if output.status.success() {
                return (read(&self.chain), failures);
            }
            let printed = [output.stdout, output.stderr].concat();
            said.push_str(&String::from_utf8_lossy(&printed));
        }
        panic!("{:?} failed {most} times:\n{said}", self.command);
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
