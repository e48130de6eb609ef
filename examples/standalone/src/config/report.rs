//! What `config check` shows.

use std::fmt;

use serde::Serialize;

use super::Loaded;
use super::database::shown;
use super::draft::Entry;
use super::origin::Origin;
use super::sink::shown as shown_sink;
use super::table::{Setting, TABLE};
use super::value::Form;

/// Every setting with its value and where that came from; Display is a table, serde the same for
/// programs.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Report(Vec<Line>);

#[derive(Debug, Serialize)]
struct Line {
    key: String,
    value: serde_json::Value,
    origin: &'static str,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

impl Report {
    /// Tells what was loaded.
    pub fn of(loaded: &Loaded) -> Self {
        let pairs = TABLE.iter().zip(&loaded.entries);
        Self(pairs.map(|(setting, entry)| line(setting, entry)).collect())
    }
}

fn line(setting: &Setting, entry: &Entry) -> Line {
    Line {
        key: setting.key(),
        value: value(setting, entry),
        origin: entry.origin.kind(),
        from: entry.origin.to_string(),
        line: match entry.origin {
            Origin::File { line, .. } => Some(line),
            _ => None,
        },
    }
}

fn value(setting: &Setting, entry: &Entry) -> serde_json::Value {
    let one = entry.texts.first();
    match (setting.form, one) {
        (Form::List, _) => entry.texts.iter().map(|text| shown_sink(text)).collect(),
        (Form::Number, Some(text)) => text
            .parse::<u64>()
            .map_or_else(|_| text.clone().into(), Into::into),
        (Form::Switch, Some(text)) => matches!(text.as_str(), "true" | "1").into(),
        (_, text) => text.map(|text| shown(text)).into(),
    }
}

impl Line {
    fn shown(&self) -> String {
        match &self.value {
            serde_json::Value::Null => "-".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(texts) if texts.is_empty() => "-".to_owned(),
            serde_json::Value::Array(texts) => {
                let texts: Vec<_> = texts.iter().filter_map(|text| text.as_str()).collect();
                texts.join(", ")
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self
            .0
            .iter()
            .map(|line| (line.key.as_str(), line.shown(), line.from.as_str()));
        let rows: Vec<_> = [("KEY", "VALUE".to_owned(), "FROM")]
            .into_iter()
            .chain(rows)
            .collect();
        let width =
            |column: fn(&(&str, String, &str)) -> usize| rows.iter().map(column).max().unwrap_or(0);
        let (keys, values) = (width(|row| row.0.len()), width(|row| row.1.chars().count()));
        for (key, value, from) in &rows {
            writeln!(f, "{key:keys$}  {value:values$}  {from}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigFile, Sources, load};
    use super::*;

    fn report() -> Report {
        let file = ConfigFile {
            path: "c.toml".into(),
            text: "\nopen-registration = true\nlisten = ['127.0.0.1:1', '[::1]:1']".to_owned(),
        };
        let environment = vec![("CERTLOCKER_HTTP01_PORT".into(), "5002".into())];
        let sources = Sources {
            file: Some(file),
            environment,
            ..Sources::default()
        };
        Report::of(&load(&sources).unwrap())
    }

    #[test]
    fn the_table_shows_key_value_and_where_it_came_from() {
        let text = report().to_string();
        let words = |key: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.starts_with(key));
            line.unwrap()
                .split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(words("KEY"), ["KEY", "VALUE", "FROM"]);
        assert_eq!(words("open-reg"), ["open-registration", "true", "c.toml:2"]);
        assert_eq!(
            words("listen"),
            ["listen", "127.0.0.1:1, [::1]:1", "c.toml:3"]
        );
        assert_eq!(
            words("http01"),
            ["http01-port", "5002", "environment CERTLOCKER_HTTP01_PORT"]
        );
        assert_eq!(words("resolver"), ["resolver", "-", "default"]);
        assert_eq!(
            words("public"),
            [
                "public-url",
                "https://127.0.0.1:1",
                "default (from the first listen)"
            ]
        );
    }

    #[test]
    fn programs_get_typed_values() {
        let json = serde_json::to_value(report()).unwrap();
        let line = |key: &str| {
            json.as_array()
                .unwrap()
                .iter()
                .find(|line| line["key"] == key)
                .unwrap()
                .clone()
        };
        assert_eq!(
            line("open-registration"),
            serde_json::json!({"key": "open-registration", "value": true, "origin": "file", "from": "c.toml:2", "line": 2})
        );
        assert_eq!(line("http01-port")["value"], 5002);
        assert_eq!(
            line("listen")["value"],
            serde_json::json!(["127.0.0.1:1", "[::1]:1"])
        );
        assert_eq!(line("resolver")["value"], serde_json::Value::Null);
        assert_eq!(line("resolver")["origin"], "default");
    }
}
