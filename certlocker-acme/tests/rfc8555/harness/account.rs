//! An account and the way from an order to its certificate.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::wire::Wire;
use super::{Csr, Key, Message, Reply, Subject, base64url, http01};

/// How often an object in processing is read again.
const READS: usize = 30;
const LONGEST_PAUSE: u64 = 3;

/// An account of the subject, with the key that it is used with.
#[derive(Clone)]
pub struct Account {
    pub key: Key,
    pub url: String,
    new_order: String,
    wire: Arc<Wire>,
}

/// An order as it was answered last.
#[derive(Clone, Debug)]
pub struct Order {
    pub body: Value,
    pub url: String,
}

impl Order {
    pub fn status(&self) -> &str {
        self.body["status"].as_str().unwrap_or_default()
    }

    pub fn finalize_url(&self) -> &str {
        self.body["finalize"]
            .as_str()
            .expect("an order has `finalize`")
    }

    /// The URL of its first authorization.
    pub fn authorization(&self) -> String {
        authorization_urls(&self.body).remove(0)
    }
}

/// A certificate that came out of an order.
pub struct Issued {
    /// The leaf in DER.
    pub leaf: Vec<u8>,
    pub order: Order,
    pub reply: Reply,
}

impl Issued {
    pub fn url(&self) -> String {
        certificate_url(&self.order)
    }
}

impl Account {
    pub fn new(subject: &Subject, key: Key, url: String) -> Self {
        Self {
            key,
            url,
            new_order: subject.url("newOrder"),
            wire: Arc::clone(&subject.wire),
        }
    }

    pub fn message(&self, url: &str) -> Message {
        Message::with_kid(&self.wire, &self.key, &self.url, url)
    }

    pub async fn post(&self, url: &str, payload: &Value) -> Reply {
        self.message(url).payload(payload).send().await
    }

    /// POST-as-GET.
    pub async fn read(&self, url: &str) -> Reply {
        self.message(url).send().await
    }

    /// The same account with another key.
    pub fn with_key(&self, key: &Key) -> Self {
        Self {
            key: key.clone(),
            ..self.clone()
        }
    }

    pub async fn new_order(&self, payload: &Value) -> Reply {
        self.post(&self.new_order, payload).await
    }

    /// An order for these names and addresses.
    pub async fn order<N: AsRef<str>>(&self, names: &[N]) -> Order {
        let reply = self
            .new_order(&json!({"identifiers": identifiers(names)}))
            .await;
        placed(reply)
    }

    /// An order whose authorizations are valid.
    pub async fn ready_order<N: AsRef<str>>(&self, names: &[N]) -> Order {
        let order = self.order(names).await;
        self.prove(&order).await;
        let order = self.reread(&order).await;
        assert_eq!(order.status(), "ready", "{}", order.body);
        order
    }

    pub async fn reread(&self, order: &Order) -> Order {
        let body = self.read(&order.url).await.expect(200).json();
        Order {
            body,
            url: order.url.clone(),
        }
    }

    /// Answers a challenge of each authorization and waits for what comes of it.
    pub async fn prove(&self, order: &Order) {
        for url in authorization_urls(&order.body) {
            let authorization = self.read(&url).await.expect(200).json();
            if authorization["status"] == "pending" {
                self.answer(&authorization).await;
                self.settled(&url).await;
            }
        }
    }

    /// Answers a challenge of each authorization, and gives the order as it is then.
    pub async fn prove_at_once(&self, order: &Order) -> Order {
        for url in authorization_urls(&order.body) {
            let authorization = self.read(&url).await.expect(200).json();
            self.answer(&authorization).await;
        }
        self.reread(order).await
    }

    /// Says that the first challenge that can be answered is.
    pub async fn answer(&self, authorization: &Value) -> Reply {
        let chosen = ["http-01", "dns-01", "tls-alpn-01"]
            .iter()
            .find_map(|kind| challenge(authorization, kind))
            .expect("a challenge of a known type is offered");
        let token = chosen["token"].as_str().unwrap();
        http01::serve(token, &format!("{token}.{}", self.key.thumbprint()));
        self.post(chosen["url"].as_str().unwrap(), &json!({})).await
    }

    /// Reads an object until it is neither pending nor in processing.
    pub async fn settled(&self, url: &str) -> Reply {
        for _ in 0..READS {
            let reply = self.read(url).await;
            let status = reply.json()["status"].clone();
            if status != "pending" && status != "processing" {
                return reply;
            }
            wait_as_told(&reply).await;
        }
        panic!("{url} never came to an end");
    }

    pub async fn hand_in(&self, order: &Order, csr: &[u8]) -> Reply {
        let payload = json!({"csr": base64url(csr)});
        self.post(order.finalize_url(), &payload).await
    }

    /// Finalizes a ready order and waits for its end.
    pub async fn finalize(&self, order: &Order, csr: &[u8]) -> Order {
        self.hand_in(order, csr).await.expect(200);
        let body = self.settled(&order.url).await.json();
        Order {
            body,
            url: order.url.clone(),
        }
    }

    /// A certificate for these names, with a key of its own.
    pub async fn issue<N: AsRef<str>>(&self, names: &[N]) -> Issued {
        let order = self.ready_order(names).await;
        self.issue_with(&order, Csr::new(names)).await
    }

    pub async fn issue_with(&self, order: &Order, csr: Csr) -> Issued {
        let order = self.finalize(order, &csr.der()).await;
        assert_eq!(order.status(), "valid", "{}", order.body);
        let reply = self.read(&certificate_url(&order)).await.expect(200);
        let (_, pem) = x509_parser::pem::parse_x509_pem(&reply.body).unwrap();
        Issued {
            leaf: pem.contents,
            order,
            reply,
        }
    }
}

/// An order out of the answer to newOrder.
pub fn placed(reply: Reply) -> Order {
    let reply = reply.expect(201);
    Order {
        body: reply.json(),
        url: reply.location(),
    }
}

fn certificate_url(order: &Order) -> String {
    let url = order.body["certificate"].as_str();
    url.expect("a valid order has `certificate`").to_owned()
}

pub fn identifiers<N: AsRef<str>>(names: &[N]) -> Value {
    names
        .iter()
        .map(AsRef::as_ref)
        .map(|name| match name.parse::<std::net::IpAddr>() {
            Ok(_) => json!({"type": "ip", "value": name}),
            Err(_) => json!({"type": "dns", "value": name}),
        })
        .collect()
}

pub fn authorization_urls(order: &Value) -> Vec<String> {
    let urls = order["authorizations"].as_array();
    urls.expect("an order has `authorizations`")
        .iter()
        .map(|url| url.as_str().unwrap().to_owned())
        .collect()
}

/// The challenge of this type, if it is offered.
pub fn challenge(authorization: &Value, kind: &str) -> Option<Value> {
    let challenges = authorization["challenges"].as_array()?;
    challenges
        .iter()
        .find(|challenge| challenge["type"] == kind)
        .cloned()
}

async fn wait_as_told(reply: &Reply) {
    let told = reply
        .header("retry-after")
        .and_then(|text| text.parse().ok());
    let pause: u64 = told.unwrap_or(1);
    tokio::time::sleep(Duration::from_secs(pause.min(LONGEST_PAUSE))).await;
}
