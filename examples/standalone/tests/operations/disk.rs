//! A disk that fails or is full under a running server: clients are told, operators are told why, and
//! the server goes on by itself once the disk does.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use instant_acme::{Account, Error};

use crate::harness::acme;
use crate::harness::https::{Response, call};
use crate::harness::scene::Scene;
use crate::harness::server::{Node, Registration, Server};
use crate::harness::tool::{Tool, succeed};

const PATIENCE: Duration = Duration::from_secs(60);

async fn account(scene: &Scene) -> Account {
    let client = scene.server.create_client("web");
    acme::register(scene, client).await
}

async fn obtain(scene: &Scene, account: &Account, name: &str) {
    let mut order = acme::order(account, &[name]).await.unwrap();
    let answers = scene.path("www/.well-known/acme-challenge");
    acme::answer(&mut order, &answers).await;
    let (_, chain) = acme::finish(&mut order).await;
    assert!(chain.contains("BEGIN CERTIFICATE"));
}

/// What a client is told.
async fn refusal(account: &Account, name: &str) -> String {
    let Err(Error::Api(problem)) = acme::order(account, &[name]).await else {
        panic!("nothing can be written");
    };
    assert_eq!(problem.status, Some(503), "{problem:?}");
    problem.detail.unwrap()
}

/// What the server says of itself once it says this.
fn readiness(server: &Server, status: u16) -> Response {
    let started = Instant::now();
    loop {
        let ready = call(
            server.ca_file(),
            server.operator_url(),
            "GET /readyz",
            &[],
            "",
        );
        if ready.status == status {
            return ready;
        }
        assert!(started.elapsed() < PATIENCE, "{}", ready.body);
        thread::sleep(Duration::from_millis(50));
    }
}

/// Calls of a running process that fail as long as this lives.
struct Failing(Child);

impl Failing {
    fn attach(strace: &Tool, pid: u32, error: &str) -> Self {
        let calls = "pwrite64,fsync,fdatasync,ftruncate,rename,mkdir";
        let child = Command::new(strace.path())
            .args(["-f", "-o", "/dev/null", "-p", &pid.to_string()])
            .args(["-e", &format!("inject={calls}:error={error}")])
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.as_mut().unwrap());
        lines.read_line(&mut said).unwrap();
        assert!(said.contains("attached"), "{said}");
        Self(child)
    }

    fn end(mut self) {
        let pid = self.0.id().to_string();
        succeed(Command::new("kill").args(["-INT", &pid]));
        self.0.wait().unwrap();
    }
}

async fn is_told_and_goes_on(error: &str, told: &[&str], cause: &str) {
    let Some(strace) = Tool::find("strace") else {
        return;
    };
    let mut scene = Scene::new(&Registration::Bound);
    scene.web_root();
    let account = account(&scene).await;
    obtain(&scene, &account, "before.example").await;

    let failing = Failing::attach(&strace, scene.server.pid(), error);
    let detail = refusal(&account, "refused.example").await;
    assert!(told.iter().any(|one| detail.contains(one)), "{detail}");
    let ready = readiness(&scene.server, 503);
    assert!(ready.body.contains(cause), "{}", ready.body);
    assert!(scene.server.log().contains(cause));
    failing.end();

    readiness(&scene.server, 200);
    obtain(&scene, &account, "after.example").await;
    assert_eq!(scene.server.stop().0, Some(0));
    succeed(&mut scene.server.certlocker("audit verify"));
}

#[tokio::test]
async fn a_disk_that_fails_is_told_and_the_server_goes_on_when_it_recovers() {
    let told = ["the store broke off", "audit unavailable"];
    is_told_and_goes_on("EIO", &told, "disk I/O error").await;
}

#[tokio::test]
async fn a_disk_that_says_it_is_full_is_told_and_the_server_goes_on_when_there_is_room() {
    let told = [
        "audit unavailable: the ledger: Error code 13: database or disk is full; nothing was changed",
    ];
    is_told_and_goes_on("ENOSPC", &told, "database or disk is full").await;
}

/// A file system of its own for the data directory, gone with the server.
const SMALL: &str = r#"mkdir -p "$0" && mount -t tmpfs -o size=12m tmpfs "$0" && exec "$@""#;

/// The way into a mount namespace; none where that is not allowed.
fn unshare() -> Option<Vec<String>> {
    let tool = Tool::find("unshare")?;
    let words = |more: &[&str]| {
        let mut words = vec![tool.path().display().to_string(), "--mount".to_owned()];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    };
    let mut ways = [words(&[]), words(&["--map-root-user"])].into_iter();
    let works = |way: &Vec<String>| {
        let tried = Command::new(&way[0]).args(&way[1..]).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let found = ways.find(works);
    if found.is_none() {
        let left_out = "file systems cannot be mounted here";
        assert!(
            env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_none(),
            "{left_out}"
        );
        eprintln!("left out: {left_out}");
    }
    found
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_server_goes_on_when_there_is_room_again() {
    let Some(mut wrapper) = unshare() else { return };
    let scene = Scene::starting(|folder, zone| {
        let data = folder.join("data").display().to_string();
        wrapper.extend(["sh", "-c", SMALL, &data].map(str::to_owned));
        let node = Node {
            wrapper,
            ..Node::alone()
        };
        Server::start_node(folder, zone, &Registration::Open, node)
    });
    scene.web_root();
    let new = instant_acme::NewAccount {
        contact: &[],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let builder = Account::builder_with_root(scene.server.ca_file()).unwrap();
    let directory = scene.server.directory().to_owned();
    let (account, _) = builder.create(&new, directory, None).await.unwrap();
    obtain(&scene, &account, "before.example").await;

    let filler = fill(&scene.server);
    let detail = refusal(&account, "refused.example").await;
    assert!(detail.contains("nothing was changed"), "{detail}");
    let ready = readiness(&scene.server, 503);
    assert!(ready.body.contains("disk is full"), "{}", ready.body);
    assert!(scene.server.log().contains("disk is full"));
    fs::remove_file(filler).unwrap();

    readiness(&scene.server, 200);
    obtain(&scene, &account, "after.example").await;
    let mut verify = scene.server.certlocker_inside("audit verify");
    succeed(&mut verify);
}

/// Takes the rest of the server's disk.
fn fill(server: &Server) -> PathBuf {
    let path = server.inside(server.data()).join("filler");
    let mut filler = File::create(&path).unwrap();
    let mut length = 1 << 20;
    while length > 0 {
        if filler.write_all(&vec![0; length]).is_err() {
            length /= 2;
        }
    }
    path
}
