//! A signed request, right in everything that a scenario does not make wrong.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::wire::{Request, Wire};
use super::{Key, Reply, base64url};

type Edit<T> = Box<dyn FnOnce(T) -> T + Send>;

/// A request under construction.
pub struct Message {
    wire: Arc<Wire>,
    key: Key,
    nonce: Nonce,
    payload: Vec<u8>,
    protected: Map<String, Value>,
    request: Request,
    change_header_text: Option<Edit<String>>,
    change_jws: Option<Edit<Value>>,
    change_body: Option<Edit<String>>,
    change_signature: Option<Edit<Vec<u8>>>,
}

enum Nonce {
    Fresh,
    AsIs,
}

impl Message {
    /// A POST-as-GET to `url`, signed with `key` and carrying it.
    pub fn with_jwk(wire: &Arc<Wire>, key: &Key, url: &str) -> Self {
        Self::new(wire, key, url, ("jwk", key.jwk()))
    }

    /// A POST-as-GET to `url`, signed with `key`, which `kid` names.
    pub fn with_kid(wire: &Arc<Wire>, key: &Key, kid: &str, url: &str) -> Self {
        Self::new(wire, key, url, ("kid", json!(kid)))
    }

    fn new(wire: &Arc<Wire>, key: &Key, url: &str, (name, named): (&str, Value)) -> Self {
        let mut protected = Map::new();
        protected.insert("alg".to_owned(), json!(key.algorithm()));
        protected.insert("url".to_owned(), json!(url));
        protected.insert(name.to_owned(), named);
        Self {
            wire: Arc::clone(wire),
            key: key.clone(),
            nonce: Nonce::Fresh,
            payload: Vec::new(),
            protected,
            request: Request::post(url),
            change_header_text: None,
            change_jws: None,
            change_body: None,
            change_signature: None,
        }
    }

    pub fn payload(self, payload: &Value) -> Self {
        self.payload_octets(payload.to_string())
    }

    pub fn payload_octets(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Sets a member of the protected header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        if name == "nonce" {
            self.nonce = Nonce::AsIs;
        }
        self.protected.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a member of the protected header out.
    pub fn without_header(mut self, name: &str) -> Self {
        if name == "nonce" {
            self.nonce = Nonce::AsIs;
        }
        self.protected.remove(name);
        self
    }

    /// Changes the JSON text of the protected header before it is signed.
    pub fn header_text(mut self, change: impl FnOnce(String) -> String + Send + 'static) -> Self {
        self.change_header_text = Some(Box::new(change));
        self
    }

    /// Changes the signature.
    pub fn signature(mut self, change: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static) -> Self {
        self.change_signature = Some(Box::new(change));
        self
    }

    /// Changes the flattened JWS after it was signed.
    pub fn jws(mut self, change: impl FnOnce(Value) -> Value + Send + 'static) -> Self {
        self.change_jws = Some(Box::new(change));
        self
    }

    /// Changes the text of the body.
    pub fn body(mut self, change: impl FnOnce(String) -> String + Send + 'static) -> Self {
        self.change_body = Some(Box::new(change));
        self
    }

    /// Sets a header of the HTTP request.
    pub fn http(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sends it to another URL than the one that is signed.
    pub fn to(mut self, url: &str) -> Self {
        url.clone_into(&mut self.request.url);
        self
    }

    /// The JWS, signed, without a nonce: what goes into another JWS.
    pub fn into_inner(self) -> Value {
        self.signed()
    }

    pub async fn send(mut self) -> Reply {
        if matches!(self.nonce, Nonce::Fresh) {
            let nonce = self.wire.nonce().await;
            self.protected.insert("nonce".to_owned(), json!(nonce));
        }
        let (wire, mut request) = (Arc::clone(&self.wire), self.request.clone());
        let change_body = self.change_body.take();
        let body = self.signed().to_string();
        request.body = match change_body {
            Some(change) => change(body),
            None => body,
        }
        .into_bytes();
        wire.exchange(request).await
    }

    fn signed(self) -> Value {
        let header = Value::Object(self.protected).to_string();
        let header = match self.change_header_text {
            Some(change) => change(header),
            None => header,
        };
        let (protected, payload) = (base64url(header), base64url(&self.payload));
        let signature = self.key.sign(format!("{protected}.{payload}").as_bytes());
        let signature = match self.change_signature {
            Some(change) => change(signature),
            None => signature,
        };
        let jws =
            json!({"protected": protected, "payload": payload, "signature": base64url(signature)});
        match self.change_jws {
            Some(change) => change(jws),
            None => jws,
        }
    }
}

/// Puts a member into a JWS, beside the three that it has or in place of one.
pub fn with_member(name: &'static str, value: Value) -> impl FnOnce(Value) -> Value {
    move |mut jws| {
        jws[name] = value;
        jws
    }
}

/// Takes a member out of a JWS.
pub fn without_member(name: &'static str) -> impl FnOnce(Value) -> Value {
    move |mut jws| {
        jws.as_object_mut().unwrap().remove(name);
        jws
    }
}
