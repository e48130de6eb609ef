//! What every scenario stands on: a subject, keys, requests right and wrong, and their answers.
#![allow(unreachable_pub, reason = "the harness is a module of one program")]

mod account;
mod always;
mod csr;
mod http01;
mod key;
mod lab;
mod leaf;
mod message;
mod reply;
mod subject;
mod tls;
mod wire;

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use account::{Account, Issued, Order, authorization_urls, challenge, placed};
pub use csr::{Csr, P256, RSA, foreign_certificate};
pub use key::Key;
pub use lab::{Credential, Failing, Held, Recorder};
pub use leaf::{Leaf, instant, spki_of_request};
pub use message::{Message, with_member, without_member};
pub use reply::Reply;
pub use subject::{Subject, agreed, host, own_account_with};
pub use wire::Request;

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn from_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(text)
        .expect("base64url without padding")
}

/// Prints a line that the test runner does not hold back.
fn say(line: &str) {
    let thread = std::thread::current();
    let scenario = thread.name().unwrap_or("?");
    let line = format!("{scenario}: {line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
