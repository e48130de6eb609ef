//! The two small HTTP servers of a test: one shows a web root, one takes TXT records from client hooks.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::harness::dns::{Zone, txt};

/// How long a peer may be silent before the next one is served.
const PATIENCE: Duration = Duration::from_secs(5);

struct Request {
    method: String,
    path: String,
    body: String,
}

/// Serves the files under `root`, as the web server of an operator does for a client that only writes files.
pub(crate) fn serve_files(address: SocketAddr, root: PathBuf) {
    serve(address, move |request| {
        let inside = request.path.trim_start_matches('/');
        (!inside.contains(".."))
            .then(|| fs::read_to_string(root.join(inside)).ok())
            .flatten()
    });
}

/// Publishes (`PUT`) and withdraws (`DELETE`) the body as a TXT record at the name in the path.
pub(crate) fn serve_records(address: SocketAddr, zone: Zone) {
    serve(address, move |request| {
        let name = request.path.trim_matches(['/', '.']);
        match request.method.as_str() {
            "PUT" => zone.add(name, txt(&request.body)),
            "DELETE" => zone.remove(name, &txt(&request.body)),
            _ => return None,
        }
        Some(String::new())
    });
}

fn serve(address: SocketAddr, answer: impl Fn(&Request) -> Option<String> + Send + 'static) {
    let listener = TcpListener::bind(address).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = exchange(stream, &answer);
        }
    });
}

fn exchange(stream: TcpStream, answer: &impl Fn(&Request) -> Option<String>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let request = read(&mut reader)?;
    let (status, body) = match answer(&request) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    reader
        .into_inner()
        .write_all(&[head, body].concat().into_bytes())
}

fn read(reader: &mut impl BufRead) -> io::Result<Request> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut body = vec![0; content_length(reader)?];
    reader.read_exact(&mut body)?;
    Ok(Request {
        method,
        path,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn content_length(reader: &mut impl BufRead) -> io::Result<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            return Ok(length);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
}
