//! The layer of the configuration file.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::Entry;
use super::error::{ConfigError, nearest};
use super::origin::Origin;
use super::table::{Setting, TABLE};
use super::value::Misfit;

/// A configuration file that was read.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConfigFile {
    /// Where it was.
    pub path: PathBuf,
    /// What was in it.
    pub text: String,
}

/// Without what was in it: passwords, perhaps.
impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigFile").field(&self.path).finish()
    }
}

impl ConfigFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`], also when it is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self {
                path: path.to_owned(),
                text,
            }),
            Err(reason) => Err(ConfigError::Unreadable {
                path: path.to_owned(),
                reason,
            }),
        }
    }

    pub(super) fn layer(&self) -> Result<Vec<Entry>, ConfigError> {
        let table = DeTable::parse(&self.text).map_err(|error| self.syntax(&error))?;
        let keys = table.get_ref().iter();
        keys.map(|(key, value)| self.entry(key.get_ref(), &key.span(), value))
            .collect()
    }

    fn entry(
        &self,
        key: &str,
        span: &Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Entry, ConfigError> {
        let line = self.line(span.start);
        let setting = TABLE.iter().find(|row| row.key() == key);
        let setting = setting.ok_or_else(|| self.unknown(key, line))?;
        let origin = Origin::File {
            path: self.path.clone(),
            line,
        };
        match texts(setting, value.get_ref()) {
            Ok(texts) => Ok(Entry {
                field: setting.field,
                origin,
                texts,
            }),
            Err(misfit) => Err(ConfigError::Misfit {
                key: key.to_owned(),
                misfit,
                origin,
            }),
        }
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.bytes().take(offset);
        1 + before.filter(|byte| *byte == b'\n').count()
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        ConfigError::Syntax {
            path: self.path.clone(),
            line: self.line(error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        }
    }

    fn unknown(&self, key: &str, line: usize) -> ConfigError {
        ConfigError::UnknownKey {
            path: self.path.clone(),
            line,
            key: key.to_owned(),
            nearest: nearest(key, TABLE.iter().map(Setting::key)),
        }
    }
}

fn texts(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, Misfit> {
    match value {
        DeValue::Array(values) => values
            .iter()
            .map(|value| text(setting, value.get_ref()))
            .collect(),
        value => Ok(vec![text(setting, value)?]),
    }
}

fn text(setting: &Setting, value: &DeValue<'_>) -> Result<String, Misfit> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Boolean(is) => Ok(is.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        other => Err(Misfit::because(format!(
            "expected {} as text, a number or true or false, got {} value",
            setting.placeholder,
            other.type_str()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Vec<Entry>, String> {
        let file = ConfigFile {
            path: "c.toml".into(),
            text: text.to_owned(),
        };
        file.layer().map_err(|error| error.to_string())
    }

    #[test]
    fn every_toml_form_of_a_value_is_read_as_its_text() {
        let cases: [(&str, &[&str]); 6] = [
            ("data-dir = '/srv'", &["/srv"]),
            ("http01-port = 5002", &["5002"]),
            ("http01-port = '5002'", &["5002"]),
            ("open-registration = true", &["true"]),
            (
                "listen = ['127.0.0.1:1', '[::1]:1']",
                &["127.0.0.1:1", "[::1]:1"],
            ),
            ("listen = '127.0.0.1:1'", &["127.0.0.1:1"]),
        ];
        for (text, expect) in cases {
            assert_eq!(check(text).unwrap()[0].texts, expect, "{text}");
        }
    }

    #[test]
    fn an_entry_knows_its_line() {
        let layer = check("# first\n\ndata-dir = 'x'\nlisten = [\n'127.0.0.1:1',\n]\n").unwrap();
        let lines: Vec<_> = layer.iter().map(|entry| entry.origin.to_string()).collect();
        assert_eq!(lines, ["c.toml:3", "c.toml:4"]);
    }

    #[test]
    fn errors_name_the_file_the_line_and_the_key() {
        let cases = [
            (
                "\nlistn = 'x'",
                "c.toml:2: unknown key `listn`; did you mean `listen`?",
            ),
            (
                "data_dir = 'x'",
                "c.toml:1: unknown key `data_dir`; did you mean `data-dir`?",
            ),
            (
                "zzz = 1",
                "c.toml:1: unknown key `zzz`; `certlocker config example` lists all",
            ),
            ("[storage]\nx = 1", "c.toml:1: unknown key `storage`"),
            (
                "listen = {}",
                "listen: expected ADDR:PORT as text, a number or true or false, got table value (c.toml:1)",
            ),
            ("listen = [['x']]", "got array value (c.toml:1)"),
            ("answer-wait = 0.3", "got float value (c.toml:1)"),
            ("\n\nlisten =", "c.toml:3: not valid TOML: "),
            (
                "listen = 'a'\nlisten = 'b'",
                "c.toml:2: not valid TOML: duplicate key",
            ),
        ];
        for (text, expect) in cases {
            let error = check(text).unwrap_err();
            assert!(error.contains(expect), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = ConfigFile::read(Path::new("/nonexistent/c.toml"))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("cannot read the configuration file /nonexistent/c.toml: "),
            "{error}"
        );
    }
}
