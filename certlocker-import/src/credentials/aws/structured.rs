//! JSON of STS, IAM, the metadata service, Identity Center and `credential_process`.

use super::assemble::Assembler;
use super::setting::Setting;
use crate::credentials::NoteKind;
use crate::credentials::tree::{Node, Value};

/// Whether a text is JSON rather than sections and lines.
pub(super) fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    let list = text.strip_prefix('[').map(str::trim_start);
    text.starts_with('{') || list.is_some_and(|inside| inside.starts_with('{'))
}

pub(super) fn read(text: &str, into: &mut Assembler) {
    match Node::parse(text) {
        Ok(tree) => node(&tree, into),
        Err(broken) => into.note(broken.line, NoteKind::Problem, broken.what),
    }
}

/// Every map that has a key's identifier or secret is an identity, wherever it is.
fn node(at: &Node, into: &mut Assembler) {
    at.items().iter().for_each(|item| node(item, into));
    let keys = at.members().iter().any(|(name, node)| {
        node.text().is_some() && Setting::named(name).is_some_and(Setting::is_key)
    });
    if keys {
        identity(at, into);
    }
    for (name, member) in at.members() {
        match member.value {
            Value::Text(_) if keys => {}
            Value::Text(_) => ignored(name, member.line, into),
            _ => node(member, into),
        }
    }
}

fn identity(at: &Node, into: &mut Assembler) {
    if let Some(version) = at
        .member("Version")
        .filter(|version| version.text() != Some("1"))
    {
        let text = "`Version` was expected to be 1";
        into.note(version.line, NoteKind::Problem, text);
        return;
    }
    into.part(at.line, "JSON");
    for (name, member) in at.members() {
        match (Setting::named(name), member.text()) {
            (Some(setting), Some(value)) => into.set(member.line, setting, value),
            (None, Some(_)) => ignored(name, member.line, into),
            (_, None) => {}
        }
    }
}

fn ignored(name: &str, line: usize, into: &mut Assembler) {
    let text = match Setting::named(name) {
        Some(setting) => format!("`{}` is of no use for an import", setting.name()),
        None => "a member that is not known here".to_owned(),
    };
    into.note(line, NoteKind::Ignored, text);
}
