//! People who sign in with the accounts of an issuer of OpenID Connect.

use std::fs;

use serde_json::{Value, json};

use crate::harness::https::{Response, call};
use crate::harness::issuer::{CLIENT, RunningIssuer, SECRET, Wrong};
use crate::harness::scene::Scene;
use crate::harness::server::{Node, Registration, Server};
use crate::harness::tool::succeed;

struct Desk {
    issuer: RunningIssuer,
    issuer_ca: tempfile::NamedTempFile,
    scene: Scene,
}

/// A browser that was sent to the issuer.
struct Sent {
    /// What it keeps meanwhile.
    cookie: String,
    to: String,
}

impl Desk {
    fn new() -> Self {
        let issuer_ca = tempfile::NamedTempFile::new().unwrap();
        let issuer = RunningIssuer::start(issuer_ca.path());
        let scene = Scene::starting(|folder, zone| {
            let secret = folder.join("secret");
            fs::write(&secret, format!("{SECRET}\n")).unwrap();
            let file = |path: &std::path::Path| path.display().to_string();
            let rules = "groups=netops:operator,groups=audit:auditor,department=it:viewer";
            let mut node = Node::alone();
            node.shared = vec![
                ("CERTLOCKER_OIDC_ISSUER", issuer.url().to_owned()),
                ("CERTLOCKER_OIDC_CLIENT_ID", CLIENT.to_owned()),
                ("CERTLOCKER_OIDC_CLIENT_SECRET_FILE", file(&secret)),
                ("CERTLOCKER_OIDC_CA_FILE", file(issuer_ca.path())),
                ("CERTLOCKER_OIDC_ROLE", rules.to_owned()),
            ];
            Server::start_node(folder, zone, &Registration::Bound, node)
        });
        Self {
            issuer,
            issuer_ca,
            scene,
        }
    }

    fn call(&self, request: &str, headers: &[&str]) -> Response {
        let server = &self.scene.server;
        call(
            server.ca_file(),
            server.operator_url(),
            request,
            headers,
            "",
        )
    }

    fn begin(&self) -> Sent {
        let origin = format!("Origin: {}", self.scene.server.operator_url());
        let answer = self.call("POST /login/oidc", &[&origin]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        let cookie = answer.header("set-cookie").unwrap();
        assert!(
            cookie.contains("HttpOnly; Secure; SameSite=Lax"),
            "{cookie}"
        );
        Sent {
            cookie: cookie.split(';').next().unwrap().to_owned(),
            to: answer.header("location").unwrap().to_owned(),
        }
    }

    /// The path to which the issuer sends the browser back.
    fn at_issuer(&self, sent: &Sent) -> String {
        let path = sent.to.strip_prefix(self.issuer.url()).unwrap();
        let (ca, url) = (self.issuer_ca.path(), self.issuer.url());
        let answer = call(ca, url, &format!("GET {path}"), &[], "");
        let back = answer.header("location").unwrap();
        back.strip_prefix(self.scene.server.operator_url())
            .unwrap()
            .to_owned()
    }

    fn end(&self, cookie: &str, back: &str) -> Response {
        self.call(&format!("GET {back}"), &[&format!("Cookie: {cookie}")])
    }

    fn sign_in(&self) -> Response {
        let sent = self.begin();
        let back = self.at_issuer(&sent);
        self.end(&sent.cookie, &back)
    }

    fn status(&self, session: &str, path: &str) -> u16 {
        self.call(&format!("GET {path}"), &[&format!("Cookie: {session}")])
            .status
    }

    fn records(&self, action: &str) -> Vec<Value> {
        let words = format!("audit list --oldest-first --action {action} --json");
        let told = succeed(&mut self.scene.server.certlocker(&words));
        serde_json::from_str(&told).unwrap()
    }
}

fn session(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let cookies = answer.head.lines().filter_map(|line| line.split_once(": "));
    let mut cookies = cookies.filter(|(_, value)| value.starts_with("__Host-certlocker-session="));
    let (_, value) = cookies.next().unwrap();
    assert!(value.contains("SameSite=Strict"), "{value}");
    value.split(';').next().unwrap().to_owned()
}

fn ann(groups: &[&str]) -> Value {
    json!({ "sub": "248289761001", "preferred_username": "ann", "groups": groups })
}

#[test]
fn whom_the_issuer_gives_a_role_is_added_once_and_has_the_roles_of_today() {
    let desk = Desk::new();
    let page = desk.call("GET /login", &[]).body;
    assert!(page.contains("Sign in with localhost"), "{page}");
    desk.issuer.says(ann(&["netops", "web"]));
    let first = session(&desk.sign_in());
    assert_eq!(desk.status(&first, "/app/tokens"), 200);
    desk.issuer.says(ann(&["audit"]));
    let second = session(&desk.sign_in());
    for cookie in [&first, &second] {
        assert_eq!(desk.status(cookie, "/app/tokens"), 403);
        assert_eq!(desk.status(cookie, "/app/orders"), 200);
    }
    let people = succeed(&mut desk.scene.server.certlocker("person list --json"));
    let people: Value = serde_json::from_str(&people).unwrap();
    let [person] = people.as_array().unwrap().as_slice() else {
        panic!("{people}")
    };
    assert_eq!(
        (
            &person["name"],
            &person["issuer"],
            &person["subject"],
            &person["roles"]
        ),
        (
            &json!("ann"),
            &json!(desk.issuer.url()),
            &json!("248289761001"),
            &json!(["auditor"])
        )
    );
    let created = desk.records("person.created").remove(0);
    assert_eq!(created["data"]["issuer"], desk.issuer.url());
    assert_eq!(desk.records("session.opened").len(), 2);
    let changed = desk.records("person.roles_changed").remove(0);
    assert_eq!(changed["data"]["before"], json!(["operator"]));
    let id = person["id"].as_str().unwrap();
    let why = succeed(
        &mut desk
            .scene
            .server
            .certlocker(&format!("audit why person {id}")),
    );
    assert!(why.contains("vouches for them"), "{why}");
    let refused = desk
        .scene
        .server
        .certlocker("person reset ann")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("has no password here"), "{said}");
}

#[test]
fn what_only_the_user_info_says_counts_too() {
    let desk = Desk::new();
    desk.issuer
        .says(json!({ "sub": "7", "email": "bo@corp.example", "department": "it" }));
    let cookie = session(&desk.sign_in());
    assert_eq!(desk.status(&cookie, "/app/orders"), 200);
    let people = succeed(&mut desk.scene.server.certlocker("person list"));
    assert!(people.contains("bo@corp.example"), "{people}");
}

#[test]
fn a_token_with_anything_wrong_lets_nobody_in_and_it_is_on_record_what() {
    let desk = Desk::new();
    desk.issuer.says(ann(&["netops"]));
    let cases = [
        (Wrong::Nonce, "oidc_nonce"),
        (Wrong::Audience, "oidc_audience"),
        (Wrong::Expiry, "oidc_expired"),
        (Wrong::Issuer, "oidc_issuer"),
        (Wrong::Algorithm, "oidc_signature"),
        (Wrong::Key, "oidc_signature"),
        (Wrong::Mac, "oidc_signature"),
    ];
    for (wrong, _) in cases {
        desk.issuer.goes_wrong(wrong);
        let answer = desk.sign_in();
        assert_eq!(answer.status, 403, "{wrong:?}: {}", answer.body);
        assert!(
            answer.body.contains("You are not let in"),
            "{}",
            answer.body
        );
        assert!(
            !answer.head.contains("certlocker-session"),
            "{}",
            answer.head
        );
    }
    let told = desk.records("sign_ins.rejected");
    let mut why: Vec<&str> = told
        .iter()
        .map(|record| record["data"]["why"].as_str().unwrap())
        .collect();
    why.sort_unstable();
    // One record stands for those that were refused for one reason within a minute.
    let words = [
        "oidc_audience",
        "oidc_expired",
        "oidc_issuer",
        "oidc_nonce",
        "oidc_signature",
    ];
    assert_eq!(why, words);
    assert!(desk.records("person.created").is_empty());
    desk.issuer.goes_wrong(Wrong::Nothing);
    session(&desk.sign_in());
}

#[test]
fn an_answer_counts_once_and_in_the_browser_that_asked() {
    let desk = Desk::new();
    desk.issuer.says(ann(&["netops"]));
    let (one, other) = (desk.begin(), desk.begin());
    let back = desk.at_issuer(&one);
    let refused = |answer: Response, why: &str| {
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains(why), "{}", answer.body);
    };
    refused(desk.end(&other.cookie, &back), "belongs to another sign-in");
    refused(
        desk.end("a=b", &back),
        "no sign-in was begun in this browser",
    );
    let mut forged = one.cookie.clone();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    refused(
        desk.end(&forged, &back),
        "no sign-in was begun in this browser",
    );
    session(&desk.end(&one.cookie, &back));
    refused(desk.end(&one.cookie, &back), "was used before");
    let other_issuer = desk.at_issuer(&other).replace("localhost", "other.example");
    refused(
        desk.end(&other.cookie, &other_issuer),
        "another issuer answered",
    );
    let denied = desk.begin();
    let back = desk.at_issuer(&denied);
    let (_, state) = back.split_once("&state=").unwrap();
    let state = state.split('&').next().unwrap();
    let back = format!("/login/oidc/callback?error=access_denied&state={state}");
    refused(
        desk.end(&denied.cookie, &back),
        "the issuer says access_denied",
    );
}

#[test]
fn who_has_no_role_is_not_let_in_and_who_has_none_any_more_is_shut_out() {
    let desk = Desk::new();
    desk.issuer.says(ann(&["web"]));
    let refused = desk.sign_in();
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("gives you a role here"),
        "{}",
        refused.body
    );
    assert!(desk.records("person.created").is_empty());
    desk.issuer.says(ann(&["netops"]));
    let cookie = session(&desk.sign_in());
    desk.issuer.says(ann(&[]));
    assert_eq!(desk.sign_in().status, 403);
    assert_eq!(desk.status(&cookie, "/app/orders"), 303);
    let told = desk.records("sign_in.refused");
    let why = |record: &Value| {
        let data = &record["data"];
        (
            data["why"].clone(),
            data["subject"].clone(),
            data["person_id"].is_string(),
        )
    };
    let expected = |known| (json!("no_role"), json!("248289761001"), known);
    assert_eq!(
        told.iter().map(why).collect::<Vec<_>>(),
        [expected(false), expected(true)]
    );
    desk.issuer.says(ann(&["netops"]));
    let cookie = session(&desk.sign_in());
    succeed(&mut desk.scene.server.certlocker("person disable ann"));
    assert_eq!(desk.status(&cookie, "/app/orders"), 303);
    let refused = desk.sign_in();
    assert!(
        refused.body.contains("you were switched off here"),
        "{}",
        refused.body
    );
}

#[test]
fn the_secret_of_the_client_is_shown_by_no_command_and_in_no_log() {
    let desk = Desk::new();
    desk.issuer.says(ann(&["netops"]));
    session(&desk.sign_in());
    let shown = succeed(&mut desk.scene.server.certlocker("config check --json"));
    assert!(
        shown.contains("CERTLOCKER_OIDC_CLIENT_SECRET_FILE"),
        "{shown}"
    );
    for text in [shown, desk.scene.server.log()] {
        assert!(!text.contains(SECRET), "{text}");
    }
}
