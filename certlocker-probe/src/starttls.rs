//! What is said in plain text before TLS begins.

mod binary;
mod line;
mod telnet;
mod xmpp;

use std::fmt;

use certlocker_core::DnsName;

use crate::{Failure, Phase, Protocol, excerpt};

/// How much of what a server says in plain text is read.
const LONGEST: usize = 1 << 14;

/// What follows from what the server said so far.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// It has not said enough.
    More,
    /// The client says this.
    Say(Vec<u8>),
    /// TLS begins, after the client has said this.
    Begin(Vec<u8>),
}

/// One side of a conversation. A script takes from the buffer what it understands.
trait Script: fmt::Debug + Send {
    /// What the client says first; nothing where it waits for the server.
    fn opening(&self) -> Vec<u8>;

    /// Goes on as far as the buffer allows.
    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, Failure>;
}

/// The conversation before TLS: octets in, octets out.
#[derive(Debug)]
pub struct Dialogue {
    buffer: Vec<u8>,
    received: usize,
    script: Option<Box<dyn Script>>,
}

/// What a client does after it has heard something.
#[derive(Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "what to say, and whether it is the last"
)]
pub struct Reply {
    /// Whether TLS begins now.
    pub begins: bool,
    /// What to send.
    pub say: Vec<u8>,
}

impl Dialogue {
    /// The conversation of a protocol, with a server that is called this.
    pub fn new(protocol: Protocol, name: Option<&DnsName>) -> Self {
        let script: Option<Box<dyn Script>> = match protocol {
            Protocol::Tls => None,
            Protocol::Ldap => Some(Box::new(binary::Ldap)),
            Protocol::Mssql => Some(Box::new(binary::Mssql)),
            Protocol::Mysql => Some(Box::new(binary::Mysql)),
            Protocol::Postgres => Some(Box::new(binary::Postgres)),
            Protocol::Rdp => Some(Box::new(binary::Rdp)),
            Protocol::Telnet => Some(Box::new(telnet::Telnet)),
            Protocol::Xmpp => Some(Box::new(xmpp::Xmpp::new("jabber:client", name))),
            Protocol::XmppServer => Some(Box::new(xmpp::Xmpp::new("jabber:server", name))),
            other => line::Lines::of(other).map(|lines| Box::new(lines) as Box<dyn Script>),
        };
        Self {
            buffer: Vec::new(),
            received: 0,
            script,
        }
    }

    /// What the client does first.
    pub fn opening(&self) -> Reply {
        match &self.script {
            None => Reply {
                begins: true,
                say: Vec::new(),
            },
            Some(script) => Reply {
                begins: false,
                say: script.opening(),
            },
        }
    }

    /// What the client does about what the server said.
    ///
    /// # Errors
    /// [`Failure`]; the connection is of no more use then.
    pub fn receive(&mut self, octets: &[u8]) -> Result<Reply, Failure> {
        self.received += octets.len();
        if LONGEST < self.received {
            return Err(Failure::Excess {
                limit: LONGEST,
                phase: Phase::Starttls,
            });
        }
        self.buffer.extend_from_slice(octets);
        let mut reply = Reply {
            begins: false,
            say: Vec::new(),
        };
        let Some(script) = &mut self.script else {
            return Ok(reply);
        };
        loop {
            match script.step(&mut self.buffer)? {
                Step::More => return Ok(reply),
                Step::Say(say) => reply.say.extend(say),
                Step::Begin(say) => {
                    reply.say.extend(say);
                    reply.begins = true;
                    return self.check_silence().map(|()| reply);
                }
            }
        }
    }

    fn check_silence(&self) -> Result<(), Failure> {
        match self.buffer.is_empty() {
            true => Ok(()),
            false => Err(Failure::Injected {
                said: excerpt::octets(&self.buffer),
            }),
        }
    }
}

fn refused(said: &[u8]) -> Failure {
    Failure::StarttlsRefused {
        said: excerpt::octets(said),
    }
}

fn malformed(expected: &'static str, seen: &[u8]) -> Failure {
    Failure::Malformed {
        expected,
        seen: excerpt::octets(seen),
    }
}

#[cfg(test)]
mod tests;
