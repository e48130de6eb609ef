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
    /// A key that a hardware module keeps.
    #[cfg(feature = "pkcs11")]
    Pkcs11 {
        /// The library that speaks to the module.
        module: PathBuf,
        /// The label of the key.
        object: String,
        /// The file with the PIN.
        pin_file: PathBuf,
        /// The label of the token.
        token: String,
    },
}

const FORM: &str = "file:PATH or credential:NAME, with ;passphrase-file=PATH behind it if a \
    passphrase protects the key, env:VARIABLE, or pkcs11:URI";

impl Scalar for KeySource {
    const PLACEHOLDER: &'static str = "SOURCE";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        if let Some(uri) = text.strip_prefix("pkcs11:") {
            return pkcs11(uri);
        }
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

#[cfg(not(feature = "pkcs11"))]
fn pkcs11(_: &str) -> Result<KeySource, Misfit> {
    Err(Misfit::because(
        "this program is built without PKCS #11 (feature `pkcs11`)",
    ))
}

/// A URI of [RFC 7512](https://www.rfc-editor.org/rfc/rfc7512), of which just these parts are used.
#[cfg(feature = "pkcs11")]
fn pkcs11(uri: &str) -> Result<KeySource, Misfit> {
    let misfit = || {
        Misfit::because(
            "expected pkcs11:token=LABEL;object=LABEL?module-path=PATH&pin-source=PATH, got \
             something else, which is not shown",
        )
    };
    let (path, query) = uri.split_once('?').ok_or_else(misfit)?;
    let mut parts = std::collections::BTreeMap::new();
    for part in path.split(';').chain(query.split('&')) {
        let (name, value) = part.split_once('=').ok_or_else(misfit)?;
        let value = percent_encoding::percent_decode_str(value).decode_utf8();
        let value = value.map_err(|_| misfit())?.into_owned();
        if value.is_empty() || parts.insert(name, value).is_some() {
            return Err(misfit());
        }
    }
    let mut take = |name| parts.remove(name).ok_or_else(misfit);
    let source = KeySource::Pkcs11 {
        module: take("module-path")?.into(),
        object: take("object")?,
        pin_file: take("pin-source")?.trim_start_matches("file:").into(),
        token: take("token")?,
    };
    match parts.is_empty() {
        true => Ok(source),
        false => Err(misfit()),
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

    #[cfg(feature = "pkcs11")]
    #[test]
    fn a_key_of_a_module_is_named_by_a_uri() {
        let uri = "pkcs11:token=my%20token;object=key?module-path=/m.so&pin-source=file:/pin";
        let expect = KeySource::Pkcs11 {
            module: "/m.so".into(),
            object: "key".to_owned(),
            pin_file: "/pin".into(),
            token: "my token".to_owned(),
        };
        assert_eq!(KeySource::from_text(uri), Ok(expect));
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
            "pkcs11:token=t;object=o?module-path=/m&pin-value=hunter2",
            "pkcs11:token=t;object=o;hunter2?module-path=/m&pin-source=/p",
            "pkcs11:token=t;object=o?module-path=/m&pin-source=/p&pin-value=hunter2",
            "env:CERTLOCKER_hunter2",
            "",
        ] {
            let misfit = KeySource::from_text(text).unwrap_err().to_string();
            assert!(!misfit.contains("hunter2"), "{misfit}");
        }
    }
}
