//! A server on PostgreSQL is copied while it works, and put back into a database of either kind.

use std::process::Command;

use crate::harness::acme;
use crate::harness::scene::Scene;
use crate::harness::server::{Node, Registration, Server, certlocker};
use crate::harness::tool::{fail, succeed};
use crate::postgres;

#[tokio::test]
async fn a_copy_of_postgresql_is_put_back_into_either_kind_and_verified() {
    let Some(postgres) = postgres::Server::shared() else {
        return;
    };
    for name in ["copied", "restored"] {
        postgres.create_database(name);
    }
    let scene = Scene::starting(|folder, zone| {
        let node = Node {
            shared: vec![("CERTLOCKER_DATABASE", postgres.url("copied"))],
            ..Node::alone()
        };
        Server::start_node(folder, zone, &Registration::Bound, node)
    });
    let server = &scene.server;
    let account = acme::register(&scene, server.create_client("web")).await;
    acme::order(&account, &["a.example"]).await.unwrap();
    let copy = scene.path("copy").display().to_string();
    succeed(&mut server.certlocker(&format!("backup {copy}")));
    let said = succeed(&mut server.certlocker(&format!("restore {copy} --drill")));
    assert!(said.contains("can be restored"), "{said}");

    let restore = format!("restore {copy}");
    let fresh = scene.path("fresh");
    let used =
        fail(certlocker(&restore, &fresh).env("CERTLOCKER_DATABASE", postgres.url("copied")));
    assert!(used.contains("into an empty database"), "{used}");
    assert!(
        !fresh.join("master.key").exists(),
        "a key without its database"
    );

    let there = |words: &str| -> Command {
        let mut command = certlocker(words, &fresh);
        command.env("CERTLOCKER_DATABASE", postgres.url("restored"));
        command
    };
    succeed(&mut there(&restore));
    let embedded = scene.path("embedded");
    succeed(&mut certlocker(&restore, &embedded));
    let orders = succeed(&mut server.certlocker("order list --json"));
    assert_eq!(succeed(&mut there("order list --json")), orders);
    assert_eq!(
        succeed(&mut certlocker("order list --json", &embedded)),
        orders
    );
    // The log of the server that was copied vouches for the records of the copy.
    let mut verify = certlocker("audit verify", server.data());
    verify.env("CERTLOCKER_DATABASE", postgres.url("restored"));
    succeed(&mut verify);
}
