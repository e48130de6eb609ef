//! The protocols that speak in lines.

use super::{Script, Step, malformed, refused};
use crate::{Failure, Protocol};

/// What a line means to a client that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// What was waited for.
    Granted,
    /// Another line follows.
    Passing,
    /// Nothing will come of it.
    Refused,
    /// No line of this protocol.
    Senseless,
}

type Judge = fn(&str, &str) -> Meaning;

/// A conversation: each time the client has said something, it waits for an answer.
#[derive(Debug)]
pub(super) struct Lines {
    at: usize,
    judge: Judge,
    turns: &'static [Turn],
}

/// What the client says, and what it wants to hear.
#[derive(Debug)]
struct Turn {
    say: &'static str,
    want: &'static str,
}

const fn turn(say: &'static str, want: &'static str) -> Turn {
    Turn { say, want }
}

const FTP: &[Turn] = &[turn("", "220"), turn("AUTH TLS\r\n", "234")];
const IMAP: &[Turn] = &[turn("", "*"), turn("a STARTTLS\r\n", "a")];
const IRC: &[Turn] = &[turn("STARTTLS\r\n", "670")];
const LMTP: &[Turn] = &[
    turn("", "220"),
    turn("LHLO probe.invalid\r\n", "250"),
    turn("STARTTLS\r\n", "220"),
];
const NNTP: &[Turn] = &[turn("", "20"), turn("STARTTLS\r\n", "382")];
const POP3: &[Turn] = &[turn("", "+OK"), turn("STLS\r\n", "+OK")];
const SIEVE: &[Turn] = &[turn("", "OK"), turn("STARTTLS\r\n", "OK")];
const SMTP: &[Turn] = &[
    turn("", "220"),
    turn("EHLO probe.invalid\r\n", "250"),
    turn("STARTTLS\r\n", "220"),
];

impl Lines {
    pub(super) fn of(protocol: Protocol) -> Option<Self> {
        let (judge, turns): (Judge, _) = match protocol {
            Protocol::Ftp => (coded, FTP),
            Protocol::Imap => (imap, IMAP),
            Protocol::Irc => (irc, IRC),
            Protocol::Lmtp => (coded, LMTP),
            Protocol::Nntp => (coded, NNTP),
            Protocol::Pop3 => (pop3, POP3),
            Protocol::Sieve => (sieve, SIEVE),
            Protocol::Smtp => (coded, SMTP),
            _ => return None,
        };
        Some(Self {
            at: 0,
            judge,
            turns,
        })
    }
}

impl Script for Lines {
    fn opening(&self) -> Vec<u8> {
        self.turns[0].say.as_bytes().to_vec()
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, Failure> {
        while let Some(line) = next_line(buffer) {
            let text = String::from_utf8_lossy(&line);
            match (self.judge)(&text, self.turns[self.at].want) {
                Meaning::Passing => {}
                Meaning::Refused => return Err(refused(&line)),
                Meaning::Senseless => return Err(malformed("a reply of the protocol", &line)),
                Meaning::Granted => {
                    self.at += 1;
                    return Ok(match self.turns.get(self.at) {
                        Some(turn) => Step::Say(turn.say.as_bytes().to_vec()),
                        None => Step::Begin(Vec::new()),
                    });
                }
            }
        }
        Ok(Step::More)
    }
}

fn next_line(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = buffer.iter().position(|octet| *octet == b'\n')?;
    let rest = buffer.split_off(end + 1);
    let mut line = std::mem::replace(buffer, rest);
    while line
        .last()
        .is_some_and(|octet| matches!(octet, b'\r' | b'\n'))
    {
        line.pop();
    }
    Some(line)
}

/// SMTP, LMTP, FTP and NNTP: a code of three digits, and a hyphen if more lines follow. FTP may
/// have lines without a code in between.
fn coded(line: &str, want: &str) -> Meaning {
    let is_code = line.len() >= 3 && line.bytes().take(3).all(|octet| octet.is_ascii_digit());
    match line.as_bytes().get(3) {
        _ if !is_code && line.starts_with(' ') => Meaning::Passing,
        _ if !is_code => Meaning::Senseless,
        Some(b'-') => Meaning::Passing,
        None | Some(b' ') if line.starts_with(want) => Meaning::Granted,
        _ => Meaning::Refused,
    }
}

fn imap(line: &str, want: &str) -> Meaning {
    match (want, line.split_once(' ')) {
        ("*", Some(("*", rest))) if is_word(rest, "OK") => Meaning::Granted,
        ("*", Some(("*", rest))) if is_word(rest, "BYE") || is_word(rest, "PREAUTH") => {
            Meaning::Refused
        }
        ("*", _) => Meaning::Senseless,
        (_, Some(("*", rest))) if is_word(rest, "BYE") => Meaning::Refused,
        (_, Some(("*", _))) => Meaning::Passing,
        (tag, Some((own, rest))) if tag == own => match is_word(rest, "OK") {
            true => Meaning::Granted,
            false => Meaning::Refused,
        },
        _ => Meaning::Senseless,
    }
}

fn pop3(line: &str, want: &str) -> Meaning {
    match line {
        _ if is_word(line, want) => Meaning::Granted,
        _ if is_word(line, "-ERR") => Meaning::Refused,
        _ => Meaning::Senseless,
    }
}

/// Capabilities come in quotes before the line that counts.
fn sieve(line: &str, want: &str) -> Meaning {
    match line {
        _ if is_word(line, want) => Meaning::Granted,
        _ if is_word(line, "NO") || is_word(line, "BYE") => Meaning::Refused,
        _ if line.starts_with('"') || line.starts_with('{') => Meaning::Passing,
        _ => Meaning::Senseless,
    }
}

/// A prefix, a number, and what is meant by it; anything may be said before.
fn irc(line: &str, want: &str) -> Meaning {
    let mut words = line.split(' ').skip_while(|word| word.starts_with(':'));
    match words.next() {
        Some(number) if number == want => Meaning::Granted,
        Some("421" | "451" | "691" | "ERROR") => Meaning::Refused,
        Some("") | None => Meaning::Senseless,
        Some(_) => Meaning::Passing,
    }
}

/// Whether a line begins with this word, in either case.
fn is_word(line: &str, word: &str) -> bool {
    let first = line.split([' ', '(']).next().unwrap_or_default();
    first.eq_ignore_ascii_case(word)
}
