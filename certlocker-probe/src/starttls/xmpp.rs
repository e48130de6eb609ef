//! XMPP, read tag by tag as far as it has to be ([RFC 6120 section 5.4]).
//!
//! [RFC 6120 section 5.4]: https://www.rfc-editor.org/rfc/rfc6120#section-5.4

use certlocker_core::DnsName;

use super::{Script, Step, refused};
use crate::Failure;

const NAMESPACE: &str = "urn:ietf:params:xml:ns:xmpp-tls";

/// Opens a stream, waits for its features, asks for TLS.
#[derive(Debug)]
pub(super) struct Xmpp {
    opening: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asked,
    Offered,
    Start,
}

impl Xmpp {
    pub(super) fn new(namespace: &str, name: Option<&DnsName>) -> Self {
        // A name has no character that would have to be escaped.
        let to = name.map_or_else(String::new, |name| format!(" to='{name}'"));
        let opening = format!(
            "<?xml version='1.0'?><stream:stream{to} xmlns='{namespace}' \
             xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        );
        Self {
            opening,
            state: State::Start,
        }
    }
}

impl Script for Xmpp {
    fn opening(&self) -> Vec<u8> {
        self.opening.clone().into_bytes()
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, Failure> {
        while let Some(tag) = take_tag(buffer) {
            let is_empty = tag.ends_with("/>");
            match (name(&tag), self.state) {
                ("stream:error" | "failure" | "/stream:stream", _) => {
                    return Err(refused(&[tag.as_bytes(), buffer].concat()));
                }
                ("starttls", State::Start) if tag.contains(NAMESPACE) => {
                    self.state = State::Offered
                }
                ("/stream:features", State::Offered) => {
                    self.state = State::Asked;
                    return Ok(Step::Say(
                        format!("<starttls xmlns='{NAMESPACE}'/>").into_bytes(),
                    ));
                }
                ("/stream:features", State::Start) => {
                    return Err(refused(b"features without starttls"));
                }
                ("stream:features", State::Start) if is_empty => {
                    return Err(refused(tag.as_bytes()));
                }
                ("proceed", State::Asked) => return Ok(Step::Begin(Vec::new())),
                _ => {}
            }
        }
        Ok(Step::More)
    }
}

/// Takes what is in the buffer up to the end of its first tag.
fn take_tag(buffer: &mut Vec<u8>) -> Option<String> {
    let end = buffer.iter().position(|octet| *octet == b'>')?;
    let rest = buffer.split_off(end + 1);
    let taken = std::mem::replace(buffer, rest);
    let start = taken.iter().rposition(|octet| *octet == b'<').unwrap_or(0);
    Some(String::from_utf8_lossy(&taken[start..]).into_owned())
}

/// The name of a tag, with the stroke of one that ends.
fn name(tag: &str) -> &str {
    let inside = tag.trim_start_matches('<').trim_end_matches('>');
    let end = inside
        .char_indices()
        .skip(1)
        .find(|(_, character)| *character == '/' || character.is_whitespace());
    end.map_or(inside, |(end, _)| &inside[..end])
}
