//! What an endpoint sent, made fit to be shown: printable, and not longer than it takes.

use std::fmt::Write;

const LONGEST: usize = 200;

/// Text with control and format characters escaped and its end cut.
pub(crate) fn text(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if shown.len() >= LONGEST {
            shown.push('…');
            break;
        }
        match character {
            ' '..='~' => shown.push(character),
            other if other.is_alphanumeric() => shown.push(other),
            other => shown.extend(other.escape_default()),
        }
    }
    shown
}

/// Octets as the text that they probably are, or as hexadecimal.
pub(crate) fn octets(octets: &[u8]) -> String {
    let line = octets
        .split(|octet| matches!(octet, b'\r' | b'\n'))
        .next()
        .unwrap_or_default();
    match std::str::from_utf8(line) {
        Ok(line) if !line.chars().any(char::is_control) => text(line),
        _ => octets
            .iter()
            .take(LONGEST / 8)
            .fold(String::from("0x"), |mut shown, octet| {
                let _ = write!(shown, "{octet:02x}");
                shown
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped() {
        assert_eq!(text("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
        assert_eq!(octets(b"\x1b[0m"), "0x1b5b306d");
    }

    #[test]
    fn what_is_long_is_cut() {
        assert!(text(&"a".repeat(5000)).len() < 250);
        assert!(octets(&[0; 5000]).len() < 250);
    }

    #[test]
    fn of_text_the_first_line_is_shown() {
        assert_eq!(octets(b"500 no\r\nmore"), "500 no");
    }
}
