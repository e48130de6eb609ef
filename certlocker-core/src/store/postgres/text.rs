//! Text that PostgreSQL takes: all of it, though the database refuses a NUL.

use std::borrow::Cow;

const ESCAPE: char = '\u{1}';

/// `text` without NUL; the order of two texts is that of what they become.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().flat_map(|char| match char {
        '\0' => [Some(ESCAPE), Some('\u{1}')],
        ESCAPE => [Some(ESCAPE), Some('\u{2}')],
        other => [Some(other), None],
    });
    Cow::Owned(escaped.flatten().collect())
}

/// What was stored as `text`.
pub(super) fn read(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    let mut chars = text.chars();
    let mut read = String::with_capacity(text.len());
    while let Some(char) = chars.next() {
        let escaped = (char == ESCAPE).then(|| chars.next()).flatten();
        read.push(match escaped {
            Some('\u{1}') => '\0',
            _ => char,
        });
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back_and_sorts_as_before() {
        let mut texts = [
            "",
            "\0",
            "\0\0",
            "\0\u{1}",
            "\0a",
            "\u{1}",
            "\u{1}\0",
            "\u{1}\u{1}",
            "\u{1}\u{2}",
            "\u{2}",
            "a",
            "a\0",
            "a\0b",
            "a\u{1}b",
            "a\u{2}",
            "b",
            "\u{10ffff}",
        ];
        texts.sort_unstable();
        for pair in texts.windows(2) {
            assert!(stored(pair[0]) < stored(pair[1]), "{pair:?}");
        }
        for text in texts {
            assert!(!stored(text).contains('\0'));
            assert_eq!(read(stored(text).into_owned()), text);
        }
    }
}
