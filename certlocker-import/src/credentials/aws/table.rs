//! The CSV that the console hands out once.

use super::assemble::Assembler;
use super::setting::Setting;
use crate::credentials::NoteKind;

/// Whether the first line is the header of such a table.
pub(super) fn is_table(text: &str) -> bool {
    let header = text.trim_start().lines().next().unwrap_or_default();
    header.contains(',') && header.to_ascii_lowercase().contains("access key id")
}

pub(super) fn read(text: &str, into: &mut Assembler) {
    let mut rows = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns: Vec<Option<Setting>> = match rows.headers() {
        Ok(header) => header.iter().map(Setting::named).collect(),
        Err(_) => {
            return into.note(
                1,
                NoteKind::Problem,
                "the header of the table does not read",
            );
        }
    };
    for row in rows.records() {
        let Ok(row) = row else {
            return into.note(0, NoteKind::Problem, "a row of the table does not read");
        };
        let line = row.position().map_or(0, csv::Position::line);
        let line = usize::try_from(line).unwrap_or_default();
        into.part(line, "console CSV");
        // Where the table has a password, it is the console's, and of no use to the API.
        let cells = columns.iter().zip(row.iter());
        for (setting, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
            if let Some(setting) = setting {
                into.set(line, *setting, cell);
            }
        }
    }
}
