//! Where everything is kept.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use certlocker_core::PostgresStore;

use super::value::{Misfit, Scalar};

/// A database.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Database {
    /// The URL of a PostgreSQL database; it may hold a password.
    Postgres(String),
    /// A file.
    Sqlite(PathBuf),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(url) => f.debug_tuple("Postgres").field(&shown(url)).finish(),
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
        }
    }
}

/// A text as it may be shown: without the password of a URL.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    let Some((user, place)) = rest.rsplit_once('@') else {
        return Cow::Borrowed(text);
    };
    match user.split_once(':') {
        Some((name, _)) => Cow::Owned(format!("{scheme}://{name}:***@{place}")),
        None => Cow::Borrowed(text),
    }
}

impl Scalar for Database {
    const PLACEHOLDER: &'static str = "sqlite:PATH|postgres://…";

    fn from_text(text: &str) -> Result<Self, Misfit> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let accepted = PostgresStore::accepts(text);
            return accepted
                .map(|()| Self::Postgres(text.to_owned()))
                .map_err(|error| Misfit::because(error.to_string()));
        }
        let path = text.strip_prefix("sqlite:").unwrap_or_default();
        if path.is_empty() || path.starts_with(':') || path.starts_with("//") {
            let form = "sqlite:PATH, such as sqlite:/var/lib/certlocker/certlocker.sqlite, or \
                postgres://USER@HOST/DATABASE";
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
    fn a_postgresql_url_is_taken_if_it_reads_and_its_password_is_not_shown() {
        let url = "postgres://user:hunter2@one,two:5433/certlocker?sslmode=require";
        let database = Database::from_text(url).unwrap();
        assert_eq!(database, Database::Postgres(url.to_owned()));
        let debug = format!("{database:?}");
        assert!(debug.contains("user:***@one,two:5433/certlocker") && !debug.contains("hunter2"));
        for text in [
            "postgres://user:hunter2@db:port/certlocker",
            "postgresql://user:hunter2@db/certlocker?sslmode=maybe",
            "mysql://user:hunter2@db/certlocker",
        ] {
            let misfit = Database::from_text(text).unwrap_err().to_string();
            assert!(!misfit.contains("hunter2"), "{misfit}");
        }
    }
}
