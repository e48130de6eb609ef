//! Passwords and sign-in codes of people.

use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use certlocker_core::{PasswordHash, Secret, Timestamp};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

/// Why a password or a key cannot be worked with.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

fn unusable(error: impl std::fmt::Display) -> Unusable {
    Unusable(error.to_string())
}

const SALT: usize = 16;
/// Five bits each.
const LETTERS: usize = 20;
const GROUP: usize = 5;

/// A random password that can be read out: groups of letters and digits without look-alikes.
pub fn new_password() -> Zeroizing<String> {
    const ALPHABET: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";
    let mut octets = Zeroizing::new([0; LETTERS]);
    crate::random::fill(&mut octets[..]);
    let mut password = Zeroizing::new(String::with_capacity(LETTERS + LETTERS / GROUP));
    for (place, octet) in octets.iter().enumerate() {
        if place > 0 && place % GROUP == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[usize::from(octet % 32)]));
    }
    password
}

/// Argon2id of a password, slow on purpose.
///
/// # Errors
/// [`Unusable`].
pub fn hash(password: &str) -> Result<PasswordHash, Unusable> {
    let mut salt = [0; SALT];
    crate::random::fill(&mut salt);
    let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(PasswordHash::new(hashed.map_err(unusable)?.to_string()))
}

/// Whether a password is the one that was hashed, slowly.
pub fn is_password(password: &str, hash: &PasswordHash) -> bool {
    let verified = Argon2::default().verify_password(password.as_bytes(), hash.as_str());
    verified.is_ok()
}

/// Takes as long as [`is_password`], for somebody who has none.
pub fn is_nobodys_password(password: &str) {
    static NOBODYS: OnceLock<Option<PasswordHash>> = OnceLock::new();
    if let Some(hash) = NOBODYS.get_or_init(|| hash(&new_password()).ok()) {
        is_password(password, hash);
    }
}

/// RFC 4226 section 4 asks for that many.
const KEY_OCTETS: usize = 20;

/// A random key for sign-in codes.
pub fn new_code_key() -> Secret {
    let mut octets = vec![0; KEY_OCTETS];
    crate::random::fill(&mut octets);
    Secret::new(octets)
}

/// The URL from which a person's device takes the key.
///
/// # Errors
/// [`Unusable`].
pub fn code_url(key: &Secret, name: &str) -> Result<Zeroizing<String>, Unusable> {
    let url = codes(key, name)?.to_url().map_err(unusable)?;
    Ok(Zeroizing::new(url))
}

/// The time step of a code, if it is one of a key around `now`
/// ([RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)).
///
/// # Errors
/// [`Unusable`].
pub fn code_step(key: &Secret, code: &str, now: Timestamp) -> Result<Option<u64>, Unusable> {
    let seconds = u64::try_from(now.as_seconds()).unwrap_or(0);
    Ok(codes(key, "code")?.check(code.trim(), seconds))
}

fn codes(key: &Secret, name: &str) -> Result<Totp, Unusable> {
    let builder = Builder::new()
        .with_secret(key.expose().to_vec())
        .with_account_name(name)
        .with_issuer(Some("CertLocker"));
    builder.build().map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_only_itself_and_is_hashed_with_argon2id() {
        let password = new_password();
        let hashed = hash(&password).unwrap();
        assert!(hashed.as_str().starts_with("$argon2id$v=19$"));
        assert!(is_password(&password, &hashed));
        assert!(!is_password("another", &hashed));
        assert_ne!(hash(&password).unwrap().as_str(), hashed.as_str());
    }

    /// RFC 6238 appendix B, its last six digits.
    #[test]
    fn codes_are_those_of_the_standard_once_a_step_to_either_side() {
        let key = Secret::new(b"12345678901234567890".to_vec());
        let at = Timestamp::from_seconds;
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (20_000_000_000, "353130"),
        ] {
            let step = u64::try_from(second).unwrap() / 30;
            assert_eq!(code_step(&key, code, at(second)).unwrap(), Some(step));
            assert_eq!(code_step(&key, code, at(second + 30)).unwrap(), Some(step));
            assert_eq!(code_step(&key, code, at(second + 90)).unwrap(), None);
        }
        assert_eq!(code_step(&key, "x", at(59)).unwrap(), None);
    }

    #[test]
    fn a_device_takes_the_key_from_a_url() {
        let key = Secret::new(b"12345678901234567890".to_vec());
        let url = code_url(&key, "ann").unwrap();
        assert!(url.starts_with("otpauth://totp/"), "{}", *url);
        assert!(
            url.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{}",
            *url
        );
    }
}
