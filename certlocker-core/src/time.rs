//! Instants as data: core never reads a clock.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::identifier::shown;

/// An instant in UTC, to the microsecond.
///
/// Written as RFC 3339 with six fractional digits, so that stored forms sort as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch, clamped to the years that RFC 3339 can write.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < 0 {
            Self(0)
        } else if micros > LAST {
            Self(LAST)
        } else {
            Self(micros)
        }
    }

    /// From whole seconds since the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(MICROS))
    }

    /// Parses RFC 3339 with any offset.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let invalid = || InvalidTimestamp(shown(text, LONGEST_SHOWN));
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| invalid())?;
        let micros = i64::try_from(parsed.unix_timestamp_nanos() / 1_000).map_err(|_| invalid())?;
        if !(0..=LAST).contains(&micros) {
            return Err(invalid());
        }
        Ok(Self(micros))
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_seconds(self) -> i64 {
        self.0 / MICROS
    }

    /// The same instant with the fraction of a second dropped, as X.509 and ACME carry it.
    pub const fn whole_seconds(self) -> Self {
        Self(self.0 - self.0 % MICROS)
    }

    /// The instant `span` later.
    pub fn after(self, span: Duration) -> Self {
        Self::from_micros(
            self.0
                .saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// The instant `span` earlier.
    pub fn before(self, span: Duration) -> Self {
        Self::from_micros(
            self.0
                .saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// How long from `earlier` to this instant; zero if it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// RFC 3339 to the second, as ACME objects show it.
    pub fn to_rfc3339_seconds(self) -> String {
        let mut text = self.whole_seconds().to_string();
        text.truncate(19);
        text.push('Z');
        text
    }
}

const MICROS: i64 = 1_000_000;
const LONGEST_SHOWN: usize = 40;
/// 9999-12-31T23:59:59.999999Z.
const LAST: i64 = 253_402_300_799_999_999;

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .map_err(|_| fmt::Error)?;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.microsecond()
        )
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        Self::parse(&text)
    }
}

/// A text that is not an RFC 3339 instant between the years 1970 and 9999.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 time between 1970 and 9999")]
pub struct InvalidTimestamp(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back_is_the_same_instant() {
        for text in [
            "1970-01-01T00:00:00.000000Z",
            "2026-11-24T13:05:09.000123Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_offset_is_turned_into_utc() {
        assert_eq!(
            Timestamp::parse("2026-11-24T15:05:09+02:00")
                .unwrap()
                .to_rfc3339_seconds(),
            "2026-11-24T13:05:09Z"
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-11-24",
            "2026-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_refused_is_shown_without_its_control_characters() {
        let error = Timestamp::parse("2026\u{1b}[31m").unwrap_err().to_string();
        assert!(error.starts_with("`2026\\u{1b}[31m`"), "{error}");
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let last = Timestamp::from_micros(i64::MAX);
        assert_eq!(last.after(Duration::from_secs(1)), last);
        assert_eq!(
            Timestamp::from_micros(5).before(Duration::from_secs(1)),
            Timestamp::from_micros(0)
        );
    }
}
