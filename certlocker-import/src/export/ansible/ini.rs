//! The INI form. Ansible splits the line of a host as a shell does and then reads each value as a literal of
//! Python; in a section of variables it does the latter alone.

use std::fmt::Write;

use super::super::comments;
use super::{Inventory, Value};

pub(super) fn text(inventory: &Inventory) -> String {
    let mut text = comments(&inventory.notes);
    // What stands before the first section is in no group.
    for name in &inventory.ungrouped {
        text += &host(inventory, name);
    }
    let in_groups = inventory.hosts.keys();
    let mut unsaid: Vec<&String> = in_groups
        .filter(|name| !inventory.ungrouped.contains(*name))
        .collect();
    for (name, group) in &inventory.groups {
        let _ = write!(text, "\n[{name}]\n");
        for member in &group.hosts {
            // The variables of a host are said once.
            let before = unsaid.len();
            unsaid.retain(|name| *name != member);
            text += &match unsaid.len() < before {
                true => host(inventory, member),
                false => format!("{member}\n"),
            };
        }
        if !group.variables.is_empty() {
            let _ = write!(text, "\n[{name}:vars]\n");
        }
        for (variable, value) in &group.variables {
            let _ = writeln!(text, "{variable}={}", literal(value));
        }
    }
    text
}

fn host(inventory: &Inventory, name: &str) -> String {
    let variables = inventory.hosts[name].iter();
    let words = variables.map(|(variable, value)| format!(" {variable}={}", word(value)));
    format!("{name}{}\n", words.collect::<String>())
}

/// A literal that a shell takes for one word: it has no `'` in it.
fn word(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(_) => format!("'{}'", literal(value)),
    }
}

/// A literal of Python, in printable ASCII without any quote but those around it.
fn literal(value: &Value) -> String {
    let text = match value {
        Value::Number(number) => return number.to_string(),
        Value::Text(text) => text,
    };
    let escaped = text.chars().map(|c| match u32::from(c) {
        _ if (c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\')) || c == ' ' => c.to_string(),
        code @ ..=0xff => format!("\\x{code:02x}"),
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_literal_that_a_shell_takes_for_one_word() {
        for (text, expect) in [
            ("10.0.0.1", r#"'"10.0.0.1"'"#),
            ("a b#c", r#"'"a b#c"'"#),
            ("it's", r#"'"it\x27s"'"#),
            ("\"\\", r#"'"\x22\x5c"'"#),
            ("é\n\u{2028}😀", r#"'"\xe9\x0a\u2028\U0001f600"'"#),
        ] {
            assert_eq!(word(&Value::Text(text.to_owned())), expect);
        }
        assert_eq!(word(&Value::Number(22)), "22");
    }
}
