//! stunnel.

use std::process::Command;

use crate::process::{Process, program, wait_for};
use crate::site::{Renewal, Site, is_served_after};

const CONFIGURATION: &str = "foreground = yes
pid =
[tls]
accept = ADDRESS
cert = FOLDER/both.pem
exec = /bin/cat
";

#[test]
fn a_certificate_that_is_swapped_is_served_only_after_a_hangup() {
    let Some(stunnel) = program("stunnel4") else {
        return;
    };
    let renewal = Renewal::new();
    let site = Site::new(&renewal.old);
    let configuration = site.configure("stunnel.conf", CONFIGURATION);
    let mut command = Command::new(stunnel);
    let server = Process::start(command.arg(configuration));
    wait_for(site.address);
    let mut scene = renewal.scene(site.address);
    let hang_up = |server: &Process| server.signal("-HUP");
    is_served_after(hang_up, &server, &site, &renewal, &mut scene);
}
