//! The YAML form. Every text is in double quotes: a name such as `no` or `1e3` is a name.

use std::fmt::Write;

use super::super::comments;
use super::{Inventory, Value, Variables};

pub(super) fn text(inventory: &Inventory) -> String {
    let mut text = comments(&inventory.notes);
    text += "all:\n";
    text += &mapping(2, "hosts", inventory.hosts.is_empty());
    for (name, variables) in &inventory.hosts {
        text += &mapping(4, &quoted(name), variables.is_empty());
        text += &lines(6, variables);
    }
    text += &mapping(2, "children", inventory.groups.is_empty());
    for (name, group) in &inventory.groups {
        text += &mapping(
            4,
            &quoted(name),
            group.hosts.is_empty() && group.variables.is_empty(),
        );
        if !group.hosts.is_empty() {
            text += &mapping(6, "hosts", false);
        }
        for member in &group.hosts {
            text += &mapping(8, &quoted(member), true);
        }
        if !group.variables.is_empty() {
            text += &mapping(6, "vars", false);
            text += &lines(8, &group.variables);
        }
    }
    text
}

fn mapping(indent: usize, key: &str, is_empty: bool) -> String {
    let empty = if is_empty { " {}" } else { "" };
    format!("{:indent$}{key}:{empty}\n", "")
}

fn lines(indent: usize, variables: &Variables) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        let value = match value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => quoted(text),
        };
        let _ = writeln!(text, "{:indent$}{name}: {value}", "");
    }
    text
}

/// A double-quoted scalar of printable ASCII
/// ([YAML 1.2.2, section 7.3.1](https://yaml.org/spec/1.2.2/#731-double-quoted-style)).
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match u32::from(c) {
        _ if (c.is_ascii_graphic() && !matches!(c, '"' | '\\')) || c == ' ' => c.to_string(),
        code @ ..=0xff => format!("\\x{code:02X}"),
        code @ ..=0xffff => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
