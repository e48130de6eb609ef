//! Where everything is kept.

use std::path::PathBuf;

use super::value::{Misfit, Scalar};

/// A database that this build can open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
}

impl Scalar for Database {
    const PLACEHOLDER: &'static str = "sqlite:PATH";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        // A PostgreSQL URL may hold a password: it is never shown.
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Err(Misfit::because(
                "this build has no PostgreSQL store yet; expected sqlite:PATH",
            ));
        }
        let path = text.strip_prefix("sqlite:").unwrap_or_default();
        if path.is_empty() || path.starts_with(':') || path.starts_with("//") {
            let form = "sqlite:PATH, such as sqlite:/var/lib/certlocker/certlocker.sqlite";
            let seen = text.split("://").next().unwrap_or_default();
            return Err(match text.contains('@') {
                true => Misfit::because(format!("expected {form}, got a `{seen}` URL")),
                false => Misfit::expected(form, text),
            });
        }
        Ok(Self::Sqlite(path.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_a_sqlite_path() {
        let cases = [
            ("sqlite:certlocker.sqlite", Some("certlocker.sqlite")),
            ("sqlite:/var/lib/x y.db", Some("/var/lib/x y.db")),
            ("sqlite:", None),
            ("sqlite::memory:", None),
            ("sqlite://relative", None),
            ("sqlite:///absolute", None),
            ("certlocker.sqlite", None),
            ("mysql://db/certlocker", None),
            ("", None),
        ];
        for (text, expect) in cases {
            let expect = expect.map(|path| Database::Sqlite(path.into()));
            assert_eq!(Database::from_text(text).ok(), expect, "{text}");
        }
    }

    #[test]
    fn a_postgresql_url_is_refused_with_the_reason_and_without_its_password() {
        for scheme in ["postgres", "postgresql", "mysql"] {
            let text = format!("{scheme}://user:hunter2@db/certlocker");
            let misfit = Database::from_text(&text).unwrap_err().to_string();
            assert!(!misfit.contains("hunter2"), "{misfit}");
            assert_eq!(misfit.contains("no PostgreSQL store"), scheme != "mysql");
        }
    }
}
