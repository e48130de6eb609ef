//! What is known about revocation and transparency from the handshake alone.

use certlocker_core::Timestamp;
use serde::Serialize;

use crate::ocsp::{Staple, StapleStatus};
use crate::{Captured, Facts};

/// What is known about revocation and transparency from the handshake alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Where lists of revoked certificates are said to be.
    pub revocation_lists: Vec<String>,
    /// What was stapled.
    pub staple: StapleVerdict,
    /// How many signed certificate timestamps there are, in the certificate and in the handshake.
    pub timestamps: usize,
}

/// What was stapled, in view of what should have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
#[non_exhaustive]
pub enum StapleVerdict {
    /// It speaks of other certificates only.
    AboutAnother,
    /// There is one about this certificate, in time.
    Current {
        /// What it says; its signature was not verified.
        says: StapleStatus,
    },
    /// None, though the certificate obliges its server to staple: browsers that honour this refuse it.
    MissingAndObliged,
    /// None, and none is needed: the authority answers no OCSP, or the certificate does not oblige.
    None,
    /// Its time is over, or has not begun.
    OutOfTime {
        /// Until when it may be used.
        next_update: Option<Timestamp>,
    },
    /// It cannot be read.
    Unreadable {
        /// Why.
        why: String,
    },
}

impl Status {
    pub(crate) fn of(captured: &Captured, leaf: &Facts, at: Timestamp) -> Self {
        let in_handshake = captured.timestamps.as_deref().map_or(0, count);
        Self {
            revocation_lists: leaf.revocation_lists.clone(),
            staple: staple(captured.staple.as_deref(), leaf, at),
            timestamps: leaf.embedded_timestamps + in_handshake,
        }
    }
}

fn staple(response: Option<&[u8]>, leaf: &Facts, at: Timestamp) -> StapleVerdict {
    let response = match response {
        None | Some([]) if leaf.must_staple => return StapleVerdict::MissingAndObliged,
        None | Some([]) => return StapleVerdict::None,
        Some(response) => response,
    };
    let staple = match Staple::read(response) {
        Ok(staple) => staple,
        Err(why) => return StapleVerdict::Unreadable { why },
    };
    let Some(answer) = staple
        .answers
        .iter()
        .find(|answer| answer.serial == leaf.serial)
    else {
        return StapleVerdict::AboutAnother;
    };
    let over = answer.next_update.is_some_and(|next| next < at);
    match at < answer.this_update || over {
        true => StapleVerdict::OutOfTime {
            next_update: answer.next_update,
        },
        false => StapleVerdict::Current {
            says: answer.status,
        },
    }
}

/// How many entries a SignedCertificateTimestampList has ([RFC 6962 section 3.3]).
///
/// [RFC 6962 section 3.3]: https://www.rfc-editor.org/rfc/rfc6962#section-3.3
fn count(list: &[u8]) -> usize {
    let Some((_, mut rest)) = list.split_at_checked(2) else {
        return 0;
    };
    let mut entries = 0;
    while let [high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((_, next)) = after.split_at_checked(length) else {
            break;
        };
        entries += 1;
        rest = next;
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocsp::tests::response;
    use crate::testing::{Authority, Leaf, day};

    fn leaf(must_staple: bool) -> Facts {
        let leaf = Leaf {
            must_staple,
            ..Leaf::named(&["a.example"])
        };
        let facts = Facts::read(&Authority::root("root").issue(&leaf).der.0).unwrap();
        Facts {
            serial: "42".parse().unwrap(),
            ..facts
        }
    }

    #[test]
    fn a_missing_staple_is_a_fault_only_where_the_certificate_obliges() {
        assert_eq!(staple(None, &leaf(false), day(1)), StapleVerdict::None);
        assert_eq!(
            staple(None, &leaf(true), day(1)),
            StapleVerdict::MissingAndObliged
        );
        assert_eq!(
            staple(Some(&[]), &leaf(true), day(1)),
            StapleVerdict::MissingAndObliged
        );
    }

    #[test]
    fn a_staple_speaks_of_this_certificate_and_for_its_time() {
        let judge = |serial: &[u8], at| staple(Some(&response(serial, 1)), &leaf(false), at);
        assert_eq!(
            judge(&[0x42], day(1)),
            StapleVerdict::Current {
                says: StapleStatus::Revoked
            }
        );
        assert_eq!(judge(&[0x43], day(1)), StapleVerdict::AboutAnother);
        assert_eq!(
            judge(&[0x42], day(8)),
            StapleVerdict::OutOfTime {
                next_update: Some(day(7))
            }
        );
        let garbage = staple(Some(b"garbage"), &leaf(false), day(1));
        assert!(matches!(garbage, StapleVerdict::Unreadable { .. }));
    }

    #[test]
    fn timestamps_of_the_handshake_are_counted() {
        for (list, entries) in [
            (&[0, 7, 0, 1, 9, 0, 2, 9, 9][..], 2),
            (&[0, 3, 0, 9, 9], 0),
            (&[0, 0], 0),
            (&[], 0),
        ] {
            assert_eq!(count(list), entries, "{list:?}");
        }
    }
}
