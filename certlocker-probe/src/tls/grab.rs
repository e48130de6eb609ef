//! The certificate of a server without any asymmetric operation of the client.
//!
//! Up to TLS 1.2 certificates come in plain text, whatever cipher suite was chosen. In TLS 1.3 they
//! are encrypted; the client's private key is 1, so that the shared secret is what the server sends. There is
//! no confidentiality, and no proof that the server has the key: what matters is probed again in full.

use super::hello::Offer;
use super::keys::ServerKeys;
use super::message::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_STATUS, Certificates, ENCRYPTED_EXTENSIONS,
    Message, Messages, SERVER_HELLO, ServerHello, malformed, staple,
};
use super::record::{
    self, ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record, Records,
};
use crate::{Captured, ClientCertificate, Failure, Possession, TlsVersion};

/// A connection up to the certificate: octets in, octets out.
#[derive(Debug)]
pub struct Grab {
    hello: Vec<u8>,
    messages: Messages,
    newest: TlsVersion,
    records: Records,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    Plain(Plain),
    Encrypted(Encrypted),
    Done,
}

/// Certificates in plain text.
#[derive(Debug)]
struct Plain {
    certificates: Option<Certificates>,
    server: ServerHello,
}

/// Certificates behind keys that everybody can compute who sees the connection.
#[derive(Debug)]
struct Encrypted {
    client_certificate: ClientCertificate,
    keys: ServerKeys,
    server: ServerHello,
}

enum Next {
    Go(State),
    Seen(Captured),
}

impl Grab {
    /// A connection that offers this.
    pub fn new(offer: &Offer, random: [u8; 32]) -> Self {
        Self {
            hello: offer.client_hello(random),
            messages: Messages::default(),
            newest: offer.newest,
            records: Records::default(),
            state: State::Start,
        }
    }

    /// All that the client ever sends.
    pub fn opening(&self) -> Vec<u8> {
        // Old servers stumble over anything newer in the first record.
        record::write(HANDSHAKE, TlsVersion::TLS_1_0.0, &self.hello)
    }

    /// Takes what the server sent, and gives the certificates once they are there.
    ///
    /// # Errors
    /// [`Failure`]; the connection is of no more use then.
    pub fn receive(&mut self, octets: &[u8]) -> Result<Option<Captured>, Failure> {
        self.records.push(octets);
        while let Some(record) = self.records.next()? {
            self.take_record(record)?;
            while let Some(message) = self.messages.next() {
                match self.take_message(&message)? {
                    Next::Go(state) => self.state = state,
                    Next::Seen(captured) => return Ok(Some(captured)),
                }
            }
        }
        Ok(None)
    }

    fn take_record(&mut self, record: Record) -> Result<(), Failure> {
        let (content_type, content) = match (&mut self.state, record.content_type) {
            (_, CHANGE_CIPHER_SPEC) => return Ok(()),
            (State::Encrypted(encrypted), APPLICATION_DATA) => {
                let sealed = record.payload.len();
                let opened = encrypted.keys.open(record.header, record.payload);
                opened.ok_or_else(|| Failure::Malformed {
                    expected: "a record that decrypts",
                    seen: format!("{sealed} octets"),
                })?
            }
            (_, content_type) => (content_type, record.payload),
        };
        match content_type {
            HANDSHAKE => self.messages.push(&content),
            ALERT => alert(&content),
            _ => Err(malformed("a handshake message", &content)),
        }
    }

    fn take_message(&mut self, message: &Message) -> Result<Next, Failure> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Start => self.begin(message).map(Next::Go),
            State::Plain(plain) => plain.next(message),
            State::Encrypted(encrypted) => encrypted.next(message),
            State::Done => Err(malformed("nothing more", &message.whole)),
        }
    }

    fn begin(&self, message: &Message) -> Result<State, Failure> {
        if message.kind != SERVER_HELLO {
            return Err(malformed("a ServerHello", &message.whole));
        }
        let server = ServerHello::parse(message.body())?;
        if server.is_retry {
            return Err(Failure::RetryRequested);
        }
        if self.newest < server.version || server.version < TlsVersion::SSL_3_0 {
            return Err(Failure::UnexpectedVersion {
                version: server.version,
            });
        }
        if server.version < TlsVersion::TLS_1_3 {
            return Ok(State::Plain(Plain {
                certificates: None,
                server,
            }));
        }
        let share = server
            .share
            .ok_or_else(|| malformed("a key share on P-256", message.body()))?;
        let hellos = [&self.hello[..], &message.whole].concat();
        let keys = ServerKeys::derive(server.cipher_suite, &share[1..33], &hellos);
        let keys =
            keys.ok_or_else(|| malformed("a cipher suite that was offered", message.body()))?;
        Ok(State::Encrypted(Encrypted {
            client_certificate: ClientCertificate::NotAsked,
            keys,
            server,
        }))
    }
}

impl Plain {
    fn next(mut self, message: &Message) -> Result<Next, Failure> {
        match (self.certificates.take(), message.kind) {
            (None, CERTIFICATE) => {
                let certificates = Certificates::parse_plain(message.body())?;
                if !self.server.staples {
                    return Ok(Next::Seen(self.captured(certificates)));
                }
                Ok(Next::Go(State::Plain(Self {
                    certificates: Some(certificates),
                    ..self
                })))
            }
            (None, _) => Err(malformed("a Certificate", &message.whole)),
            (Some(mut certificates), CERTIFICATE_STATUS) => {
                certificates.staple = staple(message.body());
                Ok(Next::Seen(self.captured(certificates)))
            }
            (Some(certificates), _) => Ok(Next::Seen(self.captured(certificates))),
        }
    }

    fn captured(self, certificates: Certificates) -> Captured {
        let timestamps = self.server.timestamps.clone();
        captured(
            &self.server,
            ClientCertificate::NotAsked,
            Certificates {
                timestamps,
                ..certificates
            },
        )
    }
}

impl Encrypted {
    fn next(mut self, message: &Message) -> Result<Next, Failure> {
        match message.kind {
            ENCRYPTED_EXTENSIONS => Ok(Next::Go(State::Encrypted(self))),
            CERTIFICATE_REQUEST => {
                self.client_certificate = ClientCertificate::Asked;
                Ok(Next::Go(State::Encrypted(self)))
            }
            CERTIFICATE => {
                let certificates = Certificates::parse_1_3(message.body())?;
                Ok(Next::Seen(captured(
                    &self.server,
                    self.client_certificate,
                    certificates,
                )))
            }
            _ => Err(malformed("a Certificate", &message.whole)),
        }
    }
}

fn captured(
    server: &ServerHello,
    client_certificate: ClientCertificate,
    certificates: Certificates,
) -> Captured {
    Captured {
        chain: certificates.chain,
        cipher_suite: server.cipher_suite,
        client_certificate,
        possession: Possession::NotAsked,
        staple: certificates.staple,
        timestamps: certificates.timestamps,
        version: server.version,
    }
}

const WARNING: u8 = 1;
const CLOSE_NOTIFY: u8 = 0;

fn alert(content: &[u8]) -> Result<(), Failure> {
    match *content {
        // That a name is not known, for instance; the certificate of another follows.
        [WARNING, description] if description != CLOSE_NOTIFY => Ok(()),
        [_, description] => Err(Failure::Alert { description }),
        _ => Err(malformed("an alert", content)),
    }
}

#[cfg(test)]
mod tests;
