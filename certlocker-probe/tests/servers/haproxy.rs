//! HAProxy: in front of servers, reloaded, started twice, and changed while it runs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

use certlocker_probe::{Level, Verdict};

use crate::process::{Process, program, until, wait_for};
use crate::site::{Renewal, Site, is_served_after};

const DEFAULTS: &str = "
    global
        stats socket FOLDER/stats.sock level admin
    defaults
        mode http
        timeout client 10s
        timeout server 10s
        timeout connect 10s
    ";

fn start(program: &PathBuf, configuration: &PathBuf, site: &Site) -> Process {
    let mut command = Command::new(program);
    let process = Process::start(command.args(["-W", "-f"]).arg(configuration));
    wait_for(site.address);
    process
}

fn terminating(site: &Site) -> PathBuf {
    let front = "
    frontend tls
        bind ADDRESS ssl crt FOLDER/both.pem
        http-request return status 200
    ";
    site.configure("haproxy.cfg", &format!("{DEFAULTS}{front}"))
}

#[test]
fn a_certificate_that_is_swapped_is_served_only_after_a_reload() {
    let Some(haproxy) = program("haproxy") else {
        return;
    };
    let renewal = Renewal::new();
    let site = Site::new(&renewal.old);
    let server = start(&haproxy, &terminating(&site), &site);
    let mut scene = renewal.scene(site.address);
    let reload = |server: &Process| server.signal("-USR2");
    is_served_after(reload, &server, &site, &renewal, &mut scene);
}

#[test]
fn one_that_was_started_beside_the_old_one_is_found_by_a_sample() {
    let Some(haproxy) = program("haproxy") else {
        return;
    };
    let renewal = Renewal::new();
    let site = Site::new(&renewal.old);
    let configuration = terminating(&site);
    let _first = start(&haproxy, &configuration, &site);
    let scene = renewal.scene(site.address);
    assert!(!scene.sample().is_mixed());
    site.deploy(&renewal.new);
    let _second = start(&haproxy, &configuration, &site);
    until("both are seen", || scene.sample().is_mixed());
}

/// Says something to the running process, and what it answers.
fn told(site: &Site, command: &str) -> String {
    let mut socket = UnixStream::connect(site.path("stats.sock")).unwrap();
    socket.write_all(command.as_bytes()).unwrap();
    socket.write_all(b"\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_certificate_that_was_put_into_memory_alone_would_be_lost_at_the_next_start() {
    let Some(haproxy) = program("haproxy") else {
        return;
    };
    let renewal = Renewal::new();
    let site = Site::new(&renewal.old);
    let _server = start(&haproxy, &terminating(&site), &site);
    let mut scene = renewal.scene(site.address);
    let file = site.path("both.pem").display().to_string();
    let both = format!("{}{}", renewal.new.chain_pem, renewal.new.key_pem);
    let lines = both.lines().filter(|line| !line.is_empty());
    let both: Vec<&str> = lines.collect();
    let set = format!("set ssl cert {file} <<\n{}\n", both.join("\n"));
    assert!(told(&site, &set).contains("Transaction created"));
    assert!(told(&site, &format!("commit ssl cert {file}")).contains("Success"));
    scene.deployed(&renewal.old);
    let report = scene.reports().remove(0);
    assert_eq!(
        (report.verdict, report.disk_behind_memory, report.level),
        (Verdict::Expected, true, Level::Warning)
    );
    scene.deployed(&renewal.new);
    let report = scene.reports().remove(0);
    assert_eq!(
        (report.disk_behind_memory, report.level),
        (false, Level::Fine)
    );
}

/// Eight servers by one nginx, of which the last has another certificate.
fn eight(nginx: &PathBuf, site: &Site, stale: &Site) -> (Process, Vec<SocketAddr>) {
    let listeners: Vec<TcpListener> = (0..8)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let addresses: Vec<SocketAddr> = listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap())
        .collect();
    drop(listeners);
    let server = |(number, address): (usize, &SocketAddr)| {
        let folder = if number == 7 { stale } else { site };
        let [chain, key] =
            ["chain.pem", "key.pem"].map(|name| folder.path(name).display().to_string());
        format!(
            "server {{ listen {address} ssl; ssl_certificate {chain}; ssl_certificate_key {key}; }}\n"
        )
    };
    let servers: String = addresses.iter().enumerate().map(server).collect();
    let configuration = site.configure(
        "nginx.conf",
        &format!(
            "daemon off; user root; worker_processes 1; pid FOLDER/nginx.pid; error_log FOLDER/error.log;
            events {{ worker_connections 1024; }}
            http {{
                access_log off;
                client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy;
                fastcgi_temp_path FOLDER/fastcgi; uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
                {servers}
            }}"
        ),
    );
    let mut command = Command::new(nginx);
    let process = Process::start(command.arg("-c").arg(configuration).args(["-e", "stderr"]));
    addresses.iter().copied().for_each(wait_for);
    (process, addresses)
}

#[test]
fn one_stale_server_of_eight_behind_a_balancer_is_found_by_a_sample() {
    let (Some(haproxy), Some(nginx)) = (program("haproxy"), program("nginx")) else {
        return;
    };
    let renewal = Renewal::new();
    let (site, stale) = (Site::new(&renewal.new), Site::new(&renewal.old));
    let (_servers, addresses) = eight(&nginx, &site, &stale);
    let lines: String = addresses
        .iter()
        .enumerate()
        .map(|(number, address)| format!("server s{number} {address}\n        "))
        .collect();
    let back = format!(
        "
    listen tcp
        mode tcp
        bind ADDRESS
        balance roundrobin
        {lines}
    "
    );
    let configuration = site.configure("haproxy.cfg", &format!("{DEFAULTS}{back}"));
    let _balancer = start(&haproxy, &configuration, &site);
    let scene = renewal.scene(site.address);
    let sample = scene.sample();
    assert!(sample.is_mixed(), "{sample}");
    // Roughly one of eight: what the balancer had been asked before is not known.
    let mut counts: Vec<usize> = sample.leaves.values().copied().collect();
    counts.sort_unstable();
    assert!(counts[0] * 5 <= counts[1], "{sample}");
}
