//! Bytes of an upload or a clipboard as lines of text.

use zeroize::Zeroizing;

use super::{Note, NoteKind};

/// A text with plain blanks, plain quotes and single line feeds.
pub(super) struct Text {
    pub(super) notes: Vec<Note>,
    pub(super) text: Zeroizing<String>,
}

/// Text of more bytes than this is no credential file.
const LONGEST: usize = 1 << 20;

impl Text {
    /// What the bytes say, whatever editor or console they come from.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut notes = Vec::new();
        if bytes.len() > LONGEST {
            notes.push(whole("the text is too long to be credentials"));
            let text = Zeroizing::new(String::new());
            return Self { notes, text };
        }
        let decoded = characters(bytes, &mut notes);
        Self {
            text: Zeroizing::new(plain(&decoded)),
            notes,
        }
    }

    /// The lines, each with its number from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .split('\n')
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }
}

fn whole(text: &str) -> Note {
    Note {
        kind: NoteKind::Problem,
        line: 0,
        text: text.to_owned(),
    }
}

fn characters(bytes: &[u8], notes: &mut Vec<Note>) -> Zeroizing<String> {
    let units = |pair: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes[2..]
            .chunks_exact(2)
            .map(|two| pair([two[0], two[1]]))
            .collect()
    };
    let text = match bytes {
        [0xff, 0xfe, ..] => String::from_utf16(&Zeroizing::new(units(u16::from_le_bytes))).ok(),
        [0xfe, 0xff, ..] => String::from_utf16(&Zeroizing::new(units(u16::from_be_bytes))).ok(),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        all => std::str::from_utf8(all).ok().map(str::to_owned),
    };
    if text.is_none() {
        notes.push(whole("the text is neither UTF-8 nor UTF-16 with a mark"));
    }
    Zeroizing::new(text.unwrap_or_default())
}

/// Web pages put in blanks that nobody sees, word processors put in quotes that nobody typed.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                plain.push('\n');
            }
            '\u{a0}' | '\u{2007}' | '\u{202f}' => plain.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
            '\u{201c}'..='\u{201f}' => plain.push('"'),
            '\u{2018}'..='\u{201b}' => plain.push('\''),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_line_ends_blanks_and_quotes_become_plain() {
        let utf16: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain("a\r\nb".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        for (bytes, expected) in [
            (&b"a\r\nb\rc"[..], "a\nb\nc"),
            ("\u{feff}a".as_bytes(), "a"),
            (&utf16, "a\nb"),
            ("\u{201c}a\u{201d}\u{a0}\u{200b}b".as_bytes(), "\"a\" b"),
        ] {
            assert_eq!(*Text::decode(bytes).text, expected);
        }
    }

    #[test]
    fn what_is_no_text_is_said_so() {
        let text = Text::decode(&[0x61, 0xff]);
        assert!(text.text.is_empty());
        assert_eq!(text.notes[0].kind, NoteKind::Problem);
    }
}
