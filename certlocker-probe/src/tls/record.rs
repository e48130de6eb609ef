//! The records that TLS is cut into ([RFC 8446 section 5.1], and the same since SSL 3.0).
//!
//! [RFC 8446 section 5.1]: https://www.rfc-editor.org/rfc/rfc8446#section-5.1

use crate::{Failure, excerpt};

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

const HEADER: usize = 5;
/// What RFC 5246 allows a record to grow to; RFC 8446 allows less.
const LONGEST: usize = (1 << 14) + 2048;

/// One record, perhaps encrypted.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) content_type: u8,
    /// The header as it came, which encryption authenticates.
    pub(super) header: [u8; HEADER],
    pub(super) payload: Vec<u8>,
}

/// What came and is not a whole record yet.
#[derive(Debug, Default)]
pub(super) struct Records {
    buffer: Vec<u8>,
}

impl Records {
    pub(super) fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// The next record, if it is there.
    pub(super) fn next(&mut self) -> Result<Option<Record>, Failure> {
        let Some(header) = self.buffer.first_chunk::<HEADER>().copied() else {
            return self.check_start().map(|()| None);
        };
        self.check_start()?;
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        if LONGEST < length {
            return Err(self.malformed());
        }
        if self.buffer.len() < HEADER + length {
            return Ok(None);
        }
        let rest = self.buffer.split_off(HEADER + length);
        let payload = std::mem::replace(&mut self.buffer, rest).split_off(HEADER);
        Ok(Some(Record {
            content_type: header[0],
            header,
            payload,
        }))
    }

    /// What is no record shows in its first two octets, and may be all that a plain-text server sends.
    fn check_start(&self) -> Result<(), Failure> {
        let known = self
            .buffer
            .first()
            .is_none_or(|first| (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(first));
        let major = self.buffer.get(1).is_none_or(|major| *major == 3);
        match known && major {
            true => Ok(()),
            false => Err(self.malformed()),
        }
    }

    fn malformed(&self) -> Failure {
        Failure::Malformed {
            expected: "a record of TLS",
            seen: excerpt::octets(&self.buffer),
        }
    }
}

/// A record with this content.
pub(super) fn write(content_type: u8, version: u16, payload: &[u8]) -> Vec<u8> {
    let mut record = vec![content_type];
    record.extend_from_slice(&version.to_be_bytes());
    crate::wire::put_vector(&mut record, 2, payload);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_however_they_are_cut() {
        let stream = [write(HANDSHAKE, 0x0303, b"one"), write(ALERT, 0x0301, b"")].concat();
        for size in 1..stream.len() {
            let mut records = Records::default();
            let mut found = Vec::new();
            for octets in stream.chunks(size) {
                records.push(octets);
                while let Some(record) = records.next().unwrap() {
                    found.push((record.content_type, record.payload));
                }
            }
            assert_eq!(found, [(HANDSHAKE, b"one".to_vec()), (ALERT, Vec::new())]);
        }
    }

    #[test]
    fn plain_text_is_shown_for_what_it_is() {
        let mut records = Records::default();
        records.push(b"HTTP/1.1 400 Bad Request\r\n");
        let failure = records.next().unwrap_err();
        assert!(
            failure
                .to_string()
                .ends_with("the server sent `HTTP/1.1 400 Bad Request`"),
            "{failure}"
        );
    }

    #[test]
    fn a_record_that_is_too_long_is_not_waited_for() {
        let mut records = Records::default();
        records.push(&[HANDSHAKE, 3, 3, 0xff, 0xff]);
        assert!(records.next().is_err());
    }
}
