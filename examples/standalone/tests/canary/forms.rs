//! Random secrets, and every form in which one could come to light.

use std::collections::HashMap;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The secrets that were handed out, each with where it was put.
#[derive(Default)]
pub(crate) struct Canaries(Vec<(String, Vec<u8>)>);

/// How much of a form has to be there to be found.
const WINDOW: usize = 12;

impl Canaries {
    /// A new secret as text, to be put at `place`.
    pub(crate) fn text(&mut self, place: &str) -> String {
        let text: String = random::<30>().iter().map(|byte| letter(*byte)).collect();
        self.keep(place, text.as_bytes());
        text
    }

    /// A new secret with the length of a key.
    pub(crate) fn key(&mut self, place: &str) -> [u8; 32] {
        let key = random();
        self.keep(place, &key);
        key
    }

    /// A secret that the server made.
    pub(crate) fn keep(&mut self, place: &str, secret: &[u8]) {
        self.0.push((place.to_owned(), secret.to_vec()));
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// What looks for all of them at once.
    pub(crate) fn search(&self) -> Search<'_> {
        let mut needles: HashMap<_, Vec<_>> = HashMap::new();
        for (place, secret) in &self.0 {
            for (form, bytes) in forms(secret) {
                let begin = *bytes.first_chunk().expect("a form is longer than a window");
                needles
                    .entry(begin)
                    .or_default()
                    .push((place.as_str(), form));
            }
        }
        Search(needles)
    }
}

/// The beginnings of all forms of all secrets.
pub(crate) struct Search<'a>(HashMap<[u8; WINDOW], Vec<(&'a str, &'static str)>>);

impl Search<'_> {
    /// Which secrets are in `bytes`, and in which form.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<(&str, &'static str)> {
        let windows = bytes.array_windows::<WINDOW>();
        let found = windows.filter_map(|window| self.0.get(window));
        let mut found: Vec<_> = found.flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).unwrap();
    bytes
}

fn letter(byte: u8) -> char {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char::from(LETTERS[usize::from(byte) % LETTERS.len()])
}

fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let each = |show: fn(&u8) -> String| secret.iter().map(show).collect::<String>().into_bytes();
    let numbers = format!("{secret:?}");
    let mut forms = vec![
        ("raw", secret.to_vec()),
        ("hexadecimal", each(|byte| format!("{byte:02x}"))),
        ("upper-case hexadecimal", each(|byte| format!("{byte:02X}"))),
        ("percent-encoded", each(|byte| format!("%{byte:02X}"))),
        ("escaped for C", each(|byte| format!("\\x{byte:02x}"))),
        ("escaped for JSON", each(|byte| format!("\\u{byte:04x}"))),
        ("a list of numbers", numbers.trim_matches(['[', ']']).into()),
        (
            "numbers in JSON",
            numbers.trim_matches(['[', ']']).replace(' ', "").into(),
        ),
        ("backwards", secret.iter().rev().copied().collect()),
    ];
    if !secret.is_ascii() {
        forms.push(("escaped", secret.escape_ascii().to_string().into()));
        forms.push((
            "lossy text",
            String::from_utf8_lossy(secret).into_owned().into(),
        ));
    }
    for (offset, skipped) in [(0, 0), (1, 2), (2, 3)] {
        let shifted = [&vec![0; offset][..], secret].concat();
        // The last letter depends on what follows.
        let whole = |text: String| text[skipped..text.len() - 1].as_bytes().to_vec();
        forms.push(("base64", whole(STANDARD_NO_PAD.encode(&shifted))));
        forms.push(("base64url", whole(URL_SAFE_NO_PAD.encode(&shifted))));
    }
    forms
}

#[test]
fn a_secret_is_found_in_every_form_and_nothing_else_is() {
    let mut canaries = Canaries::default();
    let text = canaries.text("a text");
    let key = canaries.key("a key");
    let search = canaries.search();
    assert_eq!(
        search.find(b"nothing of interest, whatever its length may be"),
        []
    );
    for (place, secret) in [("a text", text.as_bytes()), ("a key", &key)] {
        let seen = |bytes: &[u8]| search.find(bytes).iter().any(|(found, _)| *found == place);
        for before in ["", "x", "xy"] {
            let inside = [before.as_bytes(), secret, b"behind"].concat();
            for shown in [
                inside.clone(),
                STANDARD_NO_PAD.encode(&inside).into_bytes(),
                URL_SAFE_NO_PAD.encode(&inside).into_bytes(),
                format!("{inside:?}").into_bytes(),
                serde_json::to_vec(&inside).unwrap(),
                inside.escape_ascii().to_string().into_bytes(),
                inside
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>()
                    .into(),
            ] {
                assert!(seen(&shown), "{place}: {}", shown.escape_ascii());
            }
        }
    }
}
