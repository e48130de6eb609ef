//! Nova and Glance as far as lists go, with answers in the form of Nova's API samples.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

type Servers = Arc<Mutex<Cloud>>;

/// What there is, and what goes wrong.
#[derive(Default)]
pub(crate) struct Cloud {
    /// Whether tokens are refused once.
    pub(crate) expire_once: bool,
    /// The place in the list from which on Nova is broken.
    pub(crate) broken_from: Option<usize>,
    pub(crate) is_forbidden: bool,
    pub(crate) busy: usize,
    pub(crate) servers: Vec<Value>,
    pub(crate) asked: Vec<String>,
}

pub(crate) struct Nova {
    pub(crate) cloud: Servers,
    pub(crate) url: String,
}

impl Nova {
    pub(crate) fn start(servers: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cloud = Arc::new(Mutex::new(Cloud {
            servers,
            ..Cloud::default()
        }));
        let served = cloud.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let served = served.clone();
                std::thread::spawn(move || serve(&stream.unwrap(), &served));
            }
        });
        Self { cloud, url }
    }
}

fn serve(stream: &TcpStream, cloud: &Servers) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        let _head = lines.by_ref().take_while(|line| !line.is_empty()).count();
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, body) = answer(&path, &mut cloud.lock().unwrap());
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nRetry-After: 0\r\n\r\n",
            body.len()
        );
        let mut stream = stream;
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(path: &str, cloud: &mut Cloud) -> (&'static str, Value) {
    cloud.asked.push(path.to_owned());
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if cloud.busy > 0 {
        cloud.busy -= 1;
        return ("429 Too Many Requests", Value::Null);
    }
    match path {
        "/v2.1/" => (
            "200 OK",
            json!({ "version": { "id": "v2.1", "status": "CURRENT", "version": "2.104", "min_version": "2.1" } }),
        ),
        "/v2.1/os-keypairs" => (
            "200 OK",
            json!({ "keypairs": [{ "keypair": {
            "name": "deploy", "type": "ssh", "fingerprint": "7e:eb:ab:24:ba:d1:e1:88:ae:9a:fb:66:53:df:d3:bd" } }] }),
        ),
        "/v2.1/servers/detail" if cloud.is_forbidden => (
            "403 Forbidden",
            json!({ "forbidden": { "code": 403, "message": "Policy doesn't allow os_compute_api:servers:detail to be performed." } }),
        ),
        "/v2.1/servers/detail" if std::mem::take(&mut cloud.expire_once) => {
            ("401 Unauthorized", Value::Null)
        }
        "/v2.1/servers/detail" => list(query, cloud),
        "/image/v2/images/known" => (
            "200 OK",
            json!({ "id": "known", "name": "Ubuntu 24.04", "os_admin_user": "ubuntu", "os_distro": "ubuntu" }),
        ),
        _ => ("404 Not Found", Value::Null),
    }
}

fn list(query: &str, cloud: &Cloud) -> (&'static str, Value) {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let limit: usize = parameter("limit").unwrap().parse().unwrap();
    let place = |marker| {
        cloud
            .servers
            .iter()
            .position(|server| server["id"] == marker)
    };
    let start = match parameter("marker").map(place) {
        None => 0,
        Some(Some(at)) => at + 1,
        Some(None) => return ("400 Bad Request", Value::Null),
    };
    if cloud.broken_from.is_some_and(|from| start >= from) {
        return ("500 Internal Server Error", Value::Null);
    }
    let end = cloud.servers.len().min(start + limit);
    let mut page = json!({ "servers": cloud.servers[start..end] });
    if end < cloud.servers.len() {
        page["servers_links"] =
            json!([{ "rel": "next", "href": "http://internal.example/v2.1/servers" }]);
    }
    ("200 OK", page)
}

/// A machine as Nova lists it.
pub(crate) fn server(number: usize, project: &str) -> Value {
    let (high, low) = (number / 250, number % 250 + 1);
    json!({
        "id": format!("9168b536-cd40-4630-b43f-{number:012}"),
        "name": format!("vm-{number}"),
        "status": "ACTIVE",
        "tenant_id": project,
        "user_id": "fake",
        "created": "2026-10-08T11:22:33Z",
        "key_name": "deploy",
        "image": { "id": "known", "properties": { "os_type": "linux" } },
        "flavor": { "original_name": "m1.small", "vcpus": 1 },
        "metadata": { "role": "web" },
        "tags": [],
        "OS-EXT-AZ:availability_zone": "nova",
        "security_groups": [{ "name": "default" }],
        "addresses": { "private": [
            { "addr": format!("10.1.{high}.{low}"), "version": 4, "OS-EXT-IPS:type": "fixed" },
            { "addr": format!("2001:db8::{number:x}"), "version": 6, "OS-EXT-IPS:type": "fixed" },
            { "addr": format!("203.0.113.{low}"), "version": 4, "OS-EXT-IPS:type": "floating" }
        ] }
    })
}
