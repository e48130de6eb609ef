//! Credentials as people paste them: what a text holds, what was left aside, and on which line.
//!
//! Nothing here is executed or fetched, and no value of a text reaches a note or an error: they name
//! a line and a setting from a list of known names.

mod aws;
mod openstack;
mod statement;
mod text;
mod tree;

use std::fmt;

pub use aws::{
    AccessKey, AwsCredential, AwsSecretSource, RoleBase, aws, aws_environment, aws_instance_profile,
};
pub use openstack::{
    ApplicationCredential, Interface, Named, OpenStackAuth, OpenStackCredential, OpenStackFiles,
    OpenStackScope, Project, Region, Trust, User, openstack_clouds, openstack_environment,
    openstack_form, openstack_rc,
};

/// What was read from a text: identities, and notes about everything else.
#[derive(Debug)]
#[allow(
    clippy::exhaustive_structs,
    reason = "what was found, and what was not"
)]
pub struct Reading<T> {
    /// The identities, in the order of the text. More than one is for the reader to choose from.
    pub found: Vec<Found<T>>,
    /// What was ignored, changed on reading, or is wrong.
    pub notes: Vec<Note>,
}

impl<T> Reading<T> {
    pub(crate) fn new() -> Self {
        Self {
            found: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The identity with this name.
    pub fn named(&self, name: &str) -> Option<&T> {
        self.found
            .iter()
            .find(|found| found.name == name)
            .map(|found| &found.value)
    }

    /// Whether anything stands in the way of using what was found.
    pub fn has_problems(&self) -> bool {
        self.notes.iter().any(|note| note.kind == NoteKind::Problem)
    }

    pub(crate) fn note(&mut self, line: usize, kind: NoteKind, text: impl Into<String>) {
        self.notes.push(Note {
            kind,
            line,
            text: text.into(),
        });
    }

    pub(crate) fn in_order(mut self) -> Self {
        self.notes.sort_by_key(|note| note.line);
        self
    }
}

/// One identity of a text.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "an identity and where it was")]
pub struct Found<T> {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// What the text calls it: a profile, a user, a cloud.
    pub name: String,
    /// Which form it was read as.
    pub read_as: &'static str,
    /// The identity.
    pub value: T,
}

/// Something about a line of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a line and a sentence")]
pub struct Note {
    /// How much it matters.
    pub kind: NoteKind,
    /// The line, from 1; 0 is the text as a whole.
    pub line: usize,
    /// The sentence, without anything secret.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            NoteKind::Ignored => "ignored",
            NoteKind::Problem => "problem",
            NoteKind::Warning => "warning",
        };
        match self.line {
            0 => write!(f, "{kind}: {}", self.text),
            line => write!(f, "line {line}: {kind}: {}", self.text),
        }
    }
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "it matters not, perhaps, or does")]
pub enum NoteKind {
    /// Left aside; nothing is lost for an import.
    Ignored,
    /// An identity cannot be used because of this.
    Problem,
    /// Used, and worth knowing.
    Warning,
}

/// A name from a text, printable and bounded.
pub(crate) fn label(text: &str) -> String {
    const LONGEST: usize = 64;
    let printable: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .take(LONGEST)
        .collect();
    if printable.is_empty() {
        "unnamed".to_owned()
    } else {
        printable
    }
}
