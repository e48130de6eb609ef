//! An issuer of OpenID Connect over TLS: discovery, keys, the authorization code flow with PKCE, and
//! what it says of people; and each way in which it could be wrong.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use url::form_urlencoded;

pub(crate) const CLIENT: &str = "certlocker";
pub(crate) const SECRET: &str = "issued-to-certlocker-and-nobody-else";

/// What is wrong with the ID tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Algorithm,
    Audience,
    Expiry,
    Issuer,
    Key,
    Mac,
    Nonce,
    Nothing,
}

/// Somebody who has a code.
struct Granted {
    challenge: String,
    nonce: String,
    redirect: String,
    who: Value,
}

struct State {
    codes: HashMap<String, Granted>,
    /// Who is signed in at the issuer: what it says of them.
    who: Value,
    wrong: Wrong,
}

struct Issuer {
    key: EcdsaKeyPair,
    other: EcdsaKeyPair,
    state: Mutex<State>,
    url: String,
}

/// An issuer that runs until its test ends.
pub(crate) struct RunningIssuer(Arc<Issuer>);

struct Request {
    authorization: String,
    body: String,
    method: String,
    path: String,
    query: HashMap<String, String>,
}

struct Answer {
    body: Value,
    location: Option<String>,
    status: u16,
}

impl RunningIssuer {
    /// One whose own certificate is written, in PEM, to `ca_file`.
    pub(crate) fn start(ca_file: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(ca_file, made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key));
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let pair = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let issuer = Arc::new(Issuer {
            key: pair(),
            other: pair(),
            state: Mutex::new(State {
                codes: HashMap::new(),
                who: Value::Null,
                wrong: Wrong::Nothing,
            }),
            url: format!("https://localhost:{port}"),
        });
        let serving = issuer.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, issuer) = (config.clone(), serving.clone());
                thread::spawn(move || issuer.serve(stream, config));
            }
        });
        Self(issuer)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    /// Signs somebody in at the issuer; from now on it says this of them.
    pub(crate) fn says(&self, who: Value) {
        self.0.state.lock().unwrap().who = who;
    }

    pub(crate) fn goes_wrong(&self, wrong: Wrong) {
        self.0.state.lock().unwrap().wrong = wrong;
    }
}

impl Issuer {
    fn serve(&self, stream: TcpStream, config: Arc<ServerConfig>) {
        let connection = ServerConnection::new(config).unwrap();
        let mut stream = BufReader::new(StreamOwned::new(connection, stream));
        let Ok(Some(request)) = read(&mut stream) else {
            return;
        };
        let Answer {
            body,
            location,
            status,
        } = self.answer(&request);
        let location = location.map_or_else(String::new, |to| format!("Location: {to}\r\n"));
        let (body, kind) = (body.to_string(), "application/json");
        let length = body.len();
        let _ = write!(
            stream.get_mut(),
            "HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{location}Connection: close\r\n\r\n{body}"
        );
        stream.get_mut().conn.send_close_notify();
        let _ = stream.get_mut().flush();
    }

    fn answer(&self, request: &Request) -> Answer {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/.well-known/openid-configuration") => said(self.configuration()),
            ("GET", "/keys") => said(json!({ "keys": [self.public_key()] })),
            ("GET", "/authorize") => self.authorize(request),
            ("POST", "/token") => self.token(request),
            ("GET", "/userinfo") => self.user_info(request),
            _ => refused(404, "not_found"),
        }
    }

    fn configuration(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        })
    }

    fn public_key(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1",
            "x": part(1..33), "y": part(33..65),
        })
    }

    fn authorize(&self, request: &Request) -> Answer {
        let given = |name: &str| request.query.get(name).cloned().unwrap_or_default();
        let asked = given("scope");
        let is_right = given("response_type") == "code"
            && given("client_id") == CLIENT
            && given("code_challenge_method") == "S256"
            && asked.split(' ').any(|scope| scope == "openid");
        if !is_right {
            return refused(400, "invalid_request");
        }
        let mut state = self.state.lock().unwrap();
        let code = random();
        let redirect = given("redirect_uri");
        let granted = Granted {
            challenge: given("code_challenge"),
            nonce: given("nonce"),
            redirect: redirect.clone(),
            who: state.who.clone(),
        };
        state.codes.insert(code.clone(), granted);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &given("state"))
            .append_pair("iss", &self.url)
            .finish();
        Answer {
            body: Value::Null,
            location: Some(format!("{redirect}?{query}")),
            status: 302,
        }
    }

    fn token(&self, request: &Request) -> Answer {
        let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
        if request.authorization != basic {
            return refused(401, "invalid_client");
        }
        let form: HashMap<String, String> = form_urlencoded::parse(request.body.as_bytes())
            .into_owned()
            .collect();
        let given = |name: &str| form.get(name).cloned().unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        let Some(granted) = state.codes.remove(&given("code")) else {
            return refused(400, "invalid_grant");
        };
        let verifier = digest(&SHA256, given("code_verifier").as_bytes());
        if URL_SAFE_NO_PAD.encode(verifier) != granted.challenge
            || given("redirect_uri") != granted.redirect
            || given("grant_type") != "authorization_code"
        {
            return refused(400, "invalid_grant");
        }
        let subject = granted.who["sub"].clone();
        said(json!({
            "access_token": subject,
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self.id_token(&granted, state.wrong),
        }))
    }

    fn id_token(&self, granted: &Granted, wrong: Wrong) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let unless = |this, value: Value, other: Value| if wrong == this { other } else { value };
        let mut claims = json!({
            "iss": unless(Wrong::Issuer, json!(self.url), json!("https://other.example")),
            "aud": unless(Wrong::Audience, json!(CLIENT), json!("another-client")),
            "exp": unless(Wrong::Expiry, json!(now + 60), json!(now - 1)),
            "iat": now,
            "nonce": unless(Wrong::Nonce, json!(granted.nonce), json!("another nonce")),
        });
        for (name, value) in granted.who.as_object().unwrap() {
            // What only the user info says.
            if name != "department" {
                claims[name] = value.clone();
            }
        }
        let header = match wrong {
            Wrong::Algorithm => json!({ "alg": "none" }),
            Wrong::Mac => json!({ "alg": "HS256" }),
            _ => json!({ "alg": "ES256", "kid": "1" }),
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let ecdsa = |key: &EcdsaKeyPair| {
            let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            URL_SAFE_NO_PAD.encode(signature)
        };
        let signature = match wrong {
            Wrong::Algorithm => String::new(),
            Wrong::Key => ecdsa(&self.other),
            Wrong::Mac => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
                URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()))
            }
            _ => ecdsa(&self.key),
        };
        format!("{signed}.{signature}")
    }

    fn user_info(&self, request: &Request) -> Answer {
        let who = self.state.lock().unwrap().who.clone();
        let expected = format!("Bearer {}", who["sub"].as_str().unwrap_or_default());
        match request.authorization == expected {
            true => said(who),
            false => refused(401, "invalid_token"),
        }
    }
}

fn random() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode(bytes)
}

fn said(body: Value) -> Answer {
    Answer {
        body,
        location: None,
        status: 200,
    }
}

fn refused(status: u16, error: &str) -> Answer {
    Answer {
        body: json!({ "error": error }),
        location: None,
        status,
    }
}

fn read(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut first = String::new();
    if stream.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(io::Error::other)?,
            "authorization" => authorization = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Request {
        authorization,
        body: String::from_utf8_lossy(&body).into_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
    }))
}
