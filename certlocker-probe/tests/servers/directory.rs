//! OpenLDAP's slapd.

use std::fs;
use std::path::Path;
use std::process::Command;

use certlocker_probe::{Cause, Level, Protocol, Verdict};

use crate::process::{Process, program, wait_for};
use crate::site::{Renewal, Site, cause};

const CONFIGURATION: &str = "
include /etc/ldap/schema/core.schema
pidfile FOLDER/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile FOLDER/chain.pem
TLSCertificateKeyFile FOLDER/key.pem
database mdb
suffix \"dc=example\"
directory FOLDER/data
";

fn start(slapd: &Path, site: &Site) -> Process {
    let url = format!("ldap://{}/", site.address);
    let mut command = Command::new(slapd);
    command.args(["-d", "256", "-h", &url, "-f"]);
    let process = Process::start(command.arg(site.path("slapd.conf")));
    wait_for(site.address);
    process
}

#[test]
fn a_directory_serves_a_swapped_certificate_only_after_it_was_started_again() {
    let Some(slapd) = program("slapd") else {
        return;
    };
    let renewal = Renewal::new();
    let site = Site::new(&renewal.old);
    site.configure("slapd.conf", CONFIGURATION);
    fs::create_dir(site.path("data")).unwrap();
    let server = start(&slapd, &site);
    let mut scene = renewal.scene(site.address);
    scene.target.protocol = Protocol::Ldap;
    site.deploy(&renewal.new);
    scene.deployed(&renewal.new);
    assert_eq!(cause(&scene), Some(Cause::NotReloaded));
    drop(server);
    let _again = start(&slapd, &site);
    let report = scene.reports().remove(0);
    assert_eq!(
        (report.verdict, report.level),
        (Verdict::Expected, Level::Fine)
    );
}
