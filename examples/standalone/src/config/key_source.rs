//! Where a key that wraps secrets comes from.

use std::path::PathBuf;

use super::value::{Misfit, Scalar};

/// Where a key comes from; never the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    /// A credential that the service manager hands to this process, by its name.
    Credential {
        /// Its name.
        name: String,
        /// The file with the passphrase that protects it, if one does.
        passphrase_file: Option<PathBuf>,
    },
    /// An environment variable with the key in base64.
    Environment(String),
    /// A file.
    File {
        /// The file with the passphrase that protects it, if one does.
        passphrase_file: Option<PathBuf>,
        /// Where it is.
        path: PathBuf,
    },
}

const FORM: &str = "file:PATH or credential:NAME, with ;passphrase-file=PATH behind it if a \
    passphrase protects the key, or env:VARIABLE";

impl Scalar for KeySource {
    const PLACEHOLDER: &'static str = "SOURCE";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        let (source, passphrase_file) = match text.split_once(";passphrase-file=") {
            Some((source, file)) if !file.is_empty() => (source, Some(file.into())),
            Some(_) => return Err(misfit()),
            None => (text, None),
        };
        match source.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File {
                passphrase_file,
                path: path.into(),
            }),
            Some(("credential", name)) if is_name(name) => Ok(Self::Credential {
                name: name.to_owned(),
                passphrase_file,
            }),
            Some(("env", name)) if name.starts_with("CERTLOCKER_") => Err(Misfit::because(
                "expected a variable that is no setting: their names begin with CERTLOCKER_",
            )),
            Some(("env", name)) if is_name(name) && passphrase_file.is_none() => {
                Ok(Self::Environment(name.to_owned()))
            }
            _ => Err(misfit()),
        }
    }
}

/// Whoever puts the key itself here does not find it in the log.
fn misfit() -> Misfit {
    Misfit::because(format!(
        "expected {FORM}, got something else, which is not shown"
    ))
}

/// Names of files and of variables: no path, no value.
fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_a_kind_and_a_name() {
        let file = |path: &str, passphrase: Option<&str>| KeySource::File {
            passphrase_file: passphrase.map(PathBuf::from),
            path: path.into(),
        };
        let cases = [
            ("file:/k", file("/k", None)),
            ("file:k;passphrase-file=/p", file("k", Some("/p"))),
            (
                "credential:certlocker.key",
                KeySource::Credential {
                    name: "certlocker.key".to_owned(),
                    passphrase_file: None,
                },
            ),
            (
                "env:MASTER_KEY",
                KeySource::Environment("MASTER_KEY".to_owned()),
            ),
        ];
        for (text, expect) in cases {
            assert_eq!(KeySource::from_text(text), Ok(expect), "{text}");
        }
    }

    #[test]
    fn what_is_no_source_is_refused_and_not_shown() {
        for text in [
            "hunter2",
            "file:",
            "file:/k;passphrase-file=",
            "file:hunter2;passphrase-file=",
            "credential:../hunter2",
            "credential:",
            "env:hunter2=",
            "env:KEY;passphrase-file=/hunter2",
            "base64:hunter2",
            "env:CERTLOCKER_hunter2",
            "",
        ] {
            let misfit = KeySource::from_text(text).unwrap_err().to_string();
            assert!(!misfit.contains("hunter2"), "{misfit}");
        }
    }
}
