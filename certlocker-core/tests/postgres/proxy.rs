//! A proxy in front of the server that breaks a connection at a chosen statement.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How a connection ends at a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The statement does not reach the server.
    Before,
    /// The server has done it, and its answer does not come back.
    After,
    /// The server ends the connection before it has read the statement.
    Terminated,
}

#[derive(Clone, Copy)]
struct Trap {
    cut: Cut,
    statements: usize,
}

type Armed = Arc<Mutex<Option<Trap>>>;

pub(crate) struct Proxy {
    armed: Armed,
    pub(crate) port: u16,
}

impl Proxy {
    /// In front of the server on `port`; `admin` is the URL of a superuser.
    pub(crate) async fn start(port: u16, admin: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let armed = Armed::default();
        let shared = Arc::clone(&armed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                // Small messages are not held back for those that follow.
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                tokio::spawn(relay(client, server, Arc::clone(&shared), admin.clone()));
            }
        });
        Self { armed, port: own }
    }

    /// Breaks the next connection that sends so many statements from now, at the last of them.
    pub(crate) fn arm(&self, cut: Cut, statements: usize) {
        *self.armed.lock().unwrap() = Some(Trap { cut, statements });
    }

    /// Whether a connection was broken since.
    pub(crate) fn sprung(&self) -> bool {
        self.armed.lock().unwrap().take().is_none()
    }
}

/// What the server has said so far.
#[derive(Clone, Copy, Default)]
struct Said {
    pid: i32,
    ready: usize,
}

async fn relay(client: TcpStream, server: TcpStream, armed: Armed, admin: String) {
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let (said, heard) = watch::channel(Said::default());
    let silent = Arc::new(Mutex::new(false));
    let answers = tokio::spawn(answers(from_server, to_client, said, Arc::clone(&silent)));
    statements(from_client, to_server, heard, armed, admin, silent).await;
    // The client sees a connection that is gone, or what the server said last.
    let _ = tokio::time::timeout(Duration::from_secs(10), answers).await;
}

async fn statements(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut heard: watch::Receiver<Said>,
    armed: Armed,
    admin: String,
    silent: Arc<Mutex<bool>>,
) {
    let mut first = true;
    // Statements since the trap was set, and answers before it.
    let (mut sent, mut before) = (0, 0);
    let mut sprung = None;
    while let Some(message) = message(&mut from, first).await {
        let ends = !first && [b'S', b'Q'].contains(&message[0]);
        first = false;
        let current = *armed.lock().unwrap();
        let Some(trap) = sprung.or(current) else {
            sent = 0;
            to.write_all(&message).await.unwrap_or_default();
            continue;
        };
        if sent == 0 {
            before = heard.borrow().ready;
        }
        let last = sent + 1 == trap.statements;
        if !last {
            sent += usize::from(ends);
            to.write_all(&message).await.unwrap_or_default();
            continue;
        }
        // No other connection shall run into the same trap.
        sprung = armed.lock().unwrap().take().or(sprung);
        match trap.cut {
            Cut::Before => *silent.lock().unwrap() = true,
            Cut::After => {
                *silent.lock().unwrap() = true;
                to.write_all(&message).await.unwrap_or_default();
                if !ends {
                    continue;
                }
                let answered = heard.wait_for(|said| said.ready > before + sent);
                answered.await.map(drop).unwrap_or_default();
            }
            Cut::Terminated => {
                let reached = heard.wait_for(|said| said.ready >= before + sent);
                let pid = reached.await.map(|said| said.pid).unwrap_or_default();
                let admin = crate::scene::plain(&admin).await;
                let end = format!("SELECT pg_terminate_backend({pid})");
                admin.batch_execute(&end).await.unwrap();
                heard
                    .wait_for(|said| said.ready == usize::MAX)
                    .await
                    .map(drop)
                    .unwrap_or_default();
            }
        }
        return;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    said: watch::Sender<Said>,
    silent: Arc<Mutex<bool>>,
) {
    while let Some(message) = message(&mut from, false).await {
        if !*silent.lock().unwrap() {
            to.write_all(&message).await.unwrap_or_default();
        }
        said.send_modify(|said| match message[0] {
            b'K' => said.pid = i32::from_be_bytes(message[5..9].try_into().unwrap()),
            b'Z' => said.ready += 1,
            _ => {}
        });
    }
    said.send_modify(|said| said.ready = usize::MAX);
}

/// One message of the protocol; the first of a client has no type.
async fn message(from: &mut OwnedReadHalf, first: bool) -> Option<Vec<u8>> {
    let mut message = vec![0; if first { 4 } else { 5 }];
    from.read_exact(&mut message).await.ok()?;
    let start = message.len() - 4;
    let length = u32::from_be_bytes(message[start..].try_into().unwrap());
    let length = start + usize::try_from(length).unwrap();
    let head = message.len();
    message.resize(length, 0);
    from.read_exact(&mut message[head..]).await.ok()?;
    Some(message)
}
