//! A server that answers as a test tells it to, by itself or with what another answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request of an SDK.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) body: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) method: String,
    pub(crate) path: String,
    raw: Vec<u8>,
}

impl Request {
    /// A parameter of the form that it carries.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(key, _)| *key == name);
        found.next().map(|(_, value)| decoded(value))
    }

    pub(crate) fn action(&self) -> String {
        self.parameter("Action").unwrap_or_default()
    }

    /// The region that it is signed for.
    pub(crate) fn region(&self) -> &str {
        let authorization = self.headers.get("authorization").map(String::as_str);
        authorization
            .and_then(|text| text.split('/').nth(2))
            .unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// This answer.
    Answer(Answer),
    /// So many hundredths of an answer, and no more.
    Cut(Box<Self>, usize),
    /// The answer of another.
    Forward(SocketAddr),
    /// No answer, and a connection that stays.
    Never,
}

/// A status, headers and a body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) body: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) status: u16,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            headers: Vec::new(),
            status,
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "HTTP/1.1 {} Status\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.status,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        [head.as_bytes(), b"\r\n", self.body.as_bytes()].concat()
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

type Script = dyn Fn(&Request) -> Reply + Send + Sync;

/// A server on loopback, for as long as the test runs.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let all = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), all.clone()));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests of this action, in the order in which they came.
    pub(crate) fn seen(&self, action: &str) -> Vec<Request> {
        let seen = self.seen.lock().unwrap();
        let of_action = seen.iter().filter(|request| request.action() == action);
        of_action.cloned().collect()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, seen: Arc<Mutex<Vec<Request>>>) {
    let Some(request) = read(&mut stream).await else {
        return;
    };
    seen.lock().unwrap().push(request.clone());
    if let Some(answer) = answer(script(&request), &request).await {
        let _ = stream.write_all(&answer).await;
    } else {
        // Until the other side gives up.
        let _ = stream.read(&mut [0]).await;
    }
}

async fn answer(reply: Reply, request: &Request) -> Option<Vec<u8>> {
    match reply {
        Reply::Answer(answer) => Some(answer.bytes()),
        Reply::Cut(whole, hundredths) => {
            let whole = Box::pin(answer(*whole, request)).await?;
            Some(whole[..whole.len() * hundredths / 100].to_vec())
        }
        Reply::Forward(to) => {
            let mut stream = TcpStream::connect(to).await.unwrap();
            stream.write_all(&request.raw).await.unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await.unwrap();
            Some(bytes)
        }
        Reply::Never => None,
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut raw = Vec::new();
    let head = loop {
        if let Some(at) = raw.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(raw[..head].to_vec()).unwrap();
    let mut lines = text.lines();
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    while raw.len() < head + 4 + length {
        if stream.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request {
        body: String::from_utf8(raw[head + 4..].to_vec()).unwrap(),
        headers,
        method,
        path,
        raw,
    })
}
