//! The packets of TDS 7, inside which the handshake with SQL Server is made (MS-TDS section 2.2.3).

use crate::{Failure, excerpt};

const PRELOGIN: u8 = 0x12;
const HEADER: usize = 8;
const END_OF_MESSAGE: u8 = 1;
/// What a packet may be before another size is agreed on.
const LONGEST_PAYLOAD: usize = 4096 - HEADER;

/// One packet of a pre-login.
pub(crate) fn packet(payload: &[u8]) -> Vec<u8> {
    one(payload, END_OF_MESSAGE)
}

/// As many packets as it takes.
pub(crate) fn wrap(octets: &[u8]) -> Vec<u8> {
    let last = octets.len().div_ceil(LONGEST_PAYLOAD).saturating_sub(1);
    let pieces = octets.chunks(LONGEST_PAYLOAD).enumerate();
    pieces
        .flat_map(|(at, piece)| one(piece, if at == last { END_OF_MESSAGE } else { 0 }))
        .collect()
}

fn one(payload: &[u8], status: u8) -> Vec<u8> {
    let [.., high, low] = (payload.len() + HEADER).to_be_bytes();
    [&[PRELOGIN, status, high, low, 0, 0, 1, 0][..], payload].concat()
}

/// Takes the packet at the start of the buffer, if it is whole: its kind and its payload.
pub(crate) fn take_packet(buffer: &mut Vec<u8>) -> Result<Option<(u8, Vec<u8>)>, Failure> {
    let [kind, _, high, low, ..] = buffer[..] else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < HEADER {
        return Err(Failure::Malformed {
            expected: "a packet of TDS",
            seen: excerpt::octets(buffer),
        });
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let rest = buffer.split_off(length);
    Ok(Some((
        kind,
        std::mem::replace(buffer, rest).split_off(HEADER),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_comes_out_again() {
        for length in [0, 1, LONGEST_PAYLOAD, LONGEST_PAYLOAD + 1, 20_000] {
            let octets = vec![7; length];
            let mut buffer = wrap(&octets);
            let mut found = Vec::new();
            while let Some((kind, payload)) = take_packet(&mut buffer).unwrap() {
                assert_eq!(kind, PRELOGIN);
                found.extend(payload);
            }
            assert_eq!(found, octets);
        }
    }

    #[test]
    fn a_packet_shorter_than_its_header_is_refused() {
        assert!(take_packet(&mut vec![PRELOGIN, 1, 0, 7, 0, 0, 1, 0]).is_err());
    }
}
