//! People: let in with a password and a code, bounded by their roles, ended when they are switched off.

use axum::http::Method;
use certlocker_core::{Actor, Event};
use totp_rs::Totp;

use super::scene::{Answer, Scene, startup};
use crate::inventory::{IssuedPerson, NewPersonRequest};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn add(scene: &Scene, name: &str, role: &str) -> IssuedPerson {
    let request = NewPersonRequest {
        name: name.to_owned(),
        roles: vec![role.to_owned()],
    };
    let added = scene.inventory.add_person(&request, &startup()).await;
    added.unwrap()
}

/// The code of a person's device, so many steps from now.
fn code(scene: &Scene, person: &IssuedPerson, steps: i64) -> String {
    let now = scene.now().as_seconds() + 30 * steps;
    let device = Totp::from_url(&person.code_url).unwrap();
    device.generate(u64::try_from(now).unwrap()).to_string()
}

async fn sign_in(scene: &Scene, name: &str, password: &str, code: &str) -> Answer {
    let body = format!("name={name}&password={password}&code={code}");
    scene
        .call(Method::POST, "/login", &[FORM, OWN], &body)
        .await
}

async fn let_in(scene: &Scene, person: &IssuedPerson, steps: i64) -> String {
    let code = code(scene, person, steps);
    let answer = sign_in(scene, &person.view.name, &person.password, &code).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.cookie.split(';').next().unwrap().to_owned()
}

async fn page(scene: &Scene, cookie: &str, path: &str) -> u16 {
    let cookie = [("cookie", cookie)];
    scene.call(Method::GET, path, &cookie, "").await.status
}

#[tokio::test]
async fn a_person_is_let_in_until_they_sign_out() {
    let scene = Scene::new();
    let ann = add(&scene, "ann", "viewer").await;
    let cookie = let_in(&scene, &ann, 0).await;
    assert_eq!(page(&scene, &cookie, "/app/orders").await, 200);
    let out = [("cookie", cookie.as_str()), OWN];
    let left = scene.call(Method::POST, "/logout", &out, "").await;
    assert!(left.cookie.contains("Max-Age=0"), "{}", left.cookie);
    assert_eq!(page(&scene, &cookie, "/app/orders").await, 303);
    for code in ["CLA163I", "CLA164I"] {
        let (actor, _) = scene.events(code, 1).await.remove(0);
        assert_eq!(actor.to_string(), format!("person:{}", ann.view.id));
    }
}

#[tokio::test]
async fn a_wrong_password_a_wrong_code_and_a_code_that_was_used_are_each_on_record() {
    let scene = Scene::new();
    let ann = add(&scene, "ann", "viewer").await;
    let now = code(&scene, &ann, 0);
    assert_eq!(sign_in(&scene, "ann", "wrong", &now).await.status, 403);
    let old = code(&scene, &ann, -9);
    assert_eq!(
        sign_in(&scene, "ann", &ann.password, &old).await.status,
        403
    );
    let_in(&scene, &ann, 0).await;
    let again = sign_in(&scene, "ann", &ann.password, &now).await;
    assert_eq!((again.status, again.cookie.as_str()), (403, ""));
    let mut told = Vec::new();
    for (actor, event) in scene.events("CLA163E", 3).await {
        assert_eq!(actor.to_string(), "anonymous:192.0.2.0/24");
        let Event::SessionRefused { failures, why, .. } = event else {
            panic!("{event:?}")
        };
        told.push((why, failures));
    }
    let wanted = [("password", 1), ("code", 2), ("code", 1)];
    assert_eq!(
        told,
        wanted.map(|(why, failures)| (why.to_owned(), failures))
    );
}

#[tokio::test]
async fn after_some_failures_nothing_is_looked_at_for_a_while() {
    let scene = Scene::new();
    let ann = add(&scene, "ann", "viewer").await;
    let now = code(&scene, &ann, 0);
    let attempts = (0..5).map(|_| sign_in(&scene, "ann", "wrong", &now));
    for answer in futures_util::future::join_all(attempts).await {
        assert_eq!(answer.status, 403);
    }
    let right = sign_in(&scene, "ann", &ann.password, &now).await;
    assert_eq!(right.status, 403);
    assert!(
        right.body.contains("too many attempts failed"),
        "{}",
        right.body
    );
    assert_eq!(sign_in(&scene, "nobody", "x", &now).await.status, 403);
    let mut told: Vec<String> = Vec::new();
    for (_, event) in scene.events("CLA166E", 2).await {
        let Event::SignInsRejected { why, .. } = event else {
            panic!("{event:?}")
        };
        told.push(why);
    }
    told.sort();
    assert_eq!(told, ["throttled", "unknown"]);
    let reset = scene
        .inventory
        .reset_person("ann", &startup())
        .await
        .unwrap();
    let_in(&scene, &reset, 0).await;
}

#[tokio::test]
async fn roles_bound_what_a_person_sees_and_makes() {
    let scene = Scene::new();
    let (viewer, operator) = (
        add(&scene, "vi", "viewer").await,
        add(&scene, "op", "operator").await,
    );
    let cookie = let_in(&scene, &viewer, 0).await;
    assert_eq!(page(&scene, &cookie, "/app/tokens").await, 403);
    let (_, event) = scene.events("CLA165E", 1).await.remove(0);
    assert!(matches!(event, Event::PersonDenied { needed, .. } if needed == "token:create"));
    let cookie = let_in(&scene, &operator, 0).await;
    let make = async |scopes: &str| {
        let body = format!("reason=x&scopes={scopes}&expires=1h&networks=");
        let headers = [("cookie", cookie.as_str()), FORM, OWN];
        scene
            .call(Method::POST, "/app/tokens", &headers, &body)
            .await
            .body
    };
    let beyond = make("admin").await;
    assert!(beyond.contains("goes beyond the roles of op"), "{beyond}");
    let made = make("order%3Acreate%3Ddns%3A*.example").await;
    assert!(made.contains("It is not shown again"), "{made}");
    let (actor, _) = scene.events("CLA150I", 1).await.remove(0);
    assert_eq!(actor.to_string(), format!("person:{}", operator.view.id));
}

#[tokio::test]
async fn with_a_person_end_their_sessions_and_tokens() {
    let scene = Scene::new();
    let operator = add(&scene, "op", "operator").await;
    let cookie = let_in(&scene, &operator, 0).await;
    let headers = [("cookie", cookie.as_str()), FORM, OWN];
    let body = "reason=x&scopes=certificate%3Aread&expires=1h&networks=";
    let made = scene
        .call(Method::POST, "/app/tokens", &headers, body)
        .await
        .body;
    let (_, token) = made.split_once("<pre>").unwrap();
    let token = token.split_once("</pre>").unwrap().0.parse().unwrap();
    assert_eq!(
        scene
            .with(&token, Method::GET, "/api/orders", "")
            .await
            .status,
        200
    );
    scene
        .inventory
        .disable_person("op", &startup())
        .await
        .unwrap();
    assert_eq!(page(&scene, &cookie, "/app/orders").await, 303);
    assert_eq!(
        scene
            .with(&token, Method::GET, "/api/orders", "")
            .await
            .status,
        401
    );
    let (actor, _) = scene.events("CLA151I", 1).await.remove(0);
    assert_eq!(actor, Actor::Server(certlocker_core::Component::Startup));
    let now = code(&scene, &operator, 1);
    let refused = sign_in(&scene, "op", &operator.password, &now).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn an_administrator_adds_resets_and_switches_off_people_on_a_page() {
    let scene = Scene::new();
    let admin = add(&scene, "root", "admin").await;
    let cookie = let_in(&scene, &admin, 0).await;
    let post = async |path: &str, headers: &[(&str, &str)], body: &str| {
        let headers = [&[("cookie", cookie.as_str()), FORM][..], headers].concat();
        scene.call(Method::POST, path, &headers, body).await
    };
    let foreign = [("sec-fetch-site", "cross-site")];
    let forged = post("/app/people", &foreign, "name=eve&roles=admin").await;
    assert_eq!(forged.status, 403);
    let wrong = post("/app/people", &[OWN], "name=ann&roles=root").await;
    assert!(wrong.body.contains("that is no role"), "{}", wrong.body);
    let added = post("/app/people", &[OWN], "name=ann&roles=viewer+auditor").await;
    assert!(added.body.contains("otpauth://totp/"), "{}", added.body);
    let ann = scene.inventory.people(None, 9).await.unwrap().remove(1);
    assert_eq!((ann.name.as_str(), ann.roles.len()), ("ann", 2));
    let reset = post(&format!("/app/people/{}/reset", ann.id), &[OWN], "").await;
    assert!(
        reset.body.contains("Neither is shown again"),
        "{}",
        reset.body
    );
    let off = post(&format!("/app/people/{}/disable", ann.id), &[OWN], "").await;
    assert!(off.body.contains("disabled"), "{}", off.body);
    let (actor, _) = scene.events("CLA162I", 1).await.remove(0);
    assert_eq!(actor.to_string(), format!("person:{}", admin.view.id));
}

#[tokio::test]
async fn a_person_changes_their_password_if_they_know_it_and_signs_in_anew() {
    let scene = Scene::new();
    let ann = add(&scene, "ann", "viewer").await;
    let cookie = let_in(&scene, &ann, 0).await;
    let change = async |old: &str, new: &str, again: &str| {
        let headers = [("cookie", cookie.as_str()), FORM, OWN];
        let body = format!("old={old}&new={new}&again={again}");
        scene
            .call(Method::POST, "/app/password", &headers, &body)
            .await
    };
    let new = "correct-horse-battery";
    for (old, new, again, why) in [
        ("wrong", new, new, "not the password until now"),
        (&ann.password, new, "x", "not the same"),
        (&ann.password, "short", "short", "a password has"),
    ] {
        let refused = change(old, new, again).await;
        assert_eq!(refused.status, 403);
        assert!(refused.body.contains(why), "{}", refused.body);
    }
    scene.events("CLA163E", 1).await;
    let changed = change(&ann.password, new, new).await;
    assert_eq!((changed.status, changed.location.as_str()), (303, "/login"));
    assert_eq!(page(&scene, &cookie, "/app/orders").await, 303);
    let (actor, _) = scene.events("CLA167I", 1).await.remove(0);
    assert_eq!(actor.to_string(), format!("person:{}", ann.view.id));
    let next = code(&scene, &ann, 1);
    assert_eq!(
        sign_in(&scene, "ann", &ann.password, &next).await.status,
        403
    );
    assert_eq!(sign_in(&scene, "ann", new, &next).await.status, 303);
}

#[tokio::test]
async fn a_token_changes_nobodys_password() {
    let scene = Scene::new();
    let admin = [certlocker_core::TokenScope::plain(
        certlocker_core::Permission::Admin,
    )];
    let token = scene.token(&admin, &[]).await;
    let refused = scene.with(&token, Method::GET, "/app/password", "").await;
    assert_eq!(refused.status, 403);
}
