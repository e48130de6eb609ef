//! A stapled OCSP response, read as far as it speaks of the leaf ([RFC 6960 section 4.2.1]).
//!
//! What it says is taken down as said: its signature is not verified here.
//!
//! [RFC 6960 section 4.2.1]: https://www.rfc-editor.org/rfc/rfc6960#section-4.2.1

use certlocker_core::{Serial, Timestamp};
use der::asn1::{AnyRef, GeneralizedTime, ObjectIdentifier, OctetStringRef};
use der::{Decode, Header, Reader, SliceReader, Tag, TagNumber, Tagged};
use serde::Serialize;

use crate::excerpt;

/// What a stapled response says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Staple {
    /// What it says of each certificate that it speaks of.
    pub answers: Vec<StapleAnswer>,
}

/// What a stapled response says of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StapleAnswer {
    /// When more will be known; not every responder says.
    pub next_update: Option<Timestamp>,
    /// The serial number of the certificate.
    pub serial: Serial,
    /// What became of the certificate.
    pub status: StapleStatus,
    /// From when this is known.
    pub this_update: Timestamp,
}

/// What an OCSP responder knows of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StapleStatus {
    /// It is not revoked.
    Good,
    /// It is revoked.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const MOST_ANSWERS: usize = 32;

impl Staple {
    /// Reads a response.
    ///
    /// # Errors
    /// Why it cannot be read, or that the responder gave no answer.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let status = outer_status(der).map_err(shown)?;
        if status != 0 {
            return Err(format!("the responder refused with status {status}"));
        }
        read(der).map_err(shown)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is mapped over errors")]
fn shown(error: der::Error) -> String {
    excerpt::text(&error.to_string())
}

fn outer_status(der: &[u8]) -> der::Result<u8> {
    let mut outer = contents(der, Tag::Sequence)?;
    let status = AnyRef::decode(&mut outer)?;
    match (status.tag(), status.value()) {
        (Tag::Enumerated, [status]) => Ok(*status),
        _ => Err(Tag::Enumerated.value_error().into()),
    }
}

fn read(der: &[u8]) -> der::Result<Staple> {
    let mut outer = contents(der, Tag::Sequence)?;
    AnyRef::decode(&mut outer)?;
    let bytes = AnyRef::decode(&mut outer)?;
    let mut bytes = contents(bytes.value(), Tag::Sequence)?;
    if ObjectIdentifier::decode(&mut bytes)? != BASIC {
        return Err(Tag::ObjectIdentifier.value_error().into());
    }
    let basic = <&OctetStringRef>::decode(&mut bytes)?;
    let mut basic = contents(basic.as_bytes(), Tag::Sequence)?;
    let mut data = SliceReader::new(AnyRef::decode(&mut basic)?.value())?;
    // Version and responder are passed over, up to the time of production.
    while AnyRef::decode(&mut data)?.tag() != Tag::GeneralizedTime {}
    let responses = AnyRef::decode(&mut data)?;
    let mut responses = SliceReader::new(responses.value())?;
    let mut answers = Vec::new();
    while !responses.is_finished() && answers.len() < MOST_ANSWERS {
        answers.push(answer(AnyRef::decode(&mut responses)?)?);
    }
    Ok(Staple { answers })
}

fn answer(single: AnyRef<'_>) -> der::Result<StapleAnswer> {
    let mut single = SliceReader::new(single.value())?;
    let id = AnyRef::decode(&mut single)?;
    let mut id = SliceReader::new(id.value())?;
    for _ in ["algorithm", "issuer's name", "issuer's key"] {
        AnyRef::decode(&mut id)?;
    }
    let serial = AnyRef::decode(&mut id)?;
    let status = status(AnyRef::decode(&mut single)?.tag())?;
    let this_update = time(GeneralizedTime::decode(&mut single)?);
    let mut next_update = None;
    if !single.is_finished() {
        let optional = AnyRef::decode(&mut single)?;
        if is_context(optional.tag(), TagNumber(0)) {
            next_update = Some(time(GeneralizedTime::from_der(optional.value())?));
        }
    }
    Ok(StapleAnswer {
        next_update,
        serial: Serial::from_octets(serial.value()),
        status,
        this_update,
    })
}

fn status(tag: Tag) -> der::Result<StapleStatus> {
    let known = [
        StapleStatus::Good,
        StapleStatus::Revoked,
        StapleStatus::Unknown,
    ];
    let number = (0..)
        .map(TagNumber)
        .zip(known)
        .find(|(number, _)| is_context(tag, *number));
    number
        .map(|(_, status)| status)
        .ok_or_else(|| tag.value_error().into())
}

fn is_context(tag: Tag, expected: TagNumber) -> bool {
    matches!(tag, Tag::ContextSpecific { number, .. } if number == expected)
}

fn time(time: GeneralizedTime) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}

/// A reader of what is inside the outermost element, which has this tag.
fn contents(der: &[u8], tag: Tag) -> der::Result<SliceReader<'_>> {
    let mut reader = SliceReader::new(der)?;
    let header = Header::decode(&mut reader)?;
    header.tag().assert_eq(tag)?;
    SliceReader::new(reader.read_slice(header.length())?)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing::day;

    fn short(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat()
    }

    /// A response without a signature; 2026-01-01 to 2026-01-08.
    pub(crate) fn response(serial: &[u8], status: u8) -> Vec<u8> {
        let [this, next] =
            ["20260101000000Z", "20260108000000Z"].map(|at| short(0x18, at.as_bytes()));
        let id = short(
            0x30,
            &[
                short(0x30, &[6, 1, 42]),
                short(4, &[1]),
                short(4, &[2]),
                short(2, serial),
            ]
            .concat(),
        );
        let single = short(
            0x30,
            &[
                id,
                short(0x80 | status, &[]),
                this.clone(),
                short(0xa0, &next),
            ]
            .concat(),
        );
        let data = short(
            0x30,
            &[short(0xa2, &short(4, &[9])), this, short(0x30, &single)].concat(),
        );
        let basic = short(
            0x30,
            &[data, short(0x30, &[6, 1, 42]), short(3, &[0, 1])].concat(),
        );
        let oid = short(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]);
        let bytes = short(0x30, &[oid, short_or_long(4, &basic)].concat());
        short_or_long(
            0x30,
            &[short(10, &[0]), short_or_long(0xa0, &bytes)].concat(),
        )
    }

    fn short_or_long(tag: u8, content: &[u8]) -> Vec<u8> {
        match content.len() {
            0..128 => short(tag, content),
            length => [&[tag, 0x81, u8::try_from(length).unwrap()][..], content].concat(),
        }
    }

    #[test]
    fn a_response_is_read_with_its_times() {
        for (code, status) in [
            (0, StapleStatus::Good),
            (1, StapleStatus::Revoked),
            (2, StapleStatus::Unknown),
        ] {
            let staple = Staple::read(&response(&[0x42], code)).unwrap();
            let answer = StapleAnswer {
                next_update: Some(day(7)),
                serial: Serial::from_octets(&[0x42]),
                status,
                this_update: day(0),
            };
            assert_eq!(staple.answers, [answer]);
        }
    }

    #[test]
    fn a_refusal_is_told_with_its_status() {
        assert_eq!(
            Staple::read(&[0x30, 3, 10, 1, 3]).unwrap_err(),
            "the responder refused with status 3"
        );
    }

    #[test]
    fn every_cut_is_an_error() {
        let whole = response(&[0x42], 0);
        for cut in 0..whole.len() {
            assert!(Staple::read(&whole[..cut]).is_err(), "{cut}");
        }
    }
}
