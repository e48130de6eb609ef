//! Requests and replies, over TLS or straight into a router, and the nonces between them.

use std::collections::HashSet;
use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

use super::Reply;
use super::always;
use super::tls::Tls;

/// A request as HTTP sees it.
#[derive(Clone, Debug)]
pub struct Request {
    pub body: Vec<u8>,
    pub headers: Vec<(String, String)>,
    pub method: String,
    pub url: String,
}

impl Request {
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            body: Vec::new(),
            headers: Vec::new(),
            method: method.to_owned(),
            url: url.to_owned(),
        }
    }

    /// A POST with the media type that RFC 8555 section 6.2 asks for.
    pub fn post(url: &str) -> Self {
        Self::new("POST", url).header("content-type", "application/jose+json")
    }

    /// Sets a header in place of one with the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn to_http<B>(&self, body: B) -> http::Request<B> {
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(&self.url)
            .header("user-agent", "certlocker-rfc8555-suite");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(body).unwrap()
    }
}

/// How the subject is reached.
pub enum Transport {
    Router(Router),
    Tls(Tls),
}

/// A way to the subject, with the nonces that came along it.
pub struct Wire {
    directory: String,
    new_nonce: Mutex<Option<String>>,
    nonces: Mutex<Vec<String>>,
    seen: Mutex<HashSet<String>>,
    transport: Transport,
}

impl Wire {
    pub fn new(transport: Transport, directory: String) -> Self {
        Self {
            directory,
            new_nonce: Mutex::default(),
            nonces: Mutex::default(),
            seen: Mutex::default(),
            transport,
        }
    }

    pub fn directory_url(&self) -> &str {
        &self.directory
    }

    pub fn new_nonce_is_at(&self, url: &str) {
        *self.new_nonce.lock().unwrap() = Some(url.to_owned());
    }

    /// A nonce that was not used: of an earlier answer, or a new one.
    pub async fn nonce(&self) -> String {
        let kept = self.nonces.lock().unwrap().pop();
        if let Some(nonce) = kept {
            return nonce;
        }
        let url = self
            .new_nonce
            .lock()
            .unwrap()
            .clone()
            .expect("the directory was read");
        self.exchange(Request::new("HEAD", &url)).await;
        let fresh = self.nonces.lock().unwrap().pop();
        fresh.expect("newNonce answered with a nonce")
    }

    /// Sends a request and checks what holds for every answer.
    pub async fn exchange(&self, request: Request) -> Reply {
        let response = match &self.transport {
            Transport::Router(router) => in_process(router, &request).await,
            Transport::Tls(tls) => {
                tls.exchange(request.to_http(Full::new(Bytes::from(request.body.clone()))))
                    .await
            }
        };
        self.received(&request, response)
    }

    /// Sends a body that breaks off; only a router takes it without a socket.
    pub async fn exchange_broken(&self, request: &Request) -> Reply {
        let Transport::Router(router) = &self.transport else {
            panic!("a body that breaks off is handed to the router");
        };
        let broken = futures_util::stream::iter([
            Ok(Bytes::from_static(b"{\"protected\":")),
            Err(std::io::Error::other("the connection broke")),
        ]);
        let http = request.to_http(Body::from_stream(broken));
        self.received(
            request,
            collect(router.clone().oneshot(http).await.unwrap()).await,
        )
    }

    fn received(&self, request: &Request, response: http::Response<Vec<u8>>) -> Reply {
        let reply = Reply::new(request, response);
        let nonce = reply.header("replay-nonce").map(str::to_owned);
        let fresh = nonce
            .as_ref()
            .is_none_or(|nonce| self.seen.lock().unwrap().insert(nonce.clone()));
        for breach in always::breaches(&self.directory, request, &reply, fresh) {
            match self.transport {
                Transport::Router(_) => panic!("{breach}: {reply}"),
                Transport::Tls(_) => {
                    super::say(&format!("breaks a rule of every answer: {breach}"))
                }
            }
        }
        self.nonces.lock().unwrap().extend(nonce.filter(|_| fresh));
        reply
    }
}

async fn in_process(router: &Router, request: &Request) -> http::Response<Vec<u8>> {
    let http = request.to_http(Body::from(request.body.clone()));
    collect(router.clone().oneshot(http).await.unwrap()).await
}

async fn collect(response: http::Response<Body>) -> http::Response<Vec<u8>> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    http::Response::from_parts(parts, body)
}
