//! Two planes that share a prefix and nothing else.

use crate::harness::acme;
use crate::harness::https::{Response, call};
use crate::harness::scene::Scene;
use crate::harness::server::Registration;

fn get(scene: &Scene, base: &str, path: &str, headers: &[&str]) -> Response {
    let request = format!("GET {path}");
    call(scene.server.ca_file(), base, &request, headers, "")
}

fn gateway(scene: &Scene) -> &str {
    scene
        .server
        .directory()
        .strip_suffix("/rest/acme/directory")
        .unwrap()
}

#[test]
fn each_plane_serves_its_own_routes_only() {
    let scene = Scene::new(&Registration::Bound);
    let (gateway, desk) = (gateway(&scene), scene.server.operator_url());
    let bearer = format!("Authorization: Bearer {}", scene.server.admin_token());
    for (base, path, status) in [
        (gateway, "/rest/acme/directory", 200),
        (gateway, "/rest/acme/orders", 404),
        (gateway, "/rest/acme/clients", 404),
        (gateway, "/metrics", 404),
        (gateway, "/app/orders", 404),
        (desk, "/rest/acme/orders", 200),
        (desk, "/rest/acme/directory", 404),
        (desk, "/rest/acme/new-nonce", 404),
        (desk, "/rest/acme/order", 404),
    ] {
        assert_eq!(
            get(&scene, base, path, &[&bearer]).status,
            status,
            "{base}{path}"
        );
    }
}

#[test]
fn what_a_plane_does_not_serve_is_answered_with_a_problem_document() {
    let scene = Scene::new(&Registration::Bound);
    let bearer = format!("Authorization: Bearer {}", scene.server.admin_token());
    for base in [gateway(&scene), scene.server.operator_url()] {
        let answer = get(&scene, base, "/rest/acme/nothing", &[&bearer]);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{base}"
        );
    }
    let answer = get(
        &scene,
        scene.server.operator_url(),
        "/rest/acme/orders?limit=x",
        &[&bearer],
    );
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (400, Some("application/problem+json"))
    );
}

#[test]
fn the_operator_plane_asks_for_its_token_except_for_health_and_metrics() {
    let scene = Scene::new(&Registration::Bound);
    let desk = scene.server.operator_url();
    for (path, status) in [
        ("/rest/acme/orders", 401),
        ("/app/orders", 303),
        ("/livez", 200),
        ("/readyz", 200),
        ("/metrics", 200),
    ] {
        assert_eq!(get(&scene, desk, path, &[]).status, status, "{path}");
    }
    let wrong = get(
        &scene,
        desk,
        "/rest/acme/orders",
        &["Authorization: Bearer wrong"],
    );
    assert_eq!(
        (wrong.status, wrong.header("www-authenticate")),
        (
            401,
            Some(
                "Bearer realm=\"certlocker\", error=\"invalid_token\", error_description=\"malformed\""
            )
        )
    );
}

#[tokio::test]
async fn an_order_has_a_page_with_its_sentence_behind_the_login() {
    let scene = Scene::new(&Registration::Bound);
    let account = acme::register(&scene, scene.server.create_client("web")).await;
    let order = acme::order(&account, &["a.example"]).await.unwrap();
    let (desk, token) = (scene.server.operator_url(), scene.server.admin_token());
    let form = ["Content-Type: application/x-www-form-urlencoded"];
    let login = |token: &str| {
        call(
            scene.server.ca_file(),
            desk,
            "POST /login",
            &form,
            &format!("token={token}"),
        )
    };
    assert_eq!(login("wrong").status, 403);
    let cookie = login(&token)
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let path = format!("/app/orders/{}", acme::id(&order));
    let page = get(&scene, desk, &path, &[&format!("Cookie: {cookie}")]);
    assert_eq!(page.status, 200);
    assert!(
        page.body
            .contains("The client has not answered a challenge for a.example")
    );
}

#[tokio::test]
async fn metrics_count_requests_orders_and_problems() {
    let scene = Scene::new(&Registration::Bound);
    let account = acme::register(&scene, scene.server.create_client("web")).await;
    acme::order(&account, &["a.example"]).await.unwrap();
    acme::order(&account, &["mail.test"]).await.err().unwrap();
    let metrics = get(&scene, scene.server.operator_url(), "/metrics", &[]).body;
    for line in [
        "certlocker_acme_orders_total{state=\"pending\"} 1",
        "certlocker_acme_problems_total{type=\"rejectedIdentifier\",operation=\"new-order\"} 1",
        "certlocker_acme_requests_total{operation=\"new-account\",status=\"201\"} 1",
    ] {
        assert!(
            metrics.lines().any(|have| have == line),
            "{line}\n{metrics}"
        );
    }
}
