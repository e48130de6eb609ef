//! The messages of the server up to its certificate.

use certlocker_core::Der;

use super::hello::{KEY_SHARE, P256, STATUS_REQUEST, SUPPORTED_VERSIONS, TIMESTAMPS};
use crate::wire::Cursor;
use crate::{Failure, Phase, TlsVersion, excerpt};

pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const ENCRYPTED_EXTENSIONS: u8 = 8;
pub(super) const CERTIFICATE: u8 = 11;
pub(super) const CERTIFICATE_REQUEST: u8 = 13;
pub(super) const CERTIFICATE_STATUS: u8 = 22;

const HEADER: usize = 4;
/// A certificate of ten thousand names is half as long.
pub(crate) const LONGEST_FLIGHT: usize = 1 << 20;

/// Handshake messages, put together from the records that they came in.
#[derive(Debug, Default)]
pub(super) struct Messages {
    buffer: Vec<u8>,
    received: usize,
}

/// One handshake message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: u8,
    /// With its header, as the transcript has it.
    pub(super) whole: Vec<u8>,
}

impl Message {
    pub(super) fn body(&self) -> &[u8] {
        &self.whole[HEADER..]
    }
}

impl Messages {
    pub(super) fn push(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.received += payload.len();
        if LONGEST_FLIGHT < self.received {
            return Err(Failure::Excess {
                limit: LONGEST_FLIGHT,
                phase: Phase::Handshake,
            });
        }
        self.buffer.extend_from_slice(payload);
        Ok(())
    }

    pub(super) fn next(&mut self) -> Option<Message> {
        let mut cursor = Cursor(&self.buffer);
        let kind = cursor.u8()?;
        let length = cursor.number(3)?;
        if cursor.0.len() < length {
            return None;
        }
        let rest = self.buffer.split_off(HEADER + length);
        Some(Message {
            kind,
            whole: std::mem::replace(&mut self.buffer, rest),
        })
    }
}

/// What the server chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub(super) cipher_suite: u16,
    /// Whether it asks the client to begin again with another key exchange.
    pub(super) is_retry: bool,
    /// Its point on P-256, uncompressed.
    pub(super) share: Option<[u8; 65]>,
    /// Whether it will staple (TLS 1.2 and older).
    pub(super) staples: bool,
    /// Signed certificate timestamps (TLS 1.2 and older).
    pub(super) timestamps: Option<Vec<u8>>,
    pub(super) version: TlsVersion,
}

/// SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

impl ServerHello {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Failure> {
        parse_server_hello(body).ok_or_else(|| malformed("a ServerHello", body))
    }
}

fn parse_server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut cursor = Cursor(body);
    let version = TlsVersion(cursor.u16()?);
    let random = cursor.take(32)?;
    cursor.vector(1)?;
    let cipher_suite = cursor.u16()?;
    cursor.u8()?;
    let mut hello = ServerHello {
        cipher_suite,
        is_retry: random == RETRY,
        share: None,
        staples: false,
        timestamps: None,
        version,
    };
    // SSL 3.0 has no extensions, and TLS 1.2 may leave the vector out.
    if !cursor.is_empty() {
        let mut extensions = Cursor(cursor.vector(2)?);
        while !extensions.is_empty() {
            hello.read_extension(extensions.u16()?, extensions.vector(2)?)?;
        }
    }
    Some(hello)
}

impl ServerHello {
    fn read_extension(&mut self, number: u16, content: &[u8]) -> Option<()> {
        let mut cursor = Cursor(content);
        match number {
            SUPPORTED_VERSIONS => self.version = TlsVersion(cursor.u16()?),
            // A retry names the group alone.
            KEY_SHARE if cursor.u16()? == P256 && !self.is_retry => {
                self.share = Some(cursor.vector(2)?.try_into().ok()?);
            }
            STATUS_REQUEST => self.staples = true,
            TIMESTAMPS => self.timestamps = Some(content.to_vec()),
            _ => {}
        }
        Some(())
    }
}

/// The certificates, with what TLS 1.3 puts beside the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Certificates {
    pub(super) chain: Vec<Der>,
    pub(super) staple: Option<Vec<u8>>,
    pub(super) timestamps: Option<Vec<u8>>,
}

impl Certificates {
    /// As TLS 1.2 and older send them ([RFC 5246 section 7.4.2]).
    ///
    /// [RFC 5246 section 7.4.2]: https://www.rfc-editor.org/rfc/rfc5246#section-7.4.2
    pub(super) fn parse_plain(body: &[u8]) -> Result<Self, Failure> {
        let parse = || {
            let mut list = Cursor(Cursor(body).vector(3)?);
            let mut chain = Vec::new();
            while !list.is_empty() {
                chain.push(Der(list.vector(3)?.to_vec()));
            }
            Some(Self {
                chain,
                ..Self::default()
            })
        };
        parse().ok_or_else(|| malformed("a list of certificates", body))
    }

    /// As TLS 1.3 sends them ([RFC 8446 section 4.4.2]).
    ///
    /// [RFC 8446 section 4.4.2]: https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2
    pub(super) fn parse_1_3(body: &[u8]) -> Result<Self, Failure> {
        let parse = || {
            let mut cursor = Cursor(body);
            cursor.vector(1)?;
            let mut list = Cursor(cursor.vector(3)?);
            let mut found = Self::default();
            while !list.is_empty() {
                let der = Der(list.vector(3)?.to_vec());
                let mut extensions = Cursor(list.vector(2)?);
                while !extensions.is_empty() {
                    found.read_extension(extensions.u16()?, extensions.vector(2)?);
                }
                found.chain.push(der);
            }
            Some(found)
        };
        parse().ok_or_else(|| malformed("a list of certificates", body))
    }

    fn read_extension(&mut self, number: u16, content: &[u8]) {
        match number {
            _ if !self.chain.is_empty() => {}
            STATUS_REQUEST => self.staple = staple(content),
            TIMESTAMPS => self.timestamps = Some(content.to_vec()),
            _ => {}
        }
    }
}

/// The response inside a CertificateStatus ([RFC 6066 section 8]).
///
/// [RFC 6066 section 8]: https://www.rfc-editor.org/rfc/rfc6066#section-8
pub(super) fn staple(status: &[u8]) -> Option<Vec<u8>> {
    let mut cursor = Cursor(status);
    match cursor.u8()? {
        1 => cursor.vector(3).map(<[u8]>::to_vec),
        _ => None,
    }
}

pub(super) fn malformed(expected: &'static str, seen: &[u8]) -> Failure {
    Failure::Malformed {
        expected,
        seen: excerpt::octets(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TLS 1.2, no session, a suite, no compression.
    fn hello(random: [u8; 32], extensions: &[u8]) -> Vec<u8> {
        let fixed = [&[3, 3][..], &random, &[0, 0x13, 0x01, 0]].concat();
        let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
        [&fixed[..], &length, extensions].concat()
    }

    #[test]
    fn a_server_hello_may_have_no_extensions() {
        let mut body = hello([7; 32], &[]);
        body.truncate(body.len() - 2);
        let read = ServerHello::parse(&body).unwrap();
        assert_eq!(
            (read.version, read.cipher_suite, read.is_retry),
            (TlsVersion::TLS_1_2, 0x1301, false)
        );
    }

    #[test]
    fn a_retry_is_known_by_its_random() {
        let read = ServerHello::parse(&hello(RETRY, &[0, 51, 0, 2, 0, 29])).unwrap();
        assert!(read.is_retry && read.share.is_none());
    }

    #[test]
    fn every_cut_of_a_server_hello_is_an_error_or_a_whole_one_without_extensions() {
        let body = hello([7; 32], &[0, 43, 0, 2, 3, 4, 0, 5, 0, 0]);
        let whole = ServerHello::parse(&body).unwrap();
        assert_eq!((whole.version, whole.staples), (TlsVersion::TLS_1_3, true));
        for cut in 0..body.len() {
            let read = ServerHello::parse(&body[..cut]);
            assert!(read.is_err() || cut == 38, "{cut}");
        }
    }

    #[test]
    fn certificates_are_kept_octet_for_octet_whatever_they_are() {
        let plain = [0, 0, 10, 0, 0, 3, 1, 2, 3, 0, 0, 1, 9];
        let read = Certificates::parse_plain(&plain).unwrap();
        assert_eq!(read.chain, [Der(vec![1, 2, 3]), Der(vec![9])]);
        let newer = [
            0, 0, 0, 21, 0, 0, 3, 1, 2, 3, 0, 9, 0, 5, 0, 5, 1, 0, 0, 1, 7, 0, 0, 1, 9, 0, 0,
        ];
        let mut newer = newer.to_vec();
        newer[3] = u8::try_from(newer.len() - 4).unwrap();
        let read = Certificates::parse_1_3(&newer).unwrap();
        assert_eq!(read.chain, [Der(vec![1, 2, 3]), Der(vec![9])]);
        assert_eq!(read.staple, Some(vec![7]));
        for cut in 0..plain.len() {
            assert!(Certificates::parse_plain(&plain[..cut]).is_err());
        }
        for cut in 0..newer.len() {
            assert!(Certificates::parse_1_3(&newer[..cut]).is_err());
        }
    }

    #[test]
    fn a_flight_without_end_is_cut_off() {
        let mut messages = Messages::default();
        let chunk = [0xff; 1 << 14];
        let mut results = (0..100).map(|_| messages.push(&chunk));
        assert!(results.any(|result| matches!(result, Err(Failure::Excess { .. }))));
    }
}
