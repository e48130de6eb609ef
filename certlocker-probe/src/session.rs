//! One connection from its first octet to its last, without a socket.

use std::fmt;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;

use crate::starttls::{Dialogue, Reply};
use crate::tls::full::Full;
use crate::tls::{Grab, Offer};
use crate::{Captured, Failure, Phase, Protocol, tds};

/// How far a connection goes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Depth {
    /// Up to the certificate, without proof that the server has its key.
    Grab,
    /// To the end of the handshake.
    Full {
        /// What a server is shown that asks for a certificate of the client.
        identity: Option<Arc<dyn ResolvesClientCert>>,
    },
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manners {
    /// Not before [`Session::release`], and then with a word of farewell.
    Held,
    /// With a word of farewell, in the language of the protocol.
    Polite,
    /// Without one: servers write this down, and some count it.
    Sudden,
}

/// What one connection is to do.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "each field is something to vary")]
pub struct Plan {
    /// How far to go.
    pub depth: Depth,
    /// How to end.
    pub manners: Manners,
    /// What to offer.
    pub offer: Offer,
    /// What is sent before anything else: the header of a proxy.
    pub prelude: Vec<u8>,
    /// What is spoken before TLS.
    pub protocol: Protocol,
}

/// One connection: octets in, octets out.
///
/// Call [`Session::transmit`] first and after everything else; [`Session::receive`] with what came,
/// [`Session::ended`] when the peer closed, and [`Session::time_is_up`] at the deadline of a phase.
#[derive(Debug)]
pub struct Session {
    out: Vec<u8>,
    plan: Plan,
    random: [u8; 32],
    state: State,
    /// Octets that are no whole packet of TDS yet.
    tds: Vec<u8>,
}

enum State {
    Starttls(Dialogue),
    Grab(Box<Grab>),
    Full(Box<Full>),
    /// What was wanted is there, and the connection is kept.
    Held(Box<Full>, Result<Captured, Failure>),
    /// The handshake is over, and the server has yet to say what it thinks of a client without a certificate.
    Judged(Box<Full>),
    Done(Result<Captured, Failure>),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starttls(_) => "Starttls",
            Self::Grab(_) => "Grab",
            Self::Full(_) => "Full",
            Self::Held(..) => "Held",
            Self::Judged(_) => "Judged",
            Self::Done(_) => "Done",
        })
    }
}

impl Session {
    /// Begins a connection that was made.
    pub fn new(plan: Plan, random: [u8; 32]) -> Self {
        let dialogue = Dialogue::new(plan.protocol, plan.offer.server_name.as_ref());
        let opening = dialogue.opening();
        let mut session = Self {
            out: plan.prelude.clone(),
            plan,
            random,
            state: State::Starttls(dialogue),
            tds: Vec::new(),
        };
        session.follow(opening);
        session
    }

    /// What is to be sent now; nothing if it is empty.
    pub fn transmit(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// What the connection is about now.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Starttls(_) => Phase::Starttls,
            State::Grab(_) | State::Full(_) => Phase::Handshake,
            State::Judged(_) => Phase::Leaving,
            State::Held(..) | State::Done(_) => Phase::Done,
        }
    }

    /// What came of it, once it is done.
    pub fn outcome(&self) -> Option<&Result<Captured, Failure>> {
        match &self.state {
            State::Done(outcome) | State::Held(_, outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Takes what the server sent.
    pub fn receive(&mut self, octets: &[u8]) {
        let done = State::Done(Err(Failure::Closed(Phase::Done)));
        match std::mem::replace(&mut self.state, done) {
            State::Starttls(mut dialogue) => match dialogue.receive(octets) {
                Ok(reply) => {
                    self.state = State::Starttls(dialogue);
                    self.follow(reply);
                }
                Err(failure) => self.state = State::Done(Err(failure)),
            },
            State::Grab(grab) => self.state = self.go_on_grabbing(grab, octets),
            State::Full(full) => self.state = self.shake_hands(full, octets),
            State::Judged(full) => self.state = self.hear_judgement(full, octets),
            done @ (State::Done(_) | State::Held(..)) => self.state = done,
        }
    }

    /// The server closed the connection.
    pub fn ended(&mut self) {
        let phase = self.phase();
        let closed = Failure::Closed(phase);
        let done = State::Done(Err(closed.clone()));
        self.state = match std::mem::replace(&mut self.state, done) {
            State::Starttls(_) | State::Grab(_) => State::Done(Err(closed)),
            State::Full(full) => given_up(&full, closed),
            State::Judged(full) => {
                full.was_turned_away();
                given_up(&full, closed)
            }
            done @ (State::Done(_) | State::Held(..)) => done,
        };
    }

    /// There is no more time for this phase. Whoever waited for a judgement takes silence for consent.
    pub fn time_is_up(&mut self) {
        let phase = self.phase();
        let closed = Failure::Closed(phase);
        match std::mem::replace(&mut self.state, State::Done(Err(closed))) {
            State::Judged(full) => self.state = self.leave(full),
            State::Full(full) => self.state = given_up(&full, Failure::Silent(phase)),
            done @ (State::Done(_) | State::Held(..)) => self.state = done,
            State::Starttls(_) | State::Grab(_) => {
                self.state = State::Done(Err(Failure::Silent(phase)))
            }
        }
    }

    fn follow(&mut self, reply: Reply) {
        self.out.extend(reply.say);
        if reply.begins {
            self.state = self.begin_tls();
        }
    }

    fn begin_tls(&mut self) -> State {
        match &self.plan.depth {
            Depth::Grab => {
                let grab = Grab::new(&self.plan.offer, self.random);
                self.send(grab.opening());
                State::Grab(Box::new(grab))
            }
            Depth::Full { identity } => match Full::new(&self.plan.offer, identity.clone()) {
                Ok(mut full) => {
                    self.send(full.transmit());
                    State::Full(Box::new(full))
                }
                Err(failure) => State::Done(Err(failure)),
            },
        }
    }

    /// Sends octets of the handshake, which SQL Server wants wrapped.
    fn send(&mut self, octets: Vec<u8>) {
        match self.plan.protocol {
            Protocol::Mssql => self.out.extend(tds::wrap(&octets)),
            _ => self.out.extend(octets),
        }
    }

    fn unwrapped(&mut self, octets: &[u8]) -> Result<Vec<u8>, Failure> {
        if self.plan.protocol != Protocol::Mssql {
            return Ok(octets.to_vec());
        }
        self.tds.extend_from_slice(octets);
        let mut inside = Vec::new();
        while let Some((_, payload)) = tds::take_packet(&mut self.tds)? {
            inside.extend(payload);
        }
        Ok(inside)
    }

    fn go_on_grabbing(&mut self, mut grab: Box<Grab>, octets: &[u8]) -> State {
        match self
            .unwrapped(octets)
            .and_then(|inside| grab.receive(&inside))
        {
            Ok(None) => State::Grab(grab),
            Ok(Some(captured)) => State::Done(Ok(captured)),
            Err(failure) => State::Done(Err(failure)),
        }
    }

    fn shake_hands(&mut self, mut full: Box<Full>, octets: &[u8]) -> State {
        let received = self
            .unwrapped(octets)
            .and_then(|inside| full.receive(&inside));
        let flight = full.transmit();
        self.send(flight);
        match received {
            Err(failure) => given_up(&full, failure),
            Ok(()) if full.is_handshaking() => State::Full(full),
            Ok(()) if full.awaits_judgement() => State::Judged(full),
            Ok(()) => self.leave(full),
        }
    }

    fn hear_judgement(&mut self, mut full: Box<Full>, octets: &[u8]) -> State {
        match full.receive(octets) {
            Ok(()) => self.leave(full),
            Err(failure) => given_up(&full, failure),
        }
    }

    /// Ends a connection that was held.
    pub fn release(&mut self) {
        let done = State::Done(Err(Failure::Closed(Phase::Done)));
        self.state = match std::mem::replace(&mut self.state, done) {
            State::Held(mut full, outcome) => {
                self.say_farewell(&mut full);
                State::Done(outcome)
            }
            other => other,
        };
    }

    fn leave(&mut self, mut full: Box<Full>) -> State {
        let outcome = full.captured().ok_or(Failure::Closed(Phase::Leaving));
        match self.plan.manners {
            Manners::Held => return State::Held(full, outcome),
            Manners::Polite => self.say_farewell(&mut full),
            Manners::Sudden => {}
        }
        State::Done(outcome)
    }

    fn say_farewell(&mut self, full: &mut Full) {
        // After the handshake SQL Server goes on without packets around TLS, and expects a login.
        if self.plan.protocol != Protocol::Mssql {
            full.take_leave(self.plan.protocol.farewell());
            self.out.extend(full.transmit());
        }
    }
}

/// Alerts by which servers of all versions answer a client that has no certificate.
const ABOUT_CERTIFICATES: [u8; 6] = [40, 41, 42, 43, 46, 116];

/// What was seen before a connection failed is kept.
fn given_up(full: &Full, failure: Failure) -> State {
    if full.was_asked()
        && matches!(failure, Failure::Alert { description } if ABOUT_CERTIFICATES.contains(&description))
    {
        full.was_turned_away();
    }
    State::Done(full.captured().ok_or(failure))
}

#[cfg(test)]
mod tests;
