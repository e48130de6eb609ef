//! Which uploaded key belongs to a cloud's key pair.

use std::collections::BTreeSet;
use std::fmt;

use certlocker_core::{SshKey, Timestamp};

use super::{CloudFingerprint, Form, KeyFile};

/// A key pair as a cloud lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "what clouds say of a key pair")]
pub struct KeyPair {
    /// When it was made: a host that is older has another key, whatever its name.
    pub created: Option<Timestamp>,
    /// Its fingerprint.
    pub fingerprint: Option<CloudFingerprint>,
    /// Its name; unique within its region or user.
    pub name: String,
    /// The public key, if the cloud gives it.
    pub public: Option<SshKey>,
}

/// What shows that a key belongs to a key pair, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proof {
    /// The public keys are the same.
    PublicKey,
    /// A fingerprint is the same.
    Fingerprint(Form),
    /// The file has the name of the key pair, and nothing else is known of it.
    Name,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicKey => f.write_str("same public key"),
            Self::Fingerprint(form) => write!(f, "same fingerprint ({form})"),
            Self::Name => f.write_str("same name only"),
        }
    }
}

/// Which key belongs to a key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "one, or a question")]
pub enum KeyMatch {
    /// This one.
    Found {
        /// The name of its file.
        file: String,
        /// The public key.
        key: SshKey,
        /// What shows it.
        proof: Proof,
    },
    /// A person has to say.
    Question(KeyQuestion),
}

/// Why a person has to say which key it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyQuestion {
    /// A file has the right name and is another key.
    #[error("`{0}` has the name of the key pair, and is another key")]
    Contradicted(String),
    /// Nothing fits.
    #[error("no key that was given belongs to the key pair `{0}`")]
    Nothing(String),
    /// Different keys fit equally well.
    #[error("several keys may belong to the key pair: {}", .0.join(", "))]
    Several(Vec<String>),
}

/// Finds the key of a key pair: by public key, then by fingerprint, then by name.
pub fn match_key(pair: &KeyPair, files: &[KeyFile]) -> KeyMatch {
    let proven: Vec<(&KeyFile, Proof)> = files
        .iter()
        .filter_map(|file| Some((file, proof(pair, file)?)))
        .collect();
    if !proven.is_empty() {
        return choose(&proven);
    }
    let named: Vec<(&KeyFile, Proof)> = files
        .iter()
        .filter(|file| file.stem() == pair.name)
        .map(|file| (file, Proof::Name))
        .collect();
    match named.first() {
        None => KeyMatch::Question(KeyQuestion::Nothing(pair.name.clone())),
        Some((file, _)) if pair.public.is_some() || pair.fingerprint.is_some() => {
            KeyMatch::Question(KeyQuestion::Contradicted(file.name().to_owned()))
        }
        Some(_) => choose(&named),
    }
}

fn proof(pair: &KeyPair, file: &KeyFile) -> Option<Proof> {
    if let Some(public) = &pair.public {
        return (public == file.public()).then_some(Proof::PublicKey);
    }
    let fingerprint = pair.fingerprint.as_ref()?;
    file.form_of(fingerprint).map(Proof::Fingerprint)
}

/// One key under two names is still one.
fn choose(fitting: &[(&KeyFile, Proof)]) -> KeyMatch {
    let keys: BTreeSet<&SshKey> = fitting.iter().map(|(file, _)| file.public()).collect();
    let (file, proof) = fitting[0];
    if keys.len() > 1 {
        let files = fitting.iter().map(|(file, _)| file.name().to_owned());
        return KeyMatch::Question(KeyQuestion::Several(files.collect()));
    }
    KeyMatch::Found {
        file: file.name().to_owned(),
        key: file.public().clone(),
        proof,
    }
}
