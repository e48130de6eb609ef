//! A token as its holder has it: an id that anybody may know, a secret, and a checksum.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::TokenDigest;
use crate::{Random, Timestamp, TokenId};

/// The text of a token: `cl_`, its [`TokenId`], a secret, and a checksum over all before it, so that
/// a typo is told without a look-up, and a scanner of repositories has no false alarms. All of it is
/// upper-case Crockford base 32, which a double-click selects as one word.
///
/// No Debug that shows it, no Serialize, no Clone; overwritten when dropped.
pub struct TokenText {
    id: TokenId,
    text: Zeroizing<String>,
}

const PREFIX: &str = "cl_";
const ID: usize = 26;
/// Five bits each.
const SECRET: usize = 40;
/// Thirty-two bits.
const CHECKSUM: usize = 7;
const BODY: usize = ID + SECRET;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl TokenText {
    /// A text for a new token.
    pub fn draw(random: Random<'_>, now: Timestamp) -> Self {
        Self::of(TokenId::new(now, &mut *random), random)
    }

    /// A text with another secret for the token with this id.
    pub fn of(id: TokenId, random: Random<'_>) -> Self {
        let mut secret = Zeroizing::new([0; SECRET]);
        random(&mut secret[..]);
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + BODY + CHECKSUM));
        text.push_str(PREFIX);
        text.push_str(&id.to_string());
        text.extend(secret.iter().map(|byte| digit(u32::from(*byte))));
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Self { id, text }
    }

    /// Its public id.
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// Shows the text to whoever is to have it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is kept of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::new(Sha256::digest(self.text.as_bytes()).into())
    }
}

fn digit(value: u32) -> char {
    char::from(ALPHABET[value as usize % ALPHABET.len()])
}

fn checksum(text: &str) -> String {
    let sum = crc32fast::hash(text.as_bytes());
    let shifts = (0..CHECKSUM as u32).rev().map(|place| 5 * place);
    shifts.map(|shift| digit(sum >> shift)).collect()
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenText({})", self.id)
    }
}

impl FromStr for TokenText {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let body = text.strip_prefix(PREFIX).ok_or(InvalidToken::Prefix)?;
        if body.len() != BODY + CHECKSUM {
            return Err(InvalidToken::Length(text.chars().count()));
        }
        if !body.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Err(InvalidToken::Alphabet);
        }
        let (signed, given) = text.split_at(PREFIX.len() + BODY);
        if checksum(signed) != given {
            return Err(InvalidToken::Checksum);
        }
        let id = body[..ID].parse().map_err(|_| InvalidToken::Checksum)?;
        let text = Zeroizing::new(text.to_owned());
        Ok(Self { id, text })
    }
}

/// A text that is no token; it is not shown, as it may nearly be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidToken {
    /// A character is none of a token's.
    #[error(
        "this is no token: after `{PREFIX}` come digits and upper-case letters, without I, L, O and U"
    )]
    Alphabet,
    /// The checksum does not fit.
    #[error(
        "this is no token: a character of it was changed or two were swapped, as its checksum tells"
    )]
    Checksum,
    /// It is too long or too short.
    #[error("this is no token: it has {0} characters, and {all} were expected", all = PREFIX.len() + BODY + CHECKSUM)]
    Length(usize),
    /// It does not begin as a token does.
    #[error("this is no token: `{PREFIX}…` was expected")]
    Prefix,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> TokenText {
        let mut next = 0u8;
        let mut random = |bytes: &mut [u8]| {
            bytes.fill_with(|| {
                next = next.wrapping_add(37);
                next
            });
        };
        TokenText::draw(&mut random, Timestamp::from_seconds(1_700_000_000))
    }

    /// Pinned, as scanners know the form. CRC-32 is that of ISO-HDLC.
    #[test]
    fn the_form_is_the_known_one() {
        let text = token().expose().to_owned();
        assert_eq!(text, KNOWN);
        assert_eq!(text.parse::<TokenText>().unwrap().id(), token().id());
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
    }

    const KNOWN: &str =
        "cl_01HF7YAT000CM4TWMQQKGGCATGNTZ49EKRX27CHPV05AFMSY38DJQW16BGNTZ49EKR02GWEE3";

    #[test]
    fn every_changed_character_is_noticed_and_none_is_shown() {
        let text = token().expose().to_owned();
        for place in 0..text.len() {
            for digit in ALPHABET.iter().chain(b"-lo ") {
                let mut changed = text.clone().into_bytes();
                if std::mem::replace(&mut changed[place], *digit) == *digit {
                    continue;
                }
                let changed = String::from_utf8(changed).unwrap();
                let error = changed.parse::<TokenText>().unwrap_err().to_string();
                assert!(!error.contains(&changed[20..30]), "{error}");
            }
        }
    }

    #[test]
    fn what_is_too_long_too_short_or_something_else_is_no_token() {
        let text = token().expose().to_owned();
        for (bad, error) in [
            (format!("{text}0"), InvalidToken::Length(77)),
            (text[..75].to_owned(), InvalidToken::Length(75)),
            (text.to_lowercase(), InvalidToken::Alphabet),
            (text.replace("cl_", "ghp_"), InvalidToken::Prefix),
            (String::new(), InvalidToken::Prefix),
        ] {
            assert_eq!(bad.parse::<TokenText>().unwrap_err(), error, "{bad}");
        }
    }

    #[test]
    fn a_text_does_not_show_itself() {
        let token = token();
        let shown = format!("{token:?}");
        assert!(shown.contains(&token.id().to_string()), "{shown}");
        assert!(!shown.contains(&token.expose()[BODY - 8..BODY]), "{shown}");
    }
}
