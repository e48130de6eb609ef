//! A web server that answers http-01 challenges, and nothing else.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The key authorizations that are in place, by token.
#[derive(Clone, Debug, Default)]
pub struct Responder(Arc<Mutex<HashMap<String, String>>>);

/// No request of a validator is longer.
const LONGEST_HEAD: usize = 4096;
const PATH: &str = "/.well-known/acme-challenge/";

impl Responder {
    /// Serves on a loopback port, any free one for 0, until the runtime ends.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn serve(port: u16) -> io::Result<(Self, u16)> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let port = listener.local_addr()?.port();
        let responder = Self::default();
        tokio::spawn(responder.clone().accept(listener));
        Ok((responder, port))
    }

    /// Puts an answer in place.
    pub fn answer(&self, token: String, key_authorization: String) {
        self.answers().insert(token, key_authorization);
    }

    /// Takes away what is in place.
    pub fn clear(&self) {
        self.answers().clear();
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            // One connection that ends early is the business of its client.
            if let Ok((stream, _)) = listener.accept().await {
                let responder = self.clone();
                tokio::spawn(async move { drop(responder.talk(stream).await) });
            }
        }
    }

    async fn talk(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::with_capacity(512);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if head.len() > LONGEST_HEAD || stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let answer = self.find(&head);
        let (status, body) = answer.map_or(("404 Not Found", String::new()), |b| ("200 OK", b));
        let length = body.len();
        let reply = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(reply.as_bytes()).await?;
        stream.shutdown().await
    }

    fn find(&self, head: &[u8]) -> Option<String> {
        let line = std::str::from_utf8(head).ok()?.lines().next()?;
        let token = line.split(' ').nth(1)?.strip_prefix(PATH)?;
        self.answers().get(token).cloned()
    }
}
