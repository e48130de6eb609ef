mod people;
mod scene;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use certlocker_core::{Actor, Event, Permission, RecordQuery, TokenId, TokenScope, TokenText};

use super::table::{Line, Needs, Surface, lines};
use scene::{PREFIX, Scene, startup};

fn path(line: &Line) -> String {
    let prefix = match line.surface {
        Surface::Api => PREFIX,
        Surface::Files | Surface::Page => "",
    };
    format!("{prefix}{}", line.route.path).replace(['{', '}', '*'], "")
}

fn method(line: &Line) -> Method {
    let verbs = line.route.verbs.allow();
    verbs.split(", ").next().unwrap().parse().unwrap()
}

fn scope(permission: Permission) -> TokenScope {
    TokenScope::plain(permission)
}

#[tokio::test]
async fn no_route_answers_without_a_token_but_those_for_who_is_not_known_yet() {
    let scene = Scene::new();
    for line in lines() {
        let answer = scene.call(method(&line), &path(&line), &[], "").await;
        match (line.needs, line.surface) {
            (Needs::Nothing, _) => assert_ne!(answer.status, 401, "{line:?}"),
            (_, Surface::Page) => assert_eq!(
                (answer.status, answer.location.as_str()),
                (303, "/login"),
                "{line:?}"
            ),
            _ => assert_eq!(
                (answer.status, answer.challenge.as_str()),
                (401, "Bearer realm=\"certlocker\""),
                "{line:?}"
            ),
        }
    }
    let open = lines().into_iter();
    let open = open.filter(|line| line.needs == Needs::Nothing);
    let open: BTreeSet<&str> = open.map(|line| line.route.path).collect();
    let mut expected = BTreeSet::from(["/", "/assets/app.css", "/login", "/logout"]);
    if cfg!(feature = "oidc") {
        expected.extend(["/login/oidc", "/login/oidc/callback"]);
    }
    assert_eq!(open, expected);
}

#[tokio::test]
async fn each_route_answers_to_its_own_permission_and_to_no_other() {
    let scene = Scene::new();
    for line in lines() {
        let Needs::Permission(needed) = line.needs else {
            continue;
        };
        let others = Permission::ALL[1..]
            .iter()
            .filter(|other| **other != needed);
        let others: Vec<TokenScope> = others.map(|other| scope(*other)).collect();
        let others = scene.token(&others, &[]).await;
        let own = scene.token(&[scope(needed)], &[]).await;
        let admin = scene.token(&[scope(Permission::Admin)], &[]).await;
        let (method, path) = (method(&line), path(&line));
        let denied = scene.with(&others, method.clone(), &path, "").await;
        assert_eq!(denied.status, 403, "{line:?}");
        assert_eq!(
            denied.challenge,
            format!(
                "Bearer realm=\"certlocker\", error=\"insufficient_scope\", scope=\"{needed}\""
            )
        );
        assert!(
            denied.body.contains(&format!("this needs {needed}")),
            "{}",
            denied.body
        );
        for token in [&own, &admin] {
            let answer = scene.with(token, method.clone(), &path, "").await;
            assert!(![401, 403].contains(&answer.status), "{line:?}");
        }
        let told = scene.events("CLA154E", 1).await;
        let operation = format!("{method} {}", line.route.path);
        let wanted = Event::TokenDenied {
            needed: needed.to_string(),
            operation,
            token_id: *others.id(),
        };
        assert_eq!(told.last(), Some(&(Actor::Token(*others.id()), wanted)));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_said_and_summarised() {
    let scene = Scene::new();
    let good = scene
        .token(&[scope(Permission::CertificateRead)], &[])
        .await;
    let elsewhere = scene
        .token(&[scope(Permission::CertificateRead)], &["198.51.100.0/24"])
        .await;
    let revoked = scene
        .token(&[scope(Permission::CertificateRead)], &[])
        .await;
    scene
        .inventory
        .revoke_token(
            &revoked.id().to_string(),
            crate::inventory::TokenReach::All,
            &startup(),
        )
        .await
        .unwrap();
    let forged = TokenText::of(*good.id(), &mut crate::random::fill);
    let malformed = good.expose().replace("cl_0", "cl_1");
    let id = |token: &TokenText| Some(*token.id());
    for (text, why) in [
        (forged.expose(), "unknown"),
        (scene.text().expose(), "unknown"),
        (&malformed, "malformed"),
        (elsewhere.expose(), "elsewhere"),
        (revoked.expose(), "revoked"),
    ] {
        let bearer = format!("Bearer {text}");
        let answer = scene
            .call(
                Method::GET,
                "/api/orders",
                &[("authorization", &bearer)],
                "",
            )
            .await;
        assert_eq!(answer.status, 401, "{why}");
        let error = format!("error=\"invalid_token\", error_description=\"{why}\"");
        assert!(answer.challenge.ends_with(&error), "{}", answer.challenge);
        assert!(!answer.body.contains(text), "{}", answer.body);
    }
    let mut told: Vec<(String, u64, Option<TokenId>)> = Vec::new();
    for (actor, event) in scene.events("CLA155E", 4).await {
        assert_eq!(actor.to_string(), "anonymous:192.0.2.0/24");
        let Event::TokenRejected {
            count,
            token_id,
            why,
        } = event
        else {
            panic!("{event:?}")
        };
        told.push((why, count, token_id));
    }
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let said = |why: &str, token| (why.to_owned(), 1, token);
    let wanted = [
        said("elsewhere", id(&elsewhere)),
        said("malformed", None),
        said("revoked", id(&revoked)),
        said("unknown", None),
    ];
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn clients_are_made_and_switched_off_within_the_names_of_the_token() {
    let scene = Scene::new();
    let names = ["order:create=dns:*.example".parse().unwrap()];
    let token = scene.token(&names, &[]).await;
    let make = async |name: &str, allow: &str| {
        let body = format!("{{\"name\":\"{name}\",\"allow\":[\"{allow}\"]}}");
        scene
            .with(&token, Method::POST, "/api/clients", &body)
            .await
    };
    assert_eq!(make("in", "dns:*.a.example").await.status, 201);
    let denied = make("out", "dns:*.test").await;
    assert_eq!(denied.status, 403);
    assert!(
        denied.body.contains("order:create=dns:*.test"),
        "{}",
        denied.body
    );
    let other = scene
        .token(&["order:create=dns:*.test".parse().unwrap()], &[])
        .await;
    let disable = async |token| {
        scene
            .with(token, Method::POST, "/api/clients/in/disable", "")
            .await
    };
    assert_eq!(disable(&other).await.status, 403);
    assert_eq!(disable(&token).await.status, 200);
    let (actor, _) = scene.events("CLA101I", 1).await.remove(0);
    assert_eq!(actor, Actor::Token(*token.id()));
}

#[tokio::test]
async fn what_is_made_over_the_api_is_below_the_caller_and_ends_with_it() {
    let scene = Scene::new();
    let root = scene
        .token(
            &[scope(Permission::TokenCreate), scope(Permission::AuditRead)],
            &["192.0.2.0/24"],
        )
        .await;
    let make = async |by: &TokenText, scopes: &str, more: &str| {
        let body =
            format!("{{\"scopes\":{scopes},\"expires\":\"10m\",\"reason\":\"below\"{more}}}");
        scene.with(by, Method::POST, "/api/tokens", &body).await
    };
    let child = make(&root, "[\"token:create\"]", "").await;
    assert_eq!(child.status, 201, "{}", child.body);
    let child: TokenText = child.json()["token"].as_str().unwrap().parse().unwrap();
    let grandchild = make(&child, "[\"token:create\"]", "").await.json();
    assert_eq!(grandchild["parent"], child.id().to_string());
    assert_eq!(grandchild["networks"], serde_json::json!(["192.0.2.0/24"]));
    for (scopes, more, said) in [
        ("[\"audit:read\"]", "", "goes beyond"),
        (
            "[\"token:create\"]",
            ",\"networks\":[\"0.0.0.0/0\"]",
            "does not count from",
        ),
        ("[]", "", "needs 1 to"),
        ("[\"nonsense\"]", "", "no scope of a token"),
    ] {
        let refused = make(&child, scopes, more).await;
        assert_eq!(refused.status, 400, "{scopes}");
        assert!(refused.body.contains(said), "{}", refused.body);
    }
    let list = async |by: &TokenText| scene.with(by, Method::GET, "/api/tokens", "").await;
    assert_eq!(list(&root).await.json().as_array().unwrap().len(), 3);
    assert_eq!(list(&child).await.json().as_array().unwrap().len(), 2);
    let above = format!("/api/tokens/{}/revoke", root.id());
    assert_eq!(
        scene.with(&child, Method::POST, &above, "").await.status,
        404
    );
    let revoked = scene
        .with(
            &root,
            Method::POST,
            &format!("/api/tokens/{}/revoke", child.id()),
            "",
        )
        .await;
    let wanted = [
        child.id().to_string(),
        grandchild["id"].as_str().unwrap().to_owned(),
    ];
    assert_eq!(revoked.json()["revoked"], serde_json::json!(wanted));
    assert_eq!(scene.events("CLA151I", 2).await.len(), 2);
    for dead in [child.expose(), grandchild["token"].as_str().unwrap()] {
        let dead: TokenText = dead.parse().unwrap();
        assert_eq!(list(&dead).await.status, 401);
    }
}

#[tokio::test]
async fn a_rotated_token_counts_with_its_new_text_only() {
    let scene = Scene::new();
    let token = scene.token(&[scope(Permission::TokenCreate)], &[]).await;
    let path = format!("/api/tokens/{}/rotate", token.id());
    let rotated = scene.with(&token, Method::POST, &path, "{}").await;
    let fresh: TokenText = rotated.json()["token"].as_str().unwrap().parse().unwrap();
    assert_eq!(fresh.id(), token.id());
    assert_eq!(
        scene
            .with(&token, Method::GET, "/api/tokens", "")
            .await
            .status,
        401
    );
    let shown = scene
        .with(
            &fresh,
            Method::GET,
            &format!("/api/tokens/{}", fresh.id()),
            "",
        )
        .await;
    assert_eq!(shown.json()["created_by"], "server:startup");
    assert!(!shown.body.contains(&fresh.expose()[29..]));
}

#[tokio::test]
async fn pages_take_the_cookie_of_the_login_and_forms_of_their_own_only() {
    let scene = Scene::new();
    let token = scene.token(&[scope(Permission::TokenCreate)], &[]).await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let login = async |headers: &[(&str, &str)], text: &str| {
        let body = format!("token={text}");
        scene.call(Method::POST, "/login", headers, &body).await
    };
    let wrong = login(&[form], "cl_x").await;
    assert_eq!((wrong.status, wrong.cookie.as_str()), (403, ""));
    let foreign = login(&[form, ("sec-fetch-site", "cross-site")], token.expose()).await;
    assert_eq!((foreign.status, foreign.cookie.as_str()), (403, ""));
    let entered = login(&[form, ("sec-fetch-site", "same-origin")], token.expose()).await;
    for flag in ["HttpOnly", "Secure", "SameSite=Strict"] {
        assert!(entered.cookie.contains(flag), "{}", entered.cookie);
    }
    let cookie = ("cookie", entered.cookie.split(';').next().unwrap());
    assert!(
        !entered.cookie.contains(&token.expose()[29..]),
        "{}",
        entered.cookie
    );
    let page = scene.call(Method::GET, "/app/tokens", &[cookie], "").await;
    assert!(
        page.status == 200 && page.body.contains(&token.id().to_string()),
        "{}",
        page.body
    );
    let body = "reason=page&scopes=token%3Acreate&expires=5m&networks=";
    let made = scene
        .call(
            Method::POST,
            "/app/tokens",
            &[cookie, form, ("sec-fetch-site", "same-origin")],
            body,
        )
        .await;
    assert!(made.body.contains("It is not shown again"), "{}", made.body);
    let foreign = scene
        .call(
            Method::POST,
            "/app/tokens",
            &[cookie, form, ("sec-fetch-site", "same-site")],
            body,
        )
        .await;
    assert_eq!(foreign.status, 403);
    let other = scene.call(Method::GET, "/app/orders", &[cookie], "").await;
    assert!(other.status == 403 && other.body.contains("this needs certificate:read"));
    let api = scene.call(Method::GET, "/api/tokens", &[cookie], "").await;
    assert_eq!(api.status, 401);
}

#[tokio::test]
async fn the_use_of_a_token_is_noted_without_a_record() {
    let scene = Scene::new();
    let token = scene.token(&[scope(Permission::TokenCreate)], &[]).await;
    scene.with(&token, Method::GET, "/api/tokens", "").await;
    let used = loop {
        if let Some(used) = scene.inventory.store.token_use(token.id()).await.unwrap() {
            break used.value.at();
        }
        tokio::task::yield_now().await;
    };
    assert!(scene.now().since(used) < Duration::from_secs(60));
    assert_eq!(
        scene
            .inventory
            .store
            .find_records(&RecordQuery::oldest(9))
            .await
            .unwrap()
            .len(),
        1
    );
}
