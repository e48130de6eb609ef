//! A web server that sends exactly the bytes it was told to, over TCP or TLS.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Background;

/// What the server does when asked.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Sends these bytes and closes.
    Raw(Vec<u8>),
    /// Sends these bytes and then the other ones again and again, until nobody listens.
    Drip(Vec<u8>, Vec<u8>),
    /// Closes without a byte.
    Close,
    /// Never answers.
    Silence,
}

impl Reply {
    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::status("200 OK", "", body)
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self::status("302 Found", &format!("Location: {location}\r\n"), "")
    }

    /// `headers` are whole lines.
    pub(crate) fn status(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
        Self::Raw([head.as_bytes(), body].concat())
    }
}

type Routes = HashMap<String, Reply>;

/// Answers by path; an unknown path gets 404.
#[derive(Debug)]
pub(crate) struct HttpServer {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _running: Background,
}

impl HttpServer {
    pub(crate) async fn start(routes: impl IntoIterator<Item = (&str, Reply)>) -> Self {
        Self::start_at("127.0.0.1:0", routes).await
    }

    pub(crate) async fn start_at(
        address: &str,
        routes: impl IntoIterator<Item = (&str, Reply)>,
    ) -> Self {
        Self::run(address, owned(routes), None).await
    }

    pub(crate) async fn start_tls(
        config: ServerConfig,
        routes: impl IntoIterator<Item = (&str, Reply)>,
    ) -> Self {
        let tls = TlsAcceptor::from(Arc::new(config));
        Self::run("127.0.0.1:0", owned(routes), Some(tls)).await
    }

    async fn run(address: &str, routes: Routes, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::default();
        let site = Site {
            heads: Arc::clone(&heads),
            routes: Arc::new(routes),
            tls,
        };
        Self {
            address,
            heads,
            _running: Background::spawn(accept(listener, site)),
        }
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn owned<'a>(routes: impl IntoIterator<Item = (&'a str, Reply)>) -> Routes {
    let routes = routes.into_iter();
    routes
        .map(|(path, reply)| (path.to_owned(), reply))
        .collect()
}

#[derive(Clone)]
struct Site {
    heads: Arc<Mutex<Vec<String>>>,
    routes: Arc<Routes>,
    tls: Option<TlsAcceptor>,
}

async fn accept(listener: TcpListener, site: Site) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, site.clone()));
    }
}

async fn serve(stream: TcpStream, site: Site) {
    match &site.tls {
        None => answer(stream, &site).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                answer(stream, &site).await;
            }
        }
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, site: &Site) {
    let head = head(&mut stream).await;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    site.heads.lock().unwrap().push(head);
    let reply = site.routes.get(&path).cloned();
    // A client that goes away early is what many tests are about.
    let _ = match reply.unwrap_or_else(|| Reply::status("404 Not Found", "", "no such file")) {
        Reply::Close => Ok(()),
        Reply::Silence => std::future::pending().await,
        Reply::Raw(bytes) => stream.write_all(&bytes).await,
        Reply::Drip(start, piece) => drip(&mut stream, &start, &piece).await,
    };
    let _ = stream.shutdown().await;
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

async fn drip(
    stream: &mut (impl AsyncWrite + Unpin),
    start: &[u8],
    piece: &[u8],
) -> std::io::Result<()> {
    stream.write_all(start).await?;
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    loop {
        pace.tick().await;
        stream.write_all(piece).await?;
        stream.flush().await?;
    }
}
