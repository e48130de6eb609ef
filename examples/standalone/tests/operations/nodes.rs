//! Two servers on one PostgreSQL: clients do not notice which one answers, nor that one dies.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use instant_acme::RetryPolicy;

use crate::crash::{PATIENCE, Silent};
use crate::harness::acme;
use crate::harness::dns::Zone;
use crate::harness::https::call;
use crate::harness::scene::Scene;
use crate::harness::server::{GATEWAY_PORT, Node, Registration, Server};
use crate::postgres;

/// Two servers behind one address.
struct Platform {
    other: Server,
    proxy: Proxy,
    scene: Scene,
}

impl Platform {
    /// None if PostgreSQL is not installed.
    fn new(database: &str) -> Option<Self> {
        let postgres = postgres::Server::shared()?;
        postgres.create_database(database);
        let url = postgres.url(database);
        let start = |folder: &Path, zone: &Zone, name: &str, gateway_port: u16| {
            let public = format!("https://{}:{GATEWAY_PORT}", zone.address());
            let key = folder.join("master.key").display().to_string();
            let node = Node {
                gateway_port,
                operator_port: gateway_port + 1,
                shared: vec![
                    ("CERTLOCKER_DATABASE", url.clone()),
                    ("CERTLOCKER_MASTER_KEY_FILE", key),
                    ("CERTLOCKER_PUBLIC_URL", public),
                ],
                wrapper: Vec::new(),
            };
            let own = folder.join(name);
            fs::create_dir(&own).unwrap();
            Server::start_node(&own, zone, &Registration::Bound, node)
        };
        let scene = Scene::starting(|folder, zone| start(folder, zone, "one", PORTS[0]));
        let other = start(&scene.path(""), &scene.zone, "other", PORTS[1]);
        let proxy = Proxy::start(scene.zone.address());
        Some(Self {
            other,
            proxy,
            scene,
        })
    }
}

const PORTS: [u16; 2] = [20453, 20463];

/// Passes connections on to the server that is chosen.
struct Proxy(Arc<Mutex<Passing>>);

struct Passing {
    open: Vec<(TcpStream, JoinHandle<()>)>,
    to: SocketAddr,
}

impl Proxy {
    fn start(address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((address, GATEWAY_PORT)).unwrap();
        let passing = Arc::new(Mutex::new(Passing {
            open: Vec::new(),
            to: (address, PORTS[0]).into(),
        }));
        let shared = Arc::clone(&passing);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut passing = shared.lock().unwrap();
                let Ok(server) = TcpStream::connect(passing.to) else {
                    continue;
                };
                let requests = pass(&client, &server);
                pass(&server, &client);
                passing.open.push((client, requests));
            }
        });
        Self(passing)
    }

    /// Sends everybody to this server from now on; returns once clients have noticed that their
    /// connections are closed.
    async fn choose(&self, port: u16) {
        let open = {
            let mut passing = self.0.lock().unwrap();
            passing.to.set_port(port);
            std::mem::take(&mut passing.open)
        };
        for (client, requests) in open {
            let _ = client.shutdown(Shutdown::Write);
            while !requests.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    }
}

fn pass(from: &TcpStream, to: &TcpStream) -> JoinHandle<()> {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    })
}

#[tokio::test]
async fn an_order_is_placed_at_one_server_proven_at_the_other_and_finalized_at_the_first() {
    let Some(platform) = Platform::new("placed") else {
        return;
    };
    let Platform {
        other,
        proxy,
        scene,
    } = &platform;
    let client = scene.server.create_client("web");
    proxy.choose(PORTS[1]).await;
    let account = acme::register(scene, client).await;
    proxy.choose(PORTS[0]).await;
    let mut order = acme::order(&account, &["a.example"]).await.unwrap();
    proxy.choose(PORTS[1]).await;
    acme::answer(&mut order, &scene.web_root()).await;
    order.poll_ready(&RetryPolicy::default()).await.unwrap();
    proxy.choose(PORTS[0]).await;
    let (_, chain) = acme::finish(&mut order).await;
    assert!(chain.contains("BEGIN CERTIFICATE"));

    let roots = [&scene.server, other].map(|server| fs::read(server.ca_file()).unwrap());
    assert_eq!(roots[0], roots[1]);
    for server in [&scene.server, other] {
        let metrics = call(
            server.ca_file(),
            server.operator_url(),
            "GET /metrics",
            &[],
            "",
        )
        .body;
        assert!(metrics.contains("certlocker_acme_requests_total"));
        assert!(!metrics.contains("badNonce"), "{metrics}");
    }
}

#[tokio::test]
async fn what_a_killed_server_was_looking_at_the_other_finishes() {
    let Some(mut platform) = Platform::new("killed") else {
        return;
    };
    let scene = &platform.scene;
    let client = scene.server.create_client("web");
    let account = acme::register(scene, client).await;
    let mut order = acme::order(&account, &["a.example"]).await.unwrap();
    let silent = Silent::listen(scene);
    let answers = scene.path("www/.well-known/acme-challenge");
    fs::create_dir_all(&answers).unwrap();
    acme::answer(&mut order, &answers).await;
    silent.wait_for_a_visit();

    platform.scene.server.crash();
    drop(silent);
    platform.scene.web_root();
    platform.proxy.choose(PORTS[1]).await;
    let patient = RetryPolicy::new().timeout(PATIENCE);
    order.poll_ready(&patient).await.unwrap();
    let (_, chain) = acme::finish(&mut order).await;
    assert!(chain.contains("BEGIN CERTIFICATE"));
    let explained = acme::id(&order);
    let mut explain = platform.other.certlocker("order explain");
    let text = crate::harness::tool::succeed(explain.arg(explained));
    assert!(text.contains("a.example"), "{text}");
}
