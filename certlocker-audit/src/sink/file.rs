//! Records as lines of a file that is rotated, and that may be moved away by others.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use certlocker_core::Record;

use super::{AuditSink, Format, SinkError};

/// A file of lines.
///
/// A delivery is on the disk when it returns. A file that was removed or renamed meanwhile is not
/// written on in the dark: the delivery begins again in a new one.
#[derive(Debug)]
pub struct FileSink {
    format: Format,
    open: Mutex<Option<File>>,
    path: PathBuf,
    rotation: Rotation,
}

/// When a file is full, and how many full ones are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a file is full by its size")]
pub struct Rotation {
    /// The file is full from so many bytes on.
    pub bytes: u64,
    /// How many full files are kept, the newest with the ending `.1`.
    pub kept: u32,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            kept: 16,
        }
    }
}

impl FileSink {
    /// Lines in the file at `path`, which is made, readable to its owner, when it is missing.
    pub fn new(path: impl Into<PathBuf>, format: Format, rotation: Rotation) -> Self {
        Self {
            format,
            open: Mutex::new(None),
            path: path.into(),
            rotation,
        }
    }

    fn write(&self, lines: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = match open.take() {
            Some(file) if is_at(&file, &self.path)? => file,
            _ => begin(&self.path)?,
        };
        if file.metadata()?.len() >= self.rotation.bytes {
            rotate(&self.path, self.rotation.kept)?;
            file = begin(&self.path)?;
        }
        file.write_all(lines)?;
        file.sync_all()?;
        if !is_at(&file, &self.path)? {
            let what = "the file was moved or removed while it was written";
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        *open = Some(file);
        Ok(())
    }
}

#[async_trait]
impl AuditSink for FileSink {
    async fn deliver(&self, records: &[Record]) -> Result<(), SinkError> {
        let mut lines = Vec::new();
        for record in records {
            lines.extend(self.format.line(record));
            lines.push(b'\n');
        }
        let failed =
            |error| SinkError::with(format!("{} was not written", self.path.display()), error);
        self.write(&lines).map_err(failed)
    }
}

/// Whether an open file is the one that its path leads to.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a file to append to. A line that a crash cut off goes: its record comes again.
fn begin(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    let mut file = options.open(path)?;
    let end = whole_lines(&mut file)?;
    if end < file.metadata()?.len() {
        file.set_len(end)?;
    }
    if let Some(directory) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        File::open(directory)?.sync_all()?;
    }
    Ok(file)
}

/// Where the last whole line ends.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const STEP: u64 = 64 << 10;
    let mut end = file.metadata()?.len();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut part = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(file)
            .take(end - start)
            .read_to_end(&mut part)?;
        if let Some(place) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + place as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn rotate(path: &Path, kept: u32) -> io::Result<()> {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    for number in (1..kept).rev() {
        match fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match kept {
        0 => fs::remove_file(path),
        _ => fs::rename(path, numbered(1)),
    }
}
