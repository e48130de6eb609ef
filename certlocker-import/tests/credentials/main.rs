//! Credentials in the forms that people paste.

mod aws;
mod openstack;

use certlocker_import::credentials::{NoteKind, Reading};

/// What a reading shows of itself, which nothing secret may be a part of.
fn shown<T: std::fmt::Debug>(reading: &Reading<T>) -> String {
    let notes: Vec<String> = reading.notes.iter().map(ToString::to_string).collect();
    format!("{reading:?} {}", notes.join("\n"))
}

/// The line of the only problem, and its text.
fn problem<T>(reading: &Reading<T>) -> (usize, &str) {
    let mut problems = reading
        .notes
        .iter()
        .filter(|note| note.kind == NoteKind::Problem);
    let problem = problems.next().expect("nothing is wrong with it");
    assert!(problems.next().is_none(), "{:?}", reading.notes);
    (problem.line, &problem.text)
}
