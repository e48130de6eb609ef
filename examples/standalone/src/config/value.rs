//! How the text of a setting becomes a parsed value.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use certlocker_acme::Rate;
use ipnet::IpNet;

use super::database::shown;

/// What is wrong with the text of a setting: what was expected, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(String);

impl Misfit {
    /// The text is not of the expected form; both are shown, the text without what is secret in a
    /// URL.
    pub fn expected(form: &str, seen: &str) -> Self {
        let seen = shown(seen);
        let seen = match seen.split_once('?') {
            Some((place, _)) if place.contains("://") => format!("{place}?***"),
            _ => seen.into_owned(),
        };
        Self(format!("expected {form}, got `{seen}`"))
    }

    /// A whole sentence, for a text that must not be shown or needs more to be said.
    pub fn because(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// How a value is written in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// An array of strings; a flag that can be repeated.
    List,
    /// A bare number.
    Number,
    /// `true` or `false`; a flag that needs no value.
    Switch,
    /// A string.
    Text,
}

/// One value that a setting can hold.
pub trait Scalar: Sized {
    /// How it is written.
    const FORM: Form = Form::Text;
    /// What stands for it in the help text.
    const PLACEHOLDER: &'static str;

    /// Parses the text.
    ///
    /// # Errors
    /// [`Misfit`] says what was expected.
    fn from_text(text: &str) -> Result<Self, Misfit>;
}

/// The value of a setting: a scalar, a scalar that may be missing, or a list of scalars.
pub trait Value: Sized {
    /// How it is written.
    const FORM: Form;
    /// What stands for it in the help text.
    const PLACEHOLDER: &'static str;

    /// Parses all texts that were given for the setting.
    ///
    /// # Errors
    /// [`Misfit`] says what was expected.
    fn from_texts(texts: &[String]) -> Result<Self, Misfit>;
}

impl<T: Scalar> Value for T {
    const FORM: Form = T::FORM;
    const PLACEHOLDER: &'static str = T::PLACEHOLDER;

    fn from_texts(texts: &[String]) -> Result<Self, Misfit> {
        match texts {
            [text] => T::from_text(text),
            _ => Err(Misfit::because(format!(
                "expected exactly one {}, got {}",
                T::PLACEHOLDER,
                texts.len()
            ))),
        }
    }
}

impl<T: Scalar> Value for Option<T> {
    const FORM: Form = T::FORM;
    const PLACEHOLDER: &'static str = T::PLACEHOLDER;

    fn from_texts(texts: &[String]) -> Result<Self, Misfit> {
        if texts.is_empty() {
            return Ok(None);
        }
        <T as Value>::from_texts(texts).map(Some)
    }
}

impl<T: Scalar> Value for Vec<T> {
    const FORM: Form = Form::List;
    const PLACEHOLDER: &'static str = T::PLACEHOLDER;

    fn from_texts(texts: &[String]) -> Result<Self, Misfit> {
        texts.iter().map(|text| T::from_text(text)).collect()
    }
}

impl Scalar for bool {
    const FORM: Form = Form::Switch;
    const PLACEHOLDER: &'static str = "BOOL";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(Misfit::expected("true or false", text)),
        }
    }
}

impl Scalar for PathBuf {
    const PLACEHOLDER: &'static str = "PATH";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        if text.is_empty() {
            return Err(Misfit::because("expected a path, got nothing"));
        }
        Ok(Self::from(text))
    }
}

impl Scalar for SocketAddr {
    const PLACEHOLDER: &'static str = "ADDR:PORT";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let form = "an IP address and a port, such as 127.0.0.1:8443 or [::1]:8443";
        text.parse().map_err(|_| Misfit::expected(form, text))
    }
}

impl Scalar for Rate {
    const PLACEHOLDER: &'static str = "N/SPAN";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let misfit = || Misfit::expected("a number above zero and a span, such as 300/1m", text);
        let (most, within) = text.split_once('/').ok_or_else(misfit)?;
        let within = Duration::from_text(within).map_err(|_| misfit())?;
        let most = most.parse().map_err(|_| misfit())?;
        Ok(Self { most, within })
    }
}

impl Scalar for IpNet {
    const PLACEHOLDER: &'static str = "CIDR";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let form = "an address range, such as 10.0.0.0/8 or fd00::/8";
        let range: Self = text.parse().map_err(|_| Misfit::expected(form, text))?;
        if range.trunc() != range {
            let form = format!("the start of a range, such as {}", range.trunc());
            return Err(Misfit::expected(&form, text));
        }
        Ok(range)
    }
}

impl Scalar for NonZero<u16> {
    const FORM: Form = Form::Number;
    const PLACEHOLDER: &'static str = "N";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        text.parse()
            .map_err(|_| Misfit::expected("a port from 1 to 65535", text))
    }
}

impl Scalar for NonZero<usize> {
    const FORM: Form = Form::Number;
    const PLACEHOLDER: &'static str = "N";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        text.parse()
            .map_err(|_| Misfit::expected("a whole number of at least 1", text))
    }
}

impl Scalar for Duration {
    const PLACEHOLDER: &'static str = "DURATION";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        duration(text).ok_or_else(|| {
            let form = "a whole number with a unit (ms, s, m, h or d), such as 300ms or 90d";
            Misfit::expected(form, text)
        })
    }
}

/// A hundred years: longer spans are mistakes, and would not fit a timestamp.
const LONGEST: Duration = Duration::from_secs(100 * 365 * DAY);
const DAY: u64 = 24 * 3600;

fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let millis_per_unit: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => DAY * 1000,
        _ => return None,
    };
    let millis = number.parse::<u64>().ok()?.checked_mul(millis_per_unit)?;
    Some(Duration::from_millis(millis)).filter(|span| *span <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_with_a_unit() {
        let cases = [
            ("300ms", Some(Duration::from_millis(300))),
            ("0s", Some(Duration::ZERO)),
            ("10s", Some(Duration::from_secs(10))),
            ("5m", Some(Duration::from_secs(300))),
            ("2h", Some(Duration::from_secs(7200))),
            ("90d", Some(Duration::from_secs(90 * 86_400))),
            ("36500d", Some(LONGEST)),
            ("36501d", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
            ("90", None),
            ("d", None),
            ("", None),
            ("1.5h", None),
            ("-1s", None),
            ("1 d", None),
            ("1D", None),
            ("1é", None),
        ];
        for (text, expect) in cases {
            assert_eq!(Duration::from_text(text).ok(), expect, "{text:?}");
        }
    }

    #[test]
    fn a_misfit_shows_what_was_expected_and_what_was_seen() {
        let cases = [
            (
                SocketAddr::from_text("localhost:1").unwrap_err(),
                "such as 127.0.0.1:8443 or [::1]:8443, got `localhost:1`",
            ),
            (
                bool::from_text("yes").unwrap_err(),
                "true or false, got `yes`",
            ),
            (
                NonZero::<u16>::from_text("0").unwrap_err(),
                "1 to 65535, got `0`",
            ),
            (
                NonZero::<usize>::from_text("-1").unwrap_err(),
                "at least 1, got `-1`",
            ),
            (
                IpNet::from_text("10.1.2.3/8").unwrap_err(),
                "such as 10.0.0.0/8, got `10.1.2.3/8`",
            ),
            (PathBuf::from_text("").unwrap_err(), "a path, got nothing"),
            (
                Misfit::expected("a URL", "https://user:hunter2@one.example/?token=hunter2"),
                "a URL, got `https://user:***@one.example/?***`",
            ),
        ];
        for (misfit, expect) in cases {
            assert!(misfit.to_string().ends_with(expect), "{misfit}");
        }
    }

    #[test]
    fn one_value_cannot_be_given_twice_but_a_list_can() {
        let twice = ["1".to_owned(), "2".to_owned()];
        assert!(<NonZero<u16> as Value>::from_texts(&twice).is_err());
        assert!(Option::<NonZero<u16>>::from_texts(&twice).is_err());
        assert_eq!(Vec::<NonZero<u16>>::from_texts(&twice).unwrap().len(), 2);
        assert_eq!(Option::<NonZero<u16>>::from_texts(&[]), Ok(None));
    }
}
