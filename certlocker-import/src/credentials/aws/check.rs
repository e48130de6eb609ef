//! What keys look like.

/// Prefixes of identifiers that are no keys, with what they are
/// ([IAM identifiers](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html)).
const NO_KEYS: &[(&str, &str)] = &[
    ("AGPA", "a group"),
    ("AIDA", "a user"),
    ("AIPA", "an instance profile"),
    ("ANPA", "a policy"),
    ("APKA", "a public key"),
    ("AROA", "a role"),
    ("ASCA", "a certificate"),
];

/// Whether a word has the form of an identifier of a key, or of something else of IAM.
pub(super) fn is_key_id(word: &str) -> bool {
    (16..=128).contains(&word.len())
        && word.starts_with('A')
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// What an identifier is of, if not of a key.
pub(super) fn foreign(id: &str) -> Option<&'static str> {
    NO_KEYS
        .iter()
        .find(|(prefix, _)| id.starts_with(prefix))
        .map(|(_, what)| *what)
}

/// Whether a key with this identifier is of no use without a session token.
pub(super) fn is_temporary(id: &str) -> bool {
    id.starts_with("ASIA")
}

/// The length of every secret access key that AWS has handed out.
pub(super) const SECRET_LENGTH: usize = 40;

/// Whether a word has the form of a secret access key.
pub(super) fn is_secret(word: &str) -> bool {
    word.len() == SECRET_LENGTH && is_base64(word)
}

/// Whether a word has the form of a session token.
pub(super) fn is_session_token(word: &str) -> bool {
    word.len() >= 100 && is_base64(word)
}

/// Whether a word is of the alphabet of base 64 alone.
pub(super) fn is_base64(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'='))
}
