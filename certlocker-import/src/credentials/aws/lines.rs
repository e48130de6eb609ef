//! Texts of lines: files of profiles, shells, labels and bare pairs, mixed as they come.

use super::assemble::Assembler;
use super::check;
use super::setting::Setting;
use crate::credentials::NoteKind;
use crate::credentials::statement::{Assignment, assignments, unquoted};
use crate::credentials::text::Text;

pub(super) fn read(text: &Text, into: &mut Assembler) {
    for (number, line) in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || is_comment(trimmed) {
            into.forget_last();
        } else if is_nested(line, into) {
            into.note(
                number,
                NoteKind::Ignored,
                "this belongs to a setting of no use here",
            );
        } else {
            one(number, line, into);
        }
    }
}

/// By the rule of the SDKs, a comment starts its line; elsewhere `#` belongs to the value.
fn is_comment(line: &str) -> bool {
    line.starts_with(['#', ';']) || line.starts_with("//")
}

/// `s3 =` and whatever is indented below it.
fn is_nested(line: &str, into: &Assembler) -> bool {
    line.starts_with([' ', '\t']) && into.last() == Some(Setting::Other("s3"))
}

fn one(number: usize, line: &str, into: &mut Assembler) {
    let trimmed = line.trim();
    if let Some(header) = trimmed.strip_prefix('[') {
        return section(number, header, into);
    }
    if let Some((shell, found)) = assignments(line) {
        return assigned(number, shell, &found, into);
    }
    if let Some((setting, value)) = labelled(trimmed) {
        into.read_as("labelled values");
        return into.set(number, setting, value);
    }
    if into.last() == Some(Setting::SessionToken) && is_rest_of_token(trimmed, into) {
        return into.append(trimmed);
    }
    if !bare(number, trimmed, into) {
        let text = "this line is nothing that is known here";
        into.note(number, NoteKind::Ignored, text);
    }
}

fn section(number: usize, header: &str, into: &mut Assembler) {
    let Some((name, _)) = header.split_once(']') else {
        let text = "a section begins here and `]` is missing";
        return into.note(number, NoteKind::Problem, text);
    };
    let name = name.trim();
    match name.split_once([' ', '\t']) {
        Some(("profile", name)) => into.profile(number, unquoted(name.trim()), true),
        Some(("sso-session" | "services", _)) => into.skip_section(number),
        _ if matches!(name, "preview" | "plugins") => into.skip_section(number),
        _ => into.profile(number, unquoted(name), false),
    }
}

fn assigned(number: usize, shell: &'static str, found: &[Assignment], into: &mut Assembler) {
    into.read_as(shell);
    for (name, value) in found {
        match Setting::named(name) {
            Some(setting) => into.set(number, setting, value),
            None => into.note(
                number,
                NoteKind::Ignored,
                "a variable that is not known here",
            ),
        }
    }
}

/// `name = value`, `"name": "value",`, `name: value`, `name<tab>value`, `| name | value |`.
fn labelled(line: &str) -> Option<(Setting, &str)> {
    let line = line.trim_matches(|c| c == '|' || c == ' ' || c == '\t');
    let by_sign = line.split_once(['=', ':']);
    let by_gap = line.split_once('\t').or_else(|| line.split_once("  "));
    let by_bar = line.split_once('|');
    [by_bar, by_sign, by_gap]
        .into_iter()
        .flatten()
        .find_map(|(name, value)| {
            let setting = Setting::named(name.trim())?;
            let value = value.trim().trim_end_matches(',');
            Some((setting, unquoted(value.trim())))
        })
}

/// Mail programs break long tokens into lines.
fn is_rest_of_token(line: &str, into: &Assembler) -> bool {
    check::is_base64(line) && !check::is_key_id(line) && into.has(Setting::AccessKeyId)
}

/// An identifier, a secret and a token by their forms, as a table or a chat shows them.
fn bare(number: usize, line: &str, into: &mut Assembler) -> bool {
    let words = || {
        line.split([' ', '\t', ',', ':', ';', '|'])
            .filter(|word| !word.is_empty())
    };
    let is_pair = words().any(check::is_key_id);
    let mut any = false;
    for word in words().map(unquoted) {
        let setting = if check::is_key_id(word) {
            Setting::AccessKeyId
        } else if check::is_secret(word) && (is_pair || into.has(Setting::AccessKeyId)) {
            Setting::SecretAccessKey
        } else if check::is_session_token(word) && into.has(Setting::SecretAccessKey) {
            Setting::SessionToken
        } else {
            continue;
        };
        any = true;
        into.set(number, setting, word);
        into.read_as("bare values");
    }
    any
}
