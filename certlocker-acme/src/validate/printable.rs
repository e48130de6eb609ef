//! Bytes of a stranger as text that is safe to store and to show.

/// `bytes` with everything but printable ASCII escaped, and cut after `limit` bytes with an
/// ellipsis.
///
/// A line feed becomes `\n`, other bytes `\xNN`, and a backslash is doubled, so that the text says
/// exactly what was there.
pub fn printable(bytes: &[u8], limit: usize) -> String {
    let mut text = String::new();
    for &byte in bytes.iter().take(limit) {
        match byte {
            b'"' | b'\'' => text.push(char::from(byte)),
            _ => text.extend(byte.escape_ascii().map(char::from)),
        }
    }
    if bytes.len() > limit {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_bytes_are_escaped_and_long_ones_cut() {
        for (bytes, expected) in [
            (b"plain text".as_slice(), "plain text"),
            (b"a\r\n\tb", "a\\r\\n\\tb"),
            (b"\x1b[31mred", "\\x1b[31mred"),
            (b"back\\slash \"quoted\"", "back\\\\slash \"quoted\""),
            ("ü".as_bytes(), "\\xc3\\xbc"),
            (b"0123456789012345678901", "01234567890123456789…"),
            (b"01234567890123456789", "01234567890123456789"),
        ] {
            assert_eq!(printable(bytes, 20), expected);
        }
    }
}
