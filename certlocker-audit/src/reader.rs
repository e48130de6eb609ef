//! Reads the tiles and bundles of a log, of a directory or from afar.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use crate::files::Source;
use crate::tile::{HEIGHT, Resource, Tile, WIDTH, entries, node_in, parse};
use crate::tree::{Hash, Nodes};

/// Why a tile or a bundle cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The tree has none there.
    #[error("a tree of {size} entries has no hash {index} at level {level}")]
    Absent {
        /// The level of the tree.
        level: u32,
        /// The index there.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// It is not as long as it has to be.
    #[error("{path} has {seen}, and {expected} were expected")]
    Length {
        /// Which file.
        path: String,
        /// What it has to have.
        expected: String,
        /// What it has.
        seen: String,
    },
    /// It is missing, or the system does not give it.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The tree of a log at one size, as its files have it; nothing is checked against the root.
#[derive(Debug)]
pub struct Tiles<S> {
    source: S,
    size: u64,
    read: Mutex<BTreeMap<Tile, Vec<Hash>>>,
}

/// How many tiles are kept: more than one proof needs.
const KEPT: usize = 64;

impl<S: Source> Tiles<S> {
    /// The tree of `size` entries.
    pub fn new(source: S, size: u64) -> Self {
        Self {
            source,
            size,
            read: Mutex::default(),
        }
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tile that has the hash `number` of a level of tiles.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn tile(&self, level: u8, number: u64) -> Result<Vec<Hash>, ReadError> {
        let tile = self.place(level, number)?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hashes) = read.get(&tile) {
            return Ok(hashes.clone());
        }
        let (path, bytes) = self.bytes(Resource::Tile(tile))?;
        // A file has to have just what its name says.
        let width = if path.contains(".p/") {
            tile.width
        } else {
            256
        };
        let mut hashes = parse(&bytes, width).ok_or_else(|| ReadError::Length {
            path,
            expected: format!("{width} hashes"),
            seen: format!("{} bytes", bytes.len()),
        })?;
        hashes.truncate(usize::from(tile.width));
        if read.len() >= KEPT {
            read.pop_first();
        }
        read.insert(tile, hashes.clone());
        Ok(hashes)
    }

    /// The bytes of the bundle that has entry `index`, and its path.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn bundle(&self, index: u64) -> Result<(String, Vec<u8>), ReadError> {
        let tile = self.place(0, index)?;
        self.bytes(Resource::entries_of(&tile))
    }

    /// One entry.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, ReadError> {
        let (path, bundle) = self.bundle(index)?;
        let place = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        let entry = entries(&bundle).nth(place).flatten();
        entry.map(<[u8]>::to_vec).ok_or_else(|| ReadError::Length {
            path,
            expected: format!("{} entries", index % WIDTH + 1),
            seen: format!("{} that can be read", entries(&bundle).flatten().count()),
        })
    }

    fn place(&self, level: u8, number: u64) -> Result<Tile, ReadError> {
        Tile::holding(level, number, self.size).ok_or_else(|| ReadError::Absent {
            level: u32::from(level) * HEIGHT,
            index: number,
            size: self.size,
        })
    }

    /// A partial resource may be gone once the full one is there, which begins with it.
    fn bytes(&self, resource: Resource) -> Result<(String, Vec<u8>), ReadError> {
        let path = resource.to_string();
        let unreadable = |source| ReadError::Unreadable {
            path: path.clone(),
            source,
        };
        let error = match self.source.read(&path) {
            Ok(bytes) => return Ok((path, bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => error,
            Err(error) => return Err(unreadable(error)),
        };
        let Some((full, _)) = path.split_once(".p/") else {
            return Err(unreadable(error));
        };
        let bytes = self.source.read(full).map_err(|_| unreadable(error))?;
        Ok((full.to_owned(), bytes))
    }
}

impl<S: Source> Nodes for Tiles<S> {
    type Error = ReadError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, ReadError> {
        let absent = || ReadError::Absent {
            level,
            index,
            size: self.size,
        };
        let height = level % HEIGHT;
        let first = index.checked_shl(height).ok_or_else(absent)?;
        let tile_level = u8::try_from(level / HEIGHT).map_err(|_| absent())?;
        let hashes = self.tile(tile_level, first)?;
        let position = usize::try_from((first % WIDTH) >> height).unwrap_or(usize::MAX);
        node_in(&hashes, height, position).ok_or_else(absent)
    }
}
