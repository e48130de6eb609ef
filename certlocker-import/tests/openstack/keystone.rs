//! A real Keystone, which others wrote.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

/// Where `scripts/install-test-tools` puts it.
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/test-tools/keystone/bin/python"
);
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/openstack/keystone_server.py"
);

pub(crate) const PASSWORD: &str = "canary p@ss:#{\"word";
pub(crate) const SECRET: &str = "canary-application-secret";

/// One for all tests of the process; it ends when its input does, which is when they end.
pub(crate) struct Keystone {
    pub(crate) url: String,
    pub(crate) project: String,
    pub(crate) user: String,
    talk: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    _child: Child,
}

/// Where `CERTLOCKER_REQUIRE_CLIENTS` is set a missing Keystone fails the test, otherwise the test
/// leaves it out and says so.
pub(crate) fn keystone() -> Option<&'static Keystone> {
    static ONE: OnceLock<Keystone> = OnceLock::new();
    if !std::path::Path::new(PYTHON).is_file() {
        let left_out = "Keystone is not installed (scripts/install-test-tools)";
        assert!(
            std::env::var_os("CERTLOCKER_REQUIRE_CLIENTS").is_none(),
            "{left_out}"
        );
        eprintln!("left out: {left_out}");
        return None;
    }
    Some(ONE.get_or_init(Keystone::start))
}

impl Keystone {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("keystone-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut child = Command::new(PYTHON)
            .args(["-W", "ignore", SCRIPT])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).expect("Keystone ended");
        let mut keystone = Self {
            url: said["url"].as_str().unwrap().to_owned(),
            project: String::new(),
            user: String::new(),
            talk: Mutex::new((child.stdin.take().unwrap(), lines)),
            _child: child,
        };
        keystone.furnish();
        keystone
    }

    /// A user with a project, and the services of a cloud.
    fn furnish(&mut self) {
        let project = json!({ "project": { "name": "demo", "domain_id": "default" } });
        let project = self.post("/projects", &project);
        self.project = id(&project["project"]);
        let user =
            json!({ "user": { "name": "demo", "domain_id": "default", "password": PASSWORD } });
        self.user = id(&self.post("/users", &user)["user"]);
        let roles = self.ask("GET", "/roles?name=member", &Value::Null, None);
        let role = id(&roles["roles"][0]);
        let grant = format!(
            "/projects/{}/users/{}/roles/{role}",
            self.project, self.user
        );
        self.ask("PUT", &grant, &Value::Null, None);
        for kind in ["compute", "image"] {
            self.post(
                "/services",
                &json!({ "service": { "type": kind, "name": kind } }),
            );
        }
    }

    /// A region with these services.
    pub(crate) fn region(&self, name: &str, url: &str) {
        self.post("/regions", &json!({ "region": { "id": name } }));
        for (kind, path) in [("compute", "/v2.1"), ("image", "/image")] {
            let services = format!("/services?type={kind}");
            let service = self.ask("GET", &services, &Value::Null, None);
            let service = id(&service["services"][0]);
            let url = format!("{url}{path}");
            let endpoint = json!({ "region_id": name, "service_id": service, "interface": "public", "url": url });
            self.post("/endpoints", &json!({ "endpoint": endpoint }));
        }
    }

    pub(crate) fn token(&self) -> String {
        let body = json!(["demo", PASSWORD, "demo"]);
        let answer = self.ask("POST", "token", &body, None);
        answer["token"].as_str().unwrap().to_owned()
    }

    /// An application credential of the user.
    pub(crate) fn application_credential(&self, name: &str) -> String {
        let path = format!("/users/{}/application_credentials", self.user);
        let body = json!({ "name": name, "secret": SECRET });
        let body = json!({ "application_credential": body });
        id(&self.ask("POST", &path, &body, Some(&self.token()))["application_credential"])
    }

    pub(crate) fn revoke(&self, credential: &str) {
        let path = format!("/users/{}/application_credentials/{credential}", self.user);
        self.ask("DELETE", &path, &Value::Null, Some(&self.token()));
    }

    pub(crate) fn expire(&self, credential: &str) {
        self.ask("POST", "expire", &json!([credential]), None);
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, body, None)
    }

    fn ask(&self, method: &str, path: &str, body: &Value, token: Option<&str>) -> Value {
        let asked = json!({ "method": method, "path": path, "body": body, "token": token });
        let mut talk = self.talk.lock().unwrap();
        writeln!(talk.0, "{asked}").unwrap();
        let mut line = String::new();
        talk.1.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer.get("failed"), None, "{method} {path}");
        answer
    }
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}
