//! What no certificate may be, whoever asks for it.

use std::time::Duration;

use certlocker_core::IssuedSshCertificate;

/// Whether a certificate may be for root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "yes, or no")]
pub enum RootLogin {
    /// It may; somebody said so.
    Allowed,
    /// It may not.
    #[default]
    Refused,
}

/// Why a certificate is not one to be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lint {
    /// The only command cannot stand in a certificate.
    #[error("a command of 1 to {LONGEST_COMMAND} printable characters of ASCII was expected")]
    Command,
    /// The key is of a kind that sshd refuses, or weak.
    #[error("this key cannot be certified: {0}")]
    Key(&'static str),
    /// It would end before it begins.
    #[error("the certificate would not be valid at any time")]
    NoTime,
    /// It would be valid for every account.
    #[error("a certificate without principals would be valid for every account")]
    NoPrincipals,
    /// A principal is empty, or two.
    #[error("the account was expected to be a name of letters, digits, `.`, `_` and `-`")]
    Principal,
    /// It would be for root.
    #[error("a certificate for root has to be allowed explicitly")]
    Root,
    /// It would be valid for too long.
    #[error("a certificate is valid for {} hours at most", LONGEST.as_secs() / 3_600)]
    TooLong,
}

/// How long a certificate is valid from when it is signed, at most.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// How far before it is signed it begins, for clocks that are slow.
pub(super) const BACKDATE: Duration = Duration::from_secs(120);
const LONGEST_COMMAND: usize = 1_000;

/// Says what is wrong with a certificate, before it is signed.
///
/// # Errors
/// [`Lint`], the first that is found.
pub fn lint(certificate: &IssuedSshCertificate, root: RootLogin) -> Result<(), Lint> {
    let principals = &certificate.principals;
    if principals.is_empty() {
        return Err(Lint::NoPrincipals);
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    let is_one = |text: &String| !text.is_empty() && text.chars().all(fits);
    if !principals.iter().all(is_one) || !crate::export::is_login(&certificate.login) {
        return Err(Lint::Principal);
    }
    let is_root = |text: &str| text.split('@').next() == Some("root");
    let for_root = is_root(&certificate.login) || principals.iter().any(|text| is_root(text));
    if for_root && root == RootLogin::Refused {
        return Err(Lint::Root);
    }
    if certificate.valid_before <= certificate.valid_after.after(BACKDATE) {
        return Err(Lint::NoTime);
    }
    let lasts = certificate.valid_before.since(certificate.valid_after);
    if lasts > LONGEST + BACKDATE {
        return Err(Lint::TooLong);
    }
    match &certificate.force_command {
        Some(command) if !is_command(command) => Err(Lint::Command),
        _ => Ok(()),
    }
}

fn is_command(text: &str) -> bool {
    let printable = |c: char| c.is_ascii_graphic() || c == ' ';
    (1..=LONGEST_COMMAND).contains(&text.len()) && text.chars().all(printable)
}
