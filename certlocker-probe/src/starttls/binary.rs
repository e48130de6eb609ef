//! The protocols that speak in packets.

use super::{Script, Step, malformed, refused};
use crate::Failure;
use crate::wire::Cursor;

/// LDAP: an extended request and its response ([RFC 4511 section 4.14]).
///
/// [RFC 4511 section 4.14]: https://www.rfc-editor.org/rfc/rfc4511#section-4.14
#[derive(Debug)]
pub(super) struct Ldap;

const LDAP_START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const LDAP_SUCCESS: u8 = 0;

impl Script for Ldap {
    fn opening(&self) -> Vec<u8> {
        [&[0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22][..], LDAP_START_TLS].concat()
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, Failure> {
        let (header, length) = match ber_length(buffer) {
            Some(Ok(lengths)) => lengths,
            Some(Err(())) => return Err(malformed("an LDAP message", buffer)),
            None => return Ok(Step::More),
        };
        if buffer.len() < header + length {
            return Ok(Step::More);
        }
        let rest = buffer.split_off(header + length);
        let message = std::mem::replace(buffer, rest);
        match ldap_result(&message[header..]) {
            Some(LDAP_SUCCESS) => Ok(Step::Begin(Vec::new())),
            Some(code) => Err(refused(format!("result code {code}").as_bytes())),
            None => Err(malformed("an LDAP extended response", &message)),
        }
    }
}

/// The lengths of the header and of what follows; an error for what is no SEQUENCE.
fn ber_length(buffer: &[u8]) -> Option<Result<(usize, usize), ()>> {
    if *buffer.first()? != 0x30 {
        return Some(Err(()));
    }
    let first = *buffer.get(1)?;
    let octets = match first {
        0..=0x7f => return Some(Ok((2, usize::from(first)))),
        0x81..=0x83 => usize::from(first - 0x80),
        _ => return Some(Err(())),
    };
    let length = Cursor(buffer.get(2..)?).number(octets)?;
    Some(Ok((2 + octets, length)))
}

/// The result code of an extended response: after the message's number, inside of [APPLICATION 24].
fn ldap_result(message: &[u8]) -> Option<u8> {
    let mut cursor = Cursor(message);
    if cursor.u8()? != 2 {
        return None;
    }
    cursor.vector(1)?;
    if cursor.u8()? != 0x78 {
        return None;
    }
    let mut long = cursor;
    match long.u8()? {
        0..=0x7f => cursor.take(1),
        more @ 0x81..=0x83 => cursor.take(usize::from(more - 0x80) + 1),
        _ => None,
    }?;
    match cursor.take(3)? {
        [0x0a, 1, code] => Some(*code),
        _ => None,
    }
}

/// PostgreSQL: SSLRequest, and one octet in answer.
#[derive(Debug)]
pub(super) struct Postgres;

impl Script for Postgres {
    fn opening(&self) -> Vec<u8> {
        vec![0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, Failure> {
        match buffer.first() {
            None => Ok(Step::More),
            Some(b'S') => {
                buffer.remove(0);
                Ok(Step::Begin(Vec::new()))
            }
            Some(b'N' | b'E') => Err(refused(buffer)),
            Some(_) => Err(malformed("the answer to an SSLRequest", buffer)),
        }
    }
}

/// MySQL: the server's greeting, and an SSLRequest that has no answer.
#[derive(Debug)]
pub(super) struct Mysql;

const MYSQL_SSL: u16 = 0x0800;
/// Of the current protocol, over TLS, with the present kind of passwords.
const MYSQL_CLIENT: u32 = 0x0200 | 0x0800 | 0x8000;
const MYSQL_LONGEST_PACKET: u32 = 1 << 24;
const MYSQL_UTF8: u8 = 33;

impl Script for Mysql {
    fn opening(&self) -> Vec<u8> {
        Vec::new()
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, Failure> {
        let [low, middle, high, _sequence, ..] = buffer[..] else {
            return Ok(Step::More);
        };
        let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
        if buffer.len() < 4 + length {
            return Ok(Step::More);
        }
        let rest = buffer.split_off(4 + length);
        let packet = std::mem::replace(buffer, rest).split_off(4);
        match mysql_capabilities(&packet) {
            Some(capabilities) if capabilities & MYSQL_SSL != 0 => {
                Ok(Step::Begin(mysql_ssl_request()))
            }
            Some(_) => Err(refused(b"the greeting of a server without TLS")),
            // An error: 0xff, a number, and words.
            None if packet.first() == Some(&0xff) => {
                Err(refused(packet.get(3..).unwrap_or_default()))
            }
            None => Err(malformed("the greeting of a MySQL server", &packet)),
        }
    }
}

/// The lower half of the capabilities in a greeting of protocol 10.
fn mysql_capabilities(packet: &[u8]) -> Option<u16> {
    let mut cursor = Cursor(packet);
    if cursor.u8()? != 10 {
        return None;
    }
    let version = cursor.0.iter().position(|octet| *octet == 0)?;
    cursor.take(version + 1)?;
    // The connection's number, half of the challenge, and a zero.
    cursor.take(4 + 8 + 1)?;
    cursor.u16().map(u16::swap_bytes)
}

fn mysql_ssl_request() -> Vec<u8> {
    let mut packet = vec![32, 0, 0, 1];
    packet.extend_from_slice(&MYSQL_CLIENT.to_le_bytes());
    packet.extend_from_slice(&MYSQL_LONGEST_PACKET.to_le_bytes());
    packet.push(MYSQL_UTF8);
    packet.extend_from_slice(&[0; 23]);
    packet
}

/// Remote Desktop: a connection request that asks for TLS.
#[derive(Debug)]
pub(super) struct Rdp;

const RDP_RESPONSE: u8 = 2;
const RDP_FAILURE: u8 = 3;

impl Script for Rdp {
    fn opening(&self) -> Vec<u8> {
        // TPKT, X.224 connection request, negotiation request for TLS or CredSSP.
        vec![3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0]
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, Failure> {
        let [version, _, high, low, ..] = buffer[..] else {
            return Ok(Step::More);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if version != 3 || length < 11 {
            return Err(malformed("a connection confirm of RDP", buffer));
        }
        if buffer.len() < length {
            return Ok(Step::More);
        }
        let rest = buffer.split_off(length);
        let packet = std::mem::replace(buffer, rest);
        match packet.get(11..) {
            Some([RDP_RESPONSE, _, 8, 0, selected, ..]) if *selected != 0 => {
                Ok(Step::Begin(Vec::new()))
            }
            Some([RDP_RESPONSE, ..] | []) => Err(refused(b"only RDP's own security")),
            Some([RDP_FAILURE, _, 8, 0, code, ..]) => {
                Err(refused(format!("negotiation failure {code}").as_bytes()))
            }
            _ => Err(malformed("a connection confirm of RDP", &packet)),
        }
    }
}

/// SQL Server: a pre-login that asks for encryption.
#[derive(Debug)]
pub(super) struct Mssql;

const TDS_PRELOGIN: u8 = 0x12;
const TDS_RESPONSE: u8 = 0x04;
const TDS_ENCRYPTION: u8 = 1;
const TDS_TERMINATOR: u8 = 0xff;
const TDS_NOT_SUPPORTED: u8 = 2;

impl Script for Mssql {
    fn opening(&self) -> Vec<u8> {
        // Version at 11, encryption at 17, end; the version of nothing, and encryption on.
        let options = [
            0,
            0,
            11,
            0,
            6,
            TDS_ENCRYPTION,
            0,
            17,
            0,
            1,
            TDS_TERMINATOR,
            0,
            0,
            0,
            0,
            0,
            0,
            1,
        ];
        crate::tds::packet(&options)
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, Failure> {
        let Some((kind, payload)) = crate::tds::take_packet(buffer)? else {
            return Ok(Step::More);
        };
        if kind != TDS_RESPONSE && kind != TDS_PRELOGIN {
            return Err(malformed("the answer to a pre-login", &payload));
        }
        match tds_encryption(&payload) {
            Some(TDS_NOT_SUPPORTED) => Err(refused(b"encryption is not supported")),
            Some(_) => Ok(Step::Begin(Vec::new())),
            None => Err(malformed("the answer to a pre-login", &payload)),
        }
    }
}

fn tds_encryption(payload: &[u8]) -> Option<u8> {
    let mut options = Cursor(payload);
    loop {
        match options.u8()? {
            TDS_TERMINATOR => return None,
            TDS_ENCRYPTION => {
                let offset = usize::from(options.u16()?);
                return payload.get(offset).copied();
            }
            _ => options.take(4)?,
        };
    }
}
