//! Apache.

use std::process::Command;

use crate::process::{Process, program, wait_for};
use crate::site::{Renewal, Site, is_served_after};

const CONFIGURATION: &str = "
    ServerRoot FOLDER
    ServerName a.example
    PidFile FOLDER/apache.pid
    DefaultRuntimeDir FOLDER
    ErrorLog FOLDER/error.log
    User daemon
    Group daemon
    LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
    LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
    LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
    LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
    Listen ADDRESS
    SSLEngine on
    SSLCertificateFile FOLDER/chain.pem
    SSLCertificateKeyFile FOLDER/key.pem
    ";

#[test]
fn a_certificate_that_is_swapped_is_served_only_after_a_graceful_restart() {
    let Some(apache) = program("apache2") else {
        return;
    };
    let renewal = Renewal::new();
    let site = Site::new(&renewal.old);
    let configuration = site.configure("apache.conf", CONFIGURATION);
    let mut command = Command::new(apache);
    let server = Process::start(command.args(["-DFOREGROUND", "-f"]).arg(configuration));
    wait_for(site.address);
    let mut scene = renewal.scene(site.address);
    let graceful = |server: &Process| server.signal("-USR1");
    is_served_after(graceful, &server, &site, &renewal, &mut scene);
}
