//! A receiver of records over HTTPS that can be told to stay silent.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

#[derive(Default)]
struct State {
    silent: bool,
    sequences: BTreeSet<u64>,
    signatures: Vec<(String, Vec<u8>)>,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

/// Takes what is posted, at `https://localhost:PORT/…`.
pub(crate) struct Receiver {
    port: u16,
    state: Shared,
}

impl Receiver {
    /// One whose own certificate is written, in PEM, to `ca_file`.
    pub(crate) fn listen(ca_file: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(ca_file, made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key));
        let (config, state) = (Arc::new(config.unwrap()), Shared::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, state) = (config.clone(), shared.clone());
                thread::spawn(move || serve(stream, config, &state));
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn fall_silent(&self) {
        self.state.0.lock().unwrap().silent = true;
    }

    pub(crate) fn answer_again(&self) {
        self.state.0.lock().unwrap().silent = false;
        self.state.1.notify_all();
    }

    /// The numbers of the records that were taken.
    pub(crate) fn sequences(&self) -> BTreeSet<u64> {
        self.state.0.lock().unwrap().sequences.clone()
    }

    /// Each signature that came, and what it signs.
    pub(crate) fn signatures(&self) -> Vec<(String, Vec<u8>)> {
        self.state.0.lock().unwrap().signatures.clone()
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, state: &Shared) {
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    while let Ok(Some((signature, body))) = request(&mut stream) {
        let (lock, spoken) = &**state;
        let silent = |state: &mut State| state.silent;
        let mut state = spoken.wait_while(lock.lock().unwrap(), silent).unwrap();
        let lines = body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        for line in lines {
            let record: serde_json::Value = serde_json::from_slice(line).unwrap();
            state.sequences.insert(record["sequence"].as_u64().unwrap());
        }
        state.signatures.push((signature, body));
        drop(state);
        let _ = stream
            .get_mut()
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
    }
}

/// The signature and the body of the next request, if one comes.
fn request(stream: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
    let (mut length, mut signature) = (0, String::new());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
            Some(("certlocker-signature", value)) => signature = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((signature, body)))
}
