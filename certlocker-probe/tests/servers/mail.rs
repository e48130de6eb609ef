//! Postfix and Dovecot. Both are started by root, and run as users of their own.

use std::fs;
use std::path::Path;
use std::process::Command;

use certlocker_probe::{Cause, Protocol};

use crate::process::{Process, free_address, program, until, wait_for};
use crate::site::{Renewal, Site, cause, is_served_after};

const DOVECOT: &str = "
base_dir = FOLDER/run
state_dir = FOLDER/run
log_path = FOLDER/dovecot.log
listen = HOST
protocols = imap
ssl = yes
ssl_cert = <FOLDER/chain.pem
ssl_key = <FOLDER/key.pem
mail_location = maildir:FOLDER/mail
passdb {
  driver = static
  args = nopassword
}
userdb {
  driver = static
  args = uid=mail gid=mail home=FOLDER/mail
}
service imap-login {
  service_count = 0
  inet_listener imap {
    port = PORT
  }
  inet_listener imaps {
    port = 0
  }
}
";

#[test]
fn a_mailbox_server_serves_a_swapped_certificate_only_after_a_reload() {
    let Some(dovecot) = program("dovecot") else {
        return;
    };
    let renewal = Renewal::new();
    let site = Site::new(&renewal.old);
    let configuration = site.configure("dovecot.conf", DOVECOT);
    let mut command = Command::new(dovecot);
    let server = Process::start(command.args(["-F", "-c"]).arg(configuration));
    wait_for(site.address);
    let mut scene = renewal.scene(site.address);
    scene.target.protocol = Protocol::Imap;
    let reload = |server: &Process| server.signal("-HUP");
    is_served_after(reload, &server, &site, &renewal, &mut scene);
    let log = fs::read_to_string(site.path("dovecot.log")).unwrap();
    for complaint in ["Error", "Fatal", "SSL_accept", "handshake"] {
        assert!(!log.contains(complaint), "{log}");
    }
}

const MAIN: &str = "
compatibility_level = 3.6
queue_directory = FOLDER/queue
data_directory = FOLDER/data
mail_owner = postfix
setgid_group = postdrop
myhostname = a.example
mydestination =
inet_interfaces = HOST
inet_protocols = ipv4
maillog_file = FOLDER/postfix.log
maillog_file_prefixes = FOLDER
smtpd_tls_security_level = may
smtpd_tls_cert_file = FOLDER/chain.pem
smtpd_tls_key_file = FOLDER/key.pem
smtpd_relay_restrictions = reject
multi_instance_enable = no
";

const MASTER: &str = "
ADDRESS inet n - n - - smtpd
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
rewrite unix - - n - - trivial-rewrite
postlog unix-dgram n - n - 1 postlogd
";

fn start_postfix(postfix: &Path, site: &Site) -> Process {
    for name in ["etc", "queue", "data"] {
        fs::create_dir(site.path(name)).unwrap();
    }
    let owned = ["postfix", &site.path("data").display().to_string()].map(str::to_owned);
    site.run(Path::new("chown"), &[&owned[0], &owned[1]]);
    site.configure("etc/main.cf", MAIN);
    site.configure("etc/master.cf", MASTER);
    let mut command = Command::new(postfix);
    command.arg("-c").arg(site.path("etc")).arg("start-fg");
    let process = Process::start(&mut command);
    wait_for(site.address);
    process
}

#[test]
fn workers_of_a_mail_server_that_began_before_and_after_a_swap_are_told_apart_by_a_sample() {
    let Some(postfix) = program("postfix") else {
        return;
    };
    let renewal = Renewal::new();
    let mut site = Site::new(&renewal.old);
    site.address = free_address();
    let _server = start_postfix(&postfix, &site);
    let mut scene = renewal.scene(site.address);
    scene.target.protocol = Protocol::Smtp;
    assert_eq!(cause(&scene), Some(Cause::Unknown));
    site.deploy(&renewal.new);
    // One after the other, all are served by the worker that is there already.
    assert_eq!(scene.verdict(), "previous");
    let sample = scene.sample();
    assert!(sample.is_mixed(), "{sample}");
    until("the log is written", || site.path("postfix.log").exists());
    let log = fs::read_to_string(site.path("postfix.log")).unwrap();
    for complaint in ["fatal", "SSL_accept", "improper command"] {
        assert!(!log.contains(complaint), "{log}");
    }
}
