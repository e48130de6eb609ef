//! What commands print: tables for people, JSON for programs.

use std::io::{self, Write};

use serde::Serialize;

/// How a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "for people or for programs")]
pub enum Output {
    /// JSON.
    Json,
    /// Tables and sentences.
    Text,
}

impl Output {
    /// Prints `value` as JSON, or what `text` makes of it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn print<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> io::Result<()> {
        let line = match self {
            Self::Json => serde_json::to_string_pretty(value).map_err(io::Error::other)?,
            Self::Text => text(value),
        };
        say(line.trim_end())
    }
}

/// Prints a line. A reader that is gone, as `head` is once it has enough, misses nothing.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn say(line: &str) -> io::Result<()> {
    said(writeln!(io::stdout().lock(), "{line}"))
}

fn said(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Columns under headings, each as wide as its widest cell.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let heading: Vec<String> = headings
        .iter()
        .map(|heading| heading.to_uppercase())
        .collect();
    let lines: Vec<String> = std::iter::once(line(&heading))
        .chain(rows.iter().map(|row| line(row)))
        .collect();
    lines.join("\n")
}

/// Names and values, one a line.
pub fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let shown = facts.iter().filter(|(_, value)| !value.is_empty());
    let lines: Vec<String> = shown
        .map(|(name, value)| format!("{name:width$}  {value}"))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_is_gone_is_no_failure_and_a_full_disk_is() {
        assert!(said(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(said(Err(io::ErrorKind::StorageFull.into())).is_err());
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            vec!["a".to_owned(), "long cell".to_owned()],
            vec!["bcd".to_owned(), "x".to_owned()],
        ];
        assert_eq!(
            table(&["id", "name"], &rows),
            "ID   NAME\na    long cell\nbcd  x"
        );
    }

    #[test]
    fn facts_without_a_value_are_left_out() {
        assert_eq!(
            facts(&[
                ("one", "1".into()),
                ("none", String::new()),
                ("seven", "7".into())
            ]),
            "one    1\nseven  7"
        );
    }
}
