//! Answers http-01 for subjects that really look.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};

static ANSWERS: LazyLock<Option<Mutex<HashMap<String, String>>>> = LazyLock::new(|| {
    let listener = TcpListener::bind(std::env::var("ACME_SUBJECT_HTTP01").ok()?);
    let listener = listener.expect("ACME_SUBJECT_HTTP01 is an address and port to listen on");
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    Some(Mutex::default())
});

/// Has a token answered, if `ACME_SUBJECT_HTTP01` names an address to do it on.
pub fn serve(token: &str, key_authorization: &str) {
    if let Some(answers) = ANSWERS.as_ref() {
        let mut answers = answers.lock().unwrap();
        answers.insert(token.to_owned(), key_authorization.to_owned());
    }
}

/// Whoever asks for what is not there is answered with the end of the connection.
fn answer(mut stream: TcpStream) {
    let mut request = [0; 2048];
    let read = stream.read(&mut request).unwrap_or(0);
    let request = String::from_utf8_lossy(&request[..read]).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let token = path.rsplit('/').next().unwrap_or_default();
    let known = ANSWERS
        .as_ref()
        .and_then(|answers| answers.lock().unwrap().get(token).cloned());
    if let Some(body) = known {
        let head = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _gone = stream.write_all((head + &body).as_bytes());
    }
}
