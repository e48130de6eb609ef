//! Commands beside a running server, and copies of it.

use crate::harness::acme;
use crate::harness::scene::Scene;
use crate::harness::server::{Registration, certlocker};
use crate::harness::tool::{fail, succeed};

#[tokio::test]
async fn commands_answer_the_same_from_the_database_and_from_the_server() {
    let scene = Scene::new(&Registration::Bound);
    let server = &scene.server;
    let account = acme::register(&scene, server.create_client("web")).await;
    let order = acme::order(&account, &["a.example"]).await.unwrap();
    for words in [
        "client list",
        "client show web",
        "order list",
        &format!("order show {}", acme::id(&order)),
        &format!("order explain {}", order.url()),
        "certificate list",
        "audit list --limit 5",
        &format!("audit why order {}", acme::id(&order)),
    ] {
        for form in ["", "--json"] {
            let words = format!("{words} {form}");
            let mut over_network = server.certlocker(words.trim());
            over_network.args(["--server", server.operator_url()]);
            let direct = succeed(&mut server.certlocker(words.trim()));
            assert_eq!(
                without_ages(&succeed(&mut over_network)),
                without_ages(&direct),
                "{words}"
            );
        }
    }
}

/// Spans such as "in 6 d 23 h" change between two answers.
fn without_ages(text: &str) -> String {
    let parts = text
        .split('(')
        .map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    parts.collect()
}

#[test]
fn what_does_not_exist_is_no_and_what_does_not_read_is_misuse() {
    let scene = Scene::new(&Registration::Bound);
    for (words, code) in [
        ("client show nobody", 1),
        ("order explain 01JD0000000000000000000000", 1),
        ("order explain nonsense", 2),
        ("client create web --allow nonsense", 2),
        ("client create web", 2),
    ] {
        let ended = scene.server.certlocker(words).output().unwrap().status;
        assert_eq!(ended.code(), Some(code), "{words}");
    }
}

#[test]
fn a_second_server_on_one_directory_is_refused_with_a_sentence() {
    let mut scene = Scene::new(&Registration::Bound);
    let said = fail(scene.server.same_again());
    assert!(
        said.contains("is in use by the server with process id"),
        "{said}"
    );
}

#[test]
fn a_server_that_is_told_to_stop_takes_its_ready_file_along() {
    let mut scene = Scene::new(&Registration::Bound);
    assert_eq!(scene.server.stop(), (Some(0), false));
}

#[tokio::test]
async fn a_copy_made_beside_the_server_can_be_put_back() {
    let scene = Scene::new(&Registration::Bound);
    let server = &scene.server;
    let account = acme::register(&scene, server.create_client("web")).await;
    acme::order(&account, &["a.example"]).await.unwrap();
    let copy = scene.path("copy").display().to_string();
    succeed(&mut server.certlocker(&format!("backup {copy}")));
    let said = succeed(&mut server.certlocker(&format!("restore {copy} --drill")));
    assert!(said.contains("can be restored"), "{said}");
    let said = fail(&mut server.certlocker(&format!("restore {copy}")));
    assert!(said.contains("empty data directory"), "{said}");

    let elsewhere = scene.path("elsewhere");
    succeed(&mut certlocker(&format!("restore {copy}"), &elsewhere));
    let listed = |data| succeed(&mut certlocker("order list --json", data));
    assert_eq!(listed(&elsewhere), listed(server.data()));
}
